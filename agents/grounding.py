"""Let no number reach a person that is not a fact: fill in references, and find numbers that refer to nothing."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from agents.planner.text import plain
from core.domain.facts import Fact, Table, ToolResult
from core.reporting.rendering import render_cell, render_fact

REFERENCE = re.compile(r"\{\{\s*(?:fact:\s*)?([^{}]+?)\s*\}\}")
# Digits standing for an amount. Digits inside words such as Q2, S&P500 or SMA200 belong to the word; a date is one
# numeral, so that its parts do not free other numbers.
_DATE = r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2})?)?(?!\d)"
_NUMERAL = re.compile(
    rf"(?<![^\W_])(?<![&^]){_DATE}|(?<![^\W_])(?<![&^])[-+−]?[$€£¥]?\d[\d,]*(?:\.\d+)?"
    r"(?:%|(?:\s?(?:bps?|k|m|bn|thousand|million|billion))\b)?|(?<=[A-Za-z])\d+(?:\.\d+)?%",
    re.IGNORECASE,
)
_SPELLED = re.compile(
    r"\b(?:(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)(?:[- ](?:one|two|three|four|five|six|seven|"
    r"eight|nine))?|"
    r"eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen|hundred|thousand|million|"
    r"billion|trillion|"
    r"(?:one|two|three|four|five|six|seven|eight|nine|ten|half|third|quarter|double|doubled|triple|tripled|"
    r"twice)(?=\s+(?:percent|per cent|percentage|basis|dollars?|bps|points?|times|the|its|shares)))\b",
    re.IGNORECASE,
)
_FRACTION = re.compile(
    r"\b(?:half|third|quarter|fifth|tenth)s?\s+of\s+(?:the|its|their|it|all|that|your)\b", re.IGNORECASE
)
# What a chat window would load or run by itself, or hide an address behind.
_IMAGE = re.compile(r"!\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])?")
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)|\[([^\]]+)\]\[[^\]]*\]")
_DEFINITION = re.compile(r"^\s*\[[^\]]+\]:\s*\S+.*$", re.MULTILINE)
_HTML = re.compile(
    r"<(script|style)\b.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)|</?[a-z][^<>]*>|<[a-z]+\s[^<>]*=[^<>]*\Z",
    re.IGNORECASE | re.DOTALL,
)
_ADDRESS = re.compile(r"<?(?:https?://|ftp://|\b(?:https?|file|data|javascript):(?=\S))[^\s>)]*>?", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounded:
    """Hold checked text: `text` with digits filled in, the facts used, and what was wrong with it, if anything."""

    text: str
    facts: tuple[Fact, ...]
    unknown: tuple[str, ...] = ()
    free: tuple[str, ...] = ()

    @property
    def accepted(self) -> bool:
        """Say whether every number is a fact."""
        return not self.unknown and not self.free


class References:
    """Find facts and cells by id, by unique name, or by `run:table:row:column`."""

    def __init__(self, results: Iterable[ToolResult]) -> None:
        self._facts: dict[str, Fact] = {}
        self._tables: dict[tuple[str, str], tuple[Table, ToolResult]] = {}
        self._by_name: dict[str, list[Fact]] = {}
        for result in results:
            for fact in result.facts:
                self._facts[fact.id] = fact
                self._by_name.setdefault(fact.name.lower(), []).append(fact)
            for table in result.tables:
                self._tables[(result.run, table.name)] = (table, result)
                self._tables.setdefault(("", table.name), (table, result))

    def find(self, reference: str) -> tuple[str, Fact | None] | None:
        """Return the rendered value and, for a fact, the fact; None if the reference names nothing."""
        fact = self._facts.get(reference)
        if fact is None:
            named = self._by_name.get(reference.lower(), [])
            if len({(one.value, one.unit) for one in named}) == 1:
                fact = named[0]
        if fact is not None:
            return render_fact(fact), fact
        return self._cell(reference)

    def _cell(self, reference: str) -> tuple[str, None] | None:
        parts = reference.rsplit(":", 3)
        if len(parts) == 3:
            parts = ["", *parts]
        if len(parts) != 4 or not parts[2].strip().isdigit():
            return None
        found = self._tables.get((parts[0], parts[1]))
        if found is None:
            return None
        table, _ = found
        row = int(parts[2])
        names = [column.name for column in table.columns]
        if row >= len(table.rows) or parts[3] not in names:
            return None
        position = names.index(parts[3])
        return render_cell(table.rows[row][position], table.columns[position]), None

    def rendered(self) -> set[str]:
        """Return every value of the results as it is printed."""
        texts = {render_fact(fact) for fact in self._facts.values()}
        for table, _ in self._tables.values():
            for row in table.rows[:200]:
                texts.update(render_cell(cell, column) for cell, column in zip(row, table.columns, strict=True))
        return texts


def without_markup(text: str) -> str:
    """Return a text without images, HTML and addresses; of a link its words stay."""
    text = _DEFINITION.sub("", _HTML.sub("", text))
    before = ""
    while before != text:
        before, text = text, _LINK.sub(lambda match: match[1] or match[2] or "", _IMAGE.sub(r"\1", text))
    return _ADDRESS.sub("", text)


def ground(text: str, results: Sequence[ToolResult], *, said: Sequence[str] = ()) -> Grounded:
    """Fill in the references of a text and list the numbers that no fact explains.

    Allowed without a reference: numbers that equal a printed value of the results, and numbers that occur in
    `said` (the question, the arguments of the calls, dates and notes of the results).
    """
    text = without_markup(text)
    references = References(results)
    used: list[Fact] = []
    unknown: list[str] = []

    def fill(match: re.Match[str]) -> str:
        found = references.find(match[1])
        if found is None:
            unknown.append(match[1])
            return match[0]
        if found[1] is not None:
            used.append(found[1])
        return found[0]

    bare = plain(REFERENCE.sub(" ", text))
    allowed = _numerals(" ".join((*said, *_context(results)))) | {
        numeral for value in references.rendered() for numeral in _numerals(value)
    }
    free = [numeral for numeral in _numerals_in_order(bare) if not _is_allowed(numeral, allowed)]
    free += [sign for sign in text if _is_number_sign(sign)] + [match.group() for match in _FRACTION.finditer(bare)]
    free += [match.group() for match in _SPELLED.finditer(bare) if match.group().lower() not in " ".join(said).lower()]
    return Grounded(text=REFERENCE.sub(fill, text), facts=tuple(used), unknown=tuple(unknown), free=tuple(free))


def _context(results: Sequence[ToolResult]) -> list[str]:
    texts: list[str] = []
    for result in results:
        texts += [*result.notes, *result.sources, result.as_of.isoformat(), result.as_of.strftime("%Y-%m-%d %H:%M")]
        texts += [f"{table.title} {table.name} {len(table.rows)}" for table in result.tables]
        texts += [fact.name for fact in result.facts]
    return texts


def _numerals_in_order(text: str) -> list[str]:
    return [match.group().strip() for match in _NUMERAL.finditer(text)]


def _is_number_sign(sign: str) -> bool:
    """Say whether a sign is a number of its own: ½, ², Ⅶ, ⑤, 五; plain digits are read as numerals."""
    kind = unicodedata.category(sign)
    return kind in ("No", "Nl") or (kind == "Lo" and unicodedata.numeric(sign, None) is not None)


def _numerals(text: str) -> set[str]:
    """Return the numerals of a text that may be repeated; a date frees itself and its year, never its parts."""
    found = set()
    for numeral in _numerals_in_order(text):
        found.add(_plain(numeral))
        if re.match(_DATE, numeral):
            found |= {numeral[:10], numeral[:4]}
    return found


def _plain(numeral: str) -> str:
    return re.sub(r"[\s,+]", "", numeral.lower().replace("−", "-")).rstrip(".")


def _is_allowed(numeral: str, allowed: set[str]) -> bool:
    """Say whether a numeral was printed; sign, currency and a trailing zero may differ, the digits may not."""
    plain = _plain(numeral)
    stripped = plain.lstrip("-").lstrip("$€£¥")
    return bool({plain, stripped, f"-{stripped}", f"${stripped}", f"-${stripped}"} & allowed)


def for_model(result: ToolResult, *, rows: int = 25) -> Mapping[str, object]:
    """Return a result as a model reads it: values as printed with the reference to write instead of each."""
    names: dict[str, int] = {}
    for fact in result.facts:
        names[fact.name] = names.get(fact.name, 0) + 1
    return {
        "tool": result.tool,
        "as_of": result.as_of.strftime("%Y-%m-%d %H:%M UTC"),
        "facts": [
            {"write": "{{fact:" + fact.id + "}}", "name": fact.name, "value": render_fact(fact)}
            for fact in result.facts
        ],
        "tables": [
            {
                "name": table.name,
                "title": table.title,
                "cell_reference": "{{fact:" + f"{result.run}:{table.name}:ROW:COLUMN" + "}}",
                "columns": [column.name for column in table.columns],
                "rows": [
                    [render_cell(cell, column) for cell, column in zip(row, table.columns, strict=True)]
                    for row in table.rows[:rows]
                ],
                "rows_in_all": len(table.rows),
            }
            for table in result.tables
        ],
        "notes": list(result.notes),
        "sources": list(result.sources),
    }
