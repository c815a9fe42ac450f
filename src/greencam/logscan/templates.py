"""Lines that say the same with other figures, found without knowing the program that wrote them.

Drain (He, Zhu, Zheng, Lyu: "Drain: An Online Log Parsing Approach with Fixed Depth Tree", ICWS 2017): figures,
paths and addresses are masked, then a line is compared only with the templates of the same number of words and the
same first word. The tree of fixed depth is one dictionary here, keyed by source, length and first word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from greencam.logscan.entry import Entry, Kind
from greencam.logscan.levels import INFO, RANK, WARNING
from greencam.logscan.moments import iso

WILD = "<*>"
SIMILAR = 0.5  # st of the paper, section V.B
MOST_TEMPLATES = 1000
NEW_SHARE = 6  # new is what was first seen in the newest sixth of the time that the logs cover
_NEW_AFTER_S = 3600.0
_MOST_FIRST_WORDS = 100  # maxChild of the paper
_MOST_ALIKE = 32  # templates of one leaf, each of which is compared with every line that comes there
_MOST_KEPT = 20_000
_MOST_WORDS, _MOST_LETTERS = 40, 400
_EXAMPLES = 3
_TOP = 100
_VARIABLE = re.compile(
    r"\b[a-z][a-z+]{1,15}://\S+"
    r"|(?<![\w/])/[\w.@%+-][\w./@%+:-]*"
    r"|\b[0-9]x[0-9a-fA-F]+"  # any figure for the 0: a line's shape, below, does not tell one from another
    r"|\b(?=[a-f-]{0,40}\d)[0-9a-f]{8,}(?:-[0-9a-f]{2,})*\b"
    r"|\d+(?:[.,:-]\d+)*"
)

_FIGURES = str.maketrans("123456789", "000000000")  # a tenth of the masking's time, and enough for most lines
_Leaf = tuple[str, int, str]


def masked(message: str, name: str = "") -> str:
    """The message with `<*>` for figures, paths, addresses, identities, and for `name`, its camera or process."""
    text = message[:_MOST_LETTERS]
    if name and name in text:
        text = text.replace(name, WILD)
    return _VARIABLE.sub(WILD, text)


@dataclass(slots=True, eq=False)
class Template:
    """One kind of line: its words, how often, from when to when, by whom, and the first examples."""

    words: list[str]
    leaf: _Leaf
    level: str
    count: int = 0
    first_s: float | None = None
    last_s: float | None = None
    names: set[str] = field(default_factory=set)
    examples: list[str] = field(default_factory=list)
    turn: int = 0
    alive: bool = True

    @property
    def source(self) -> str:
        """The program that writes it."""
        return self.leaf[0]

    @property
    def text(self) -> str:
        """The words as a line."""
        return " ".join(self.words)

    def take(self, entry: Entry, turn: int) -> None:
        """Count a line of this kind."""
        self.count += entry.times
        self.turn = turn
        at_s = entry.at_s
        if at_s is not None:
            last_s = entry.until_s if entry.until_s is not None else at_s
            self.first_s = at_s if self.first_s is None or at_s < self.first_s else self.first_s
            self.last_s = last_s if self.last_s is None or last_s > self.last_s else self.last_s
        if RANK[entry.level] > RANK[self.level]:
            self.level = entry.level
        if entry.name and len(self.names) < 16:
            self.names.add(entry.name)
        if len(self.examples) < _EXAMPLES:
            example = entry.message[:_MOST_LETTERS]
            if example not in self.examples:
                self.examples.append(example)

    def widen(self, words: list[str]) -> None:
        """Make a word that differs a variable one."""
        self.words = [mine if mine == other else WILD for mine, other in zip(self.words, words, strict=True)]


class Miner:
    """The templates of all lines taken; at most `most`, of which the rarest and oldest are forgotten first."""

    def __init__(self, most: int = MOST_TEMPLATES) -> None:
        self._most = most
        self._leaves: dict[_Leaf, list[Template]] = {}
        self._first_words: dict[tuple[str, int], set[str]] = {}
        self._known: dict[tuple[str, ...], Template] = {}
        self._shapes: dict[tuple[str, ...], Template] = {}
        self._count = self._turn = 0
        self.forgotten = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Template]:
        for leaf in self._leaves.values():
            yield from leaf

    def take(self, entry: Entry) -> Template:
        """Find or make the template of a line, and count the line."""
        self._turn += 1
        shape = (entry.source, entry.name, entry.message[:_MOST_LETTERS].translate(_FIGURES))
        template = self._shapes.get(shape)
        if template is None or not template.alive:
            template = self._of_text(entry)
            _remember(self._shapes, shape, template)
        template.take(entry, self._turn)
        return template

    def _of_text(self, entry: Entry) -> Template:
        text = masked(entry.message, entry.name)
        key = (entry.source, text)
        template = self._known.get(key)
        if template is None or not template.alive:
            template = self._find(entry, text.split() or [""])
            _remember(self._known, key, template)
        return template

    def _find(self, entry: Entry, words: list[str]) -> Template:
        if len(words) > _MOST_WORDS:
            words = [*words[:_MOST_WORDS], WILD]
        key = self._leaf_key(entry.source, words)
        leaf = self._leaves.get(key, [])
        best = max(leaf, key=lambda known: _similarity(known.words, words), default=None)
        if best is not None and _similarity(best.words, words) >= SIMILAR:
            best.widen(words)
            return best
        if len(leaf) >= _MOST_ALIKE:
            self._drop([min(leaf, key=_worth)])
        elif self._count >= self._most:
            self._drop(sorted(self, key=_worth)[: self._most // 4 + 1])
        made = Template(words, key, entry.level)
        self._leaves.setdefault(key, []).append(made)
        self._count += 1
        return made

    def _leaf_key(self, source: str, words: list[str]) -> _Leaf:
        """The way through the tree; a first word that holds a variable is no guide, nor is one of too many."""
        first, size = words[0], len(words)
        if WILD in first:
            return source, size, WILD
        known = self._first_words.setdefault((source, size), set())
        if first not in known:
            if len(known) >= _MOST_FIRST_WORDS:
                return source, size, WILD
            known.add(first)
        return source, size, first

    def _drop(self, templates: list[Template]) -> None:
        """Forget these."""
        for one in templates:
            one.alive = False
            leaf = self._leaves[one.leaf]
            leaf.remove(one)
            if not leaf:
                del self._leaves[one.leaf]
                source, size, first = one.leaf
                self._first_words.get((source, size), set()).discard(first)
        self._count -= len(templates)
        self.forgotten += len(templates)


def _remember(known: dict[tuple[str, ...], Template], key: tuple[str, ...], template: Template) -> None:
    if len(known) >= _MOST_KEPT:
        known.clear()
    known[key] = template


def _worth(template: Template) -> tuple[int, int]:
    """What is forgotten first: the rare, and of those what was not seen for longest."""
    return template.count, template.turn


def _similarity(template: list[str], words: list[str]) -> float:
    """simSeq of the paper: the share of words that are equal in both; a variable equals nothing but itself."""
    return sum(mine == other for mine, other in zip(template, words, strict=True)) / len(words)


class Templates:
    """A collector of the kinds of text lines; of the program's own chatter (INFO) only the newest are listed."""

    def __init__(self) -> None:
        self.miner = Miner()
        self._first_s: float | None = None
        self._last_s: float | None = None

    def take(self, entry: Entry) -> None:
        """Count a line; measurements and states of connections have forms of their own."""
        at_s = entry.at_s
        if at_s is not None:
            if self._first_s is None or at_s < self._first_s:
                self._first_s = at_s
            if self._last_s is None or at_s > self._last_s:
                self._last_s = at_s
        if entry.kind is Kind.TEXT or entry.kind is Kind.ISSUE:
            self.miner.take(entry)

    def new_since_s(self) -> float | None:
        """From when on a kind of line counts as new; None when the logs cover too little to tell."""
        if self._first_s is None or self._last_s is None or self._last_s - self._first_s < _NEW_AFTER_S:
            return None
        return self._last_s - (self._last_s - self._first_s) / NEW_SHARE

    def result(self) -> Mapping[str, Any]:
        """The most important ones: errors before warnings, new before known, frequent before rare."""
        since_s = self.new_since_s()
        ranked = sorted(self.miner, key=lambda one: (-RANK[one.level], not _is_new(one, since_s), -one.count))
        return {
            "count": len(self.miner),
            "forgotten": self.miner.forgotten,
            "new_since": iso(since_s),
            "new": sum(_is_new(one, since_s) and one.level != INFO for one in self.miner),
            "list": [_as_dict(one, since_s) for one in ranked[:_TOP]],
        }


def _is_new(template: Template, since_s: float | None) -> bool:
    return since_s is not None and template.first_s is not None and template.first_s >= since_s


def _as_dict(template: Template, since_s: float | None) -> dict[str, Any]:
    return {
        "template": template.text,
        "source": template.source,
        "level": template.level,
        "count": template.count,
        "first": iso(template.first_s),
        "last": iso(template.last_s),
        "new": _is_new(template, since_s),
        "names": sorted(template.names),
        "examples": template.examples,
    }


def notable(templates: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Of a result's list those that are warnings or worse."""
    return [one for one in templates["list"] if RANK.get(one["level"], 0) >= RANK[WARNING]]
