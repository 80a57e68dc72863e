"""Read a description beside a symbol as that symbol: "the dividend fund VIG", "BND, the Vanguard bond fund"."""

from __future__ import annotations

from agents.planner.reading import Reading, Span
from agents.planner.universe import Universe

# What a symbol is the symbol of.
_NOUNS = frozenset(
    {"fund", "etf", "tracker", "stock", "coin", "token", "index", "company", "ticker", "symbol", "trust", "crypto"}
)
_FUNDS = frozenset({"fund", "etf", "tracker", "trust"})
# A description begins after the nearest of these.
_BEFORE = frozenset({
    "the", "a", "an", "my", "our", "your", "this", "that", "its", "their", "of", "for", "in", "on", "at", "is", "are",
    "was", "were", "and", "or", "with", "vs", "versus", "to", "from", "did", "does", "do", "has", "have", "had", "how",
    "against", "than", "between", "what", "which", "show", "give", "plot", "chart", ",", "(", ":", ";", "-", "&", "/",
    "+", ".", "?",
})  # fmt: skip
# Desk words that name what a fund holds.
_OF_FUNDS = frozenset(
    {"dividend", "volatility", "momentum", "growth", "minimum", "large", "mix", "weight", "high", "low"}
)
_LONGEST = 6


def read_descriptions(reading: Reading, universe: Universe) -> None:
    """Let the words that only say what kind of thing a symbol beside them is name nothing themselves."""
    for span in [span for span in reading.spans if span.kind == "symbol"]:
        if span not in reading.spans:
            continue
        if _is_ticker(reading, span, universe):
            _before_symbol(reading, span, universe)
            _after_symbol(reading, span)
        _noun_beside(reading, span)
        _drop_issuer(reading, span)


# Who issues a fund: "the SPDR gold fund" is the gold fund.
_ISSUERS = frozenset({"spdr", "spdrs", "schwab", "blackrock", "ark", "fidelity", "invesco", "vanguard", "ishares"})


def _drop_issuer(reading: Reading, span: Span) -> None:
    """Let the issuer directly before a fund named by what it holds name nothing."""
    last = reading.words[span.end - 1].low
    if last not in _FUNDS:
        return
    for one in reading.spans:
        if one.end == span.start and one.end == one.start + 1 and reading.words[one.start].low in _ISSUERS:
            one.kind, one.value = "description", ""


def _is_ticker(reading: Reading, span: Span, universe: Universe) -> bool:
    return span.end == span.start + 1 and reading.words[span.start].low.removeprefix("$") in universe.symbols


def _before_symbol(reading: Reading, span: Span, universe: Universe) -> None:
    """Read "the Nasdaq fund QQQ" and "the Dow fund, DIA" as the symbol alone."""
    lows = [word.low for word in reading.words]
    noun = span.start - 1
    comma = noun >= 0 and lows[noun] in (",", "(")
    noun -= comma
    if noun < 0 or lows[noun] not in _NOUNS or (comma and lows[noun] not in _FUNDS):
        return
    first = noun
    while first > 0 and noun - first < _LONGEST and lows[first - 1] not in _BEFORE:
        first -= 1
    inside = [one for one in reading.spans if first <= one.start and one.end <= noun + 1]
    if any(one.kind == "symbol" and _is_ticker(reading, one, universe) for one in inside):
        return
    named = any(one.kind in ("period", "number", "pair", "window") for one in inside)
    if named or any(one.kind == "concept" and one.value not in _OF_FUNDS for one in inside):
        first = noun
    _describe(reading, first, noun + 1)


def _after_symbol(reading: Reading, span: Span) -> None:
    """Read "BND, the Vanguard bond fund" and "VIG (the dividend fund)" as the symbol alone."""
    lows = [word.low for word in reading.words]
    at = span.end
    if at + 1 >= len(lows) or lows[at] not in (",", "(", "-") or lows[at + 1] not in ("the", "a", "an"):
        return
    for noun in range(at + 2, min(len(lows), at + 3 + _LONGEST)):
        if lows[noun] in _BEFORE:
            return
        if lows[noun] in _FUNDS:
            _describe(reading, at + 2, noun + 1)
            return


def _noun_beside(reading: Reading, span: Span) -> None:
    for at in (span.start - 1, span.end):
        if 0 <= at < len(reading.words) and reading.words[at].low in _NOUNS - {"index"} and _is_free(reading, at):
            reading.spans.append(Span(kind="description", value="", start=at, end=at + 1))


def _is_free(reading: Reading, at: int) -> bool:
    return not any(span.start <= at < span.end for span in reading.spans)


def _describe(reading: Reading, first: int, last: int) -> None:
    """Put one span that names nothing in place of those inside the description."""
    reading.spans = [one for one in reading.spans if not (first <= one.start and one.end <= last)]
    reading.spans.append(Span(kind="description", value="", start=first, end=last))
    reading.spans.sort(key=lambda one: one.start)
