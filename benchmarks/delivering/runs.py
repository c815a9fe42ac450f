"""The runs of the command, each on a stage of its own, each judged by what was stored."""

from __future__ import annotations

import json
import random
import time
from typing import Any

from benchmarks.delivering.faults import SEQUENCE, Fault
from benchmarks.delivering.judge import judge, stored_over_time
from benchmarks.delivering.stage import Setting, Stage
from greencam.client.image_index import read_index

_SETTLE_S = 1.5
_WARM_S = 2.0


def faults(seconds: float, seed: int) -> dict[str, Any]:
    """The sequence of faults, again and again in another order, for about so many seconds."""
    chance = random.Random(seed)
    done: list[dict[str, Any]] = []
    with Stage(Setting()) as stage:
        began_wall_s = time.time()
        _begin(stage)
        while stage.now_s() < seconds or len(done) < len(SEQUENCE):
            order = list(SEQUENCE) if not done else chance.sample(SEQUENCE, len(SEQUENCE))
            for fault in order:
                if stage.now_s() < seconds or len(done) < len(SEQUENCE):
                    done.append(_suffer(stage, fault))
        stage.finish()
        found = judge(stage.images, stage.left_behind)
        return {
            **found,
            "seconds": stage.now_s(),
            "seed": seed,
            "fps": stage.setting.fps,
            "done": done,
            "put_p99_ms": max(stage.put_p99_ms),
            "spool_high_water_bytes": max(sample["spool_bytes"] for sample in stage.samples),
            "samples": stage.samples,
            "stored_s": stored_over_time(stage.images, began_wall_s)[:: max(1, found["stored"] // 600)],
        }


def _begin(stage: Stage) -> None:
    stage.start_redis()
    stage.start("storeimages.py")
    stage.start("cam1_stream.py")
    stage.wait_for_image()
    time.sleep(_WARM_S)


def _suffer(stage: Stage, fault: Fault) -> dict[str, Any]:
    began_s, before = stage.now_s(), stage.seq()
    fault.act(stage)
    ended_s, after = stage.now_s(), stage.seq()
    resumed_s = stage.wait_for_image()
    time.sleep(_SETTLE_S)
    stage.note_put()
    same = before[0] == after[0] and ended_s - began_s > 1.0
    fps = (after[1] - before[1]) / (ended_s - began_s) if same else None
    return {
        "name": fault.name,
        "at_s": began_s,
        "lasted_s": ended_s - began_s,
        "resumed_s": resumed_s,
        "redis_down": fault.redis_down,
        "fps": fps,
    }


def outage(seconds: float) -> dict[str, Any]:
    """Redis away once, for long; how fast the rest is there when it comes back."""
    with Stage(Setting(fps=30.0, width=1280, height=720)) as stage:
        _begin(stage)
        stage.kill("redis")
        before, began_s = stage.seq()[1], stage.now_s()
        time.sleep(seconds)
        away_s, waited = stage.now_s() - began_s, stage.seq()[1]
        spool_bytes = stage.spool_bytes()
        stage.start_redis()
        resumed_s = stage.wait_for_image()
        drained_s = _drained(stage) + resumed_s
        stage.finish()
        found = judge(stage.images, stage.left_behind)
        return {
            **found,
            "seconds": away_s,
            "fps": (waited - before) / away_s,
            "waiting": waited - before,
            "spool_bytes": spool_bytes,
            "resumed_s": resumed_s,
            "drained_s": drained_s,
            "put_p99_ms": max(stage.put_p99_ms),
        }


def _drained(stage: Stage) -> float:
    """Seconds until the newest image is one that was just taken."""
    began_s = time.monotonic()
    while stage.seq()[1] - stage.stored() > stage.setting.fps / 5:
        time.sleep(0.02)
        if time.monotonic() - began_s > 60:
            break
    return time.monotonic() - began_s


def kills(count: int, seconds: float, seed: int) -> dict[str, Any]:
    """Redis killed so many times within so many seconds while frames are written."""
    chance = random.Random(seed)
    with Stage(Setting()) as stage:
        _begin(stage)
        began_s, before = stage.now_s(), stage.seq()[1]
        for turn in range(count):
            due_s = began_s + (turn + chance.uniform(0.2, 0.8)) * seconds / count
            time.sleep(max(0.0, due_s - stage.now_s()))
            stage.kill("redis")
            stage.start_redis()
        lasted_s = stage.now_s() - began_s
        fps = (stage.seq()[1] - before) / lasted_s
        stage.wait_for_image()
        stage.finish()
        return {**judge(stage.images, stage.left_behind), "kills": count, "seconds": lasted_s, "fps": fps}


def overflow(seconds: float) -> dict[str, Any]:
    """An outage that the spool can't hold: what is lost against what the gap records say."""
    with Stage(Setting(spool_mb=2)) as stage:
        _begin(stage)
        stage.kill("redis")
        time.sleep(seconds)
        stage.start_redis()
        stage.wait_for_image()
        stage.finish()
        found = judge(stage.images, stage.left_behind)
        index = read_index(stage.images)
        gaps = [note for note in index.notes if note.kind == "gap"] if index else []
        alerts = stage.log("cam1_stream").count("ALERT")
        return {
            **found,
            "told": sum(gap.frames for gap in gaps),
            "gaps": [gap._asdict() for gap in gaps],
            "exact": bool(gaps)
            and found["missing"][:1] == [gaps[0].first]
            and found["missing"][-1:] == [gaps[-1].last],
            "alerts": alerts,
        }


def cost(seconds: float, rounds: int) -> list[dict[str, Any]]:
    """Live readers only and durable only in turn, in the same run: rate and processor time."""
    rows = []
    for number in range(2 * rounds):
        durable = bool(number % 2)
        consumers = "[{name: recorder, every_s: 0}]" if durable else "[{name: recorder, enabled: false}]"
        with Stage(Setting(width=1280, height=720, fps=30.0, consumers=consumers)) as stage:
            stage.start_redis()
            stage.start("cam1_stream.py")
            if durable:
                stage.start("storeimages.py")
            else:
                stage.start("client.py", "--transport", "redis", "--stats", "--json")
            time.sleep(4.0)
            rows.append({"way": "durable" if durable else "live", **_spent(stage, seconds)})
    return rows


def _spent(stage: Stage, seconds: float) -> dict[str, Any]:
    names = ("cam1_stream", "redis")
    before = {name: stage.cpu_s(name) for name in names}
    began_s, seq, encoded = stage.now_s(), stage.seq()[1], stage.beat().get("encoded", 0)
    time.sleep(seconds)
    frames, lasted_s = stage.seq()[1] - seq, stage.now_s() - began_s
    spent = {f"{name}_ms": 1e3 * (stage.cpu_s(name) - before[name]) / max(1, frames) for name in names}
    return {"fps": frames / lasted_s, "encoded": stage.beat().get("encoded", 0) - encoded, **spent}


def plain(value: Any) -> Any:
    """The same with floats that have as many digits as were measured."""
    return json.loads(json.dumps(value), parse_float=lambda text: float(f"{float(text):.4g}"))
