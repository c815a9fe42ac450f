"use strict";
(() => {
  const charts = JSON.parse(document.getElementById("chart-data").textContent);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const light_colours = ["#1f5fa8", "#b3261e", "#1e6b3a", "#8a5a00", "#6b3fa0", "#00707a", "#a03070", "#555", "#7a7a00"];
  const dark_colours = ["#7ab3f5", "#ff8a80", "#7fd39b", "#f2c063", "#c3a3f5", "#6fd6df", "#f59ac4", "#bbb", "#d6d66f"];
  const drawn = [];

  function axis(ink, line, unit) {
    const grid = { stroke: line, width: 1 };
    const out = { stroke: ink, grid, ticks: grid };
    const short = (_, splits) => splits.map(value => String(Number(value.toPrecision(3))));
    return unit === null ? { ...out, values: (_, splits, __, ___, step) => splits.map(at => clock(at, step)) } : { ...out, values: short, size: 64, label: unit || undefined, labelSize: unit ? 18 : 0 };
  }

  function clock(at, step) {
    const iso = new Date(at * 1e3).toISOString();
    if (step < 60) return iso.slice(11, 19);
    return step >= 86400 || iso.slice(11, 16) === "00:00" ? iso.slice(5, 10) : iso.slice(11, 16);
  }

  function stacked(rows) {
    const sums = rows.map(() => []);
    rows[0].forEach((_, at) => {
      let sum = 0;
      rows.forEach((row, which) => { sum += row[at]; sums[which].push(sum); });
    });
    return sums;
  }

  function series(chart, colours) {
    const bars = uPlot.paths.bars({ size: [0.85, 40] });
    const made = chart.names.map((name, at) => {
      const colour = colours[at % colours.length];
      const shape = chart.bars ? { paths: bars, fill: colour, points: { show: false } } : { spanGaps: false };
      const value = (_, shown, __, index) => (index === null ? "–" : String(chart.rows[at][index]));
      return { label: name, stroke: colour, width: chart.bars ? 0 : 1.5, value, ...shape };
    });
    return chart.bars ? made.reverse() : made;
  }

  function draw(chart) {
    const box = document.getElementById(chart.id);
    const style = getComputedStyle(document.documentElement);
    const ink = style.getPropertyValue("--dim").trim(), line = style.getPropertyValue("--line").trim();
    const colours = dark.matches ? dark_colours : light_colours;
    const rows = chart.bars ? stacked(chart.rows).reverse() : chart.rows;
    const options = {
      width: Math.max(240, box.clientWidth), height: 220,
      tzDate: at => uPlot.tzDate(new Date(at * 1e3), "Etc/UTC"),
      series: [{ label: "time", value: "{YYYY}-{MM}-{DD} {HH}:{mm}" }, ...series(chart, colours)],
      axes: [axis(ink, line, null), axis(ink, line, chart.unit)],
      scales: { y: { range: (_, low, high) => [Math.min(0, low || 0), (high || 1) * 1.08] } },
    };
    const plot = new uPlot(options, [chart.at, ...rows], box);
    const watch = new ResizeObserver(() => plot.setSize({ width: Math.max(240, box.clientWidth), height: 220 }));
    watch.observe(box);
    drawn.push(() => { watch.disconnect(); plot.destroy(); });
  }

  function all() {
    while (drawn.length) drawn.pop()();
    charts.forEach(draw);
    document.documentElement.dataset.charts = String(drawn.length);
  }

  dark.addEventListener("change", all);
  all();
})();
