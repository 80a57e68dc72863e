"""Understand what is asked of the panel of analysts: its verdict on names, a group or the holdings, and its record."""

from __future__ import annotations

import re
from typing import Any

from agents.planner.plan import Frame, Plan
from agents.planner.reading import Reading
from agents.planner.requests import calls_of
from agents.planner.slots import Slots, sessions_of
from agents.planner.universe import Universe

# A question is matched whole, each run of names written as §, a group as ¤.
_WHO = r"(?:you|(?:the |your |our )?(?:panel|analysts?|panel of analysts|team|desk)(?: of analysts)?)"
_NAMES = r"(?:(?:the|my|our) )?[§¤](?: (?:stocks?|shares?|names|companies|etfs?))?"
_MINE = r"(?:my|our) (?:holdings?|positions?|portfolio|stocks?|shares|book|account)"
_VIEW = r"(?:view|opinion|take|verdict|recommendations?|call|thoughts|stance|read|advice|outlook)"
_ACT = (
    r"(?:buy(?:ing)?|sell(?:ing)?|hold(?:ing)?|keep(?:ing)?|own(?:ing)?|invest(?:ing)? in|add(?:ing)?|"
    r"get(?:ting)? (?:rid|out) of|get(?:ting)? into|dump(?:ing)?|drop(?:ping)?|trim(?:ming)?|exit(?:ing)?)"
)
_CASE = r"(?:cases?|thesis|theses|arguments?|sides?|points?|reasons?)"
_BULL = r"(?:bull|bear|bullish|bearish)"
_OF = r"(?:of|about|on|for|in|to|against|with)"
_ON_NAMES = tuple(
    re.compile(form)
    for form in (
        rf"(?:so )?(?:what|how) (?:do|does|would|did) {_WHO} (?:think|say|make|feel|recommend|advise|suggest|rate|see|"
        rf"do)(?: {_OF})? {_NAMES}",
        rf"(?:should|shall|would|could|do) (?:i|we|you|they) (?:still |now |rather |really |be )?{_ACT}"
        rf"(?: (?:or|and) {_ACT})* {_NAMES}",
        rf"(?:is|are) {_NAMES} (?:still |now )?(?:a |an |worth )?(?:good |strong |great )?"
        rf"(?:buy|sell|hold|investment|buys|{_ACT})(?: or (?:a )?(?:buy|sell|hold))?",
        rf"(?:is|would) (?:it|now|this|today) (?:be )?(?:still |now )?(?:a )?(?:good|right|bad) (?:time|moment|idea) "
        rf"to {_ACT} {_NAMES}",
        rf"(?:buy|sell|hold)(?: or|,)? (?:buy|sell|hold)(?:,?(?: or)? (?:buy|sell|hold))? (?:on |for )?{_NAMES}",
        rf"{_NAMES} (?:buy|sell|hold)(?: or|,)? (?:buy|sell|hold)(?:,?(?: or)? (?:buy|sell|hold))?",
        rf"(?:what(?: is| are)? )?(?:both )?(?:the )?{_BULL}(?: (?:case )?(?:and|or|vs|versus) (?:the )?{_BULL})?"
        rf" {_CASE}(?: (?:for|on|of|against|in|about))?(?: and against)? {_NAMES}",
        rf"(?:what(?: is| are)? )?(?:the )?{_CASE} (?:for and against|for|against|to)(?: {_ACT})? {_NAMES}",
        rf"(?:what(?: are)? )?(?:the )?(?:pros and con(?:s|sensus)|upsides? and downsides?) of (?:{_ACT} )?{_NAMES}",
        rf"(?:what(?: is| are)? )?{_WHO} {_VIEW} (?:{_OF}) {_NAMES}",
        rf"(?:what(?: is| are)? )?(?:your|the|our|any|a) (?:panel |analysts? )?{_VIEW} {_OF} {_NAMES}",
        rf"(?:analysts?|panel) (?:{_VIEW} )?(?:{_OF} )?{_NAMES}",
        rf"{_NAMES} (?:{_VIEW}|{_BULL} {_CASE}|{_BULL} (?:and|or|vs|versus) {_BULL}(?: {_CASE})?)",
        rf"(?:ask|convene|call|consult|let|have) {_WHO} (?:{_OF}|judge|discuss|debate|rate|assess|argue(?: about)?) "
        rf"{_NAMES}",
        rf"(?:rate|judge|assess|debate|evaluate) {_NAMES}",
        rf"do {_WHO} (?:like|recommend|favou?r|rate) (?:{_ACT} )?{_NAMES}",
        rf"(?:argue|make) (?:both sides of |the case for |for and against ){_NAMES}",
        rf"(?:which|what)(?: of)? {_NAMES} (?:would|should|do|does) (?:{_WHO}|i|we) {_ACT}",
        rf"(?:which|what) {_NAMES} (?:would|do|does) {_WHO} (?:recommend|like|favou?r|suggest)(?: {_ACT})?",
    )
)
_ON_NOTHING = tuple(
    re.compile(form)
    for form in (
        rf"what (?:would|do|does|did) {_WHO} (?:recommend|advise|suggest|say|like|favou?r)(?: {_ACT})?",
        rf"(?:which|what) (?:¤|shares|names|companies) (?:would|do|does|should) (?:{_WHO}|i|we) "
        rf"(?:recommend|like|favou?r|suggest|{_ACT})(?: {_ACT})?",
        rf"what (?:should|would|could) (?:i|we|you|{_WHO}) (?:buy|invest in)",
        r"(?:do you have )?(?:any|your|the panel|the) (?:stock )?(?:recommendations|ideas|picks|verdicts)",
        r"(?:show|give|list)(?: me)? (?:your|the panel|the|any) (?:stock )?(?:recommendations|stock picks|verdicts)",
        r"recommend (?:me )?(?:some |a few |a )?(?:stocks?|shares|something to buy)(?: to buy)?",
        rf"(?:ask|convene|consult) {_WHO}",
    )
)
_ON_HOLDINGS = tuple(
    re.compile(form)
    for form in (
        rf"(?:which|what)(?: (?:ones?|part))? (?:of|in|from|out of) {_MINE} (?:would|should|do|does) (?:{_WHO}|i|we) "
        rf"(?:recommend )?{_ACT}(?: or {_ACT})?",
        rf"what (?:do|does|would) {_WHO} (?:think|say|make|recommend|advise|suggest|do)(?: (?:{_OF}|with))? {_MINE}",
        rf"(?:should|shall) (?:i|we) {_ACT} (?:any(?:thing)?|some|all|one)(?: (?:of|in|from))?(?: {_MINE})?",
        rf"(?:should|shall) (?:i|we) {_ACT} (?:everything|it all|all|{_MINE})",
        rf"what (?:should|would|does) (?:i|we|{_WHO}) (?:sell|trim|drop|dump|keep|hold)",
        rf"(?:what(?: is| are)? )?(?:{_WHO}(?:'s|s|')?|your|the) {_VIEW} {_OF} {_MINE}",
        rf"(?:ask|convene|consult|let|have) {_WHO} (?:{_OF}|judge|rate|assess) {_MINE}",
        rf"(?:rate|judge|assess) {_MINE}",
    )
)
_GIVEN = r"(?:recommendations?|verdicts?|calls?|opinions?|advice|picks|panel|analysts?)"
_WHOSE = r"(?:your|the panel|the analysts?|your analysts?|your panel|the|past|our)"
_ON_RECORD = tuple(
    re.compile(form)
    for form in (
        rf"how (?:good|accurate|right|reliable|bad|well|often right|useful) (?:were|was|are|is|have|has|did|do) "
        rf"(?:{_WHOSE} )*{_GIVEN}(?: {_OF} §)?(?: (?:been|done|do|work|perform|turn(?:ed)? out|so far))*",
        rf"how (?:did|have|has|do|were) (?:{_WHOSE} )*{_GIVEN}(?: {_OF} §)? (?:do|done|perform(?:ed)?|turn(?:ed)? out|"
        r"work(?:ed)?|fare[d]?|been)(?: so far)?",
        rf"(?:what(?: is)? |show |show me )?{_WHOSE} (?:{_GIVEN} )?(?:track record|hit rate|score ?card)"
        rf"(?: {_OF} §)?",
        rf"(?:what(?: is)? |show |show me )?(?:the )?(?:track record|hit rate) of (?:{_WHOSE} )*{_GIVEN}",
        r"(?:which|who)(?: of)?(?: the| your)? analysts? (?:is|was|has been) (?:the )?(?:best|most accurate|right)",
        rf"(?:were|was|are|have) (?:{_WHOSE} )*{_GIVEN} (?:been )?(?:right|any good|good|correct|worth anything)",
        r"how (?:often )?(?:were|was|are|have) (?:you|the panel)(?: been)? right(?: about §)?",
    )
)
_LEADS = re.compile(
    r"^(?:please|so|ok|okay|hey|hi|hello|and|well|now|tell me|can you tell me|could you tell me|pls|give me)\s+"
)
_ENDS = re.compile(
    r"\s+(?:now|today|right now|at the moment|here|please|pls|currently|again|then|at this (?:price|point|level))$"
)
_HORIZON = re.compile(
    r"\s+(?:for|over|in|within|on)(?: the)?(?: next| coming)? (?P<count>\d+|a|an|one|two|three|six|next)?\s?"
    r"(?P<unit>sessions?|days?|weeks?|months?|quarters?|years?)(?: horizon| ahead| view)?$"
)
_COUNTS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "six": 6, "next": 1, None: 1}
_LEAST, _MOST = 5, 252
_ANY_STOCK = "equity"


def panel(reading: Reading, slots: Slots, universe: Universe) -> Plan | None:
    """Return the plan of a question to the panel of analysts, None for any other question."""
    text, horizon = _horizon(_shape(reading))
    notes = tuple(f"Read “{wrong}” as “{right}”." for wrong, right in reading.corrections.items())
    if _any(_ON_RECORD, text):
        frame = Frame(topic="track_record", symbols=slots.symbols[:1])
        return Plan(outcome="answer", frame=frame, calls=calls_of(frame, universe), notes=notes, private=True)
    options: dict[str, Any] = {} if horizon is None else {"horizon_sessions": horizon}
    if _any(_ON_HOLDINGS, text):
        frame = Frame(topic="recommend", options={**options, "target": "portfolio"})
        return Plan(outcome="answer", frame=frame, calls=calls_of(frame, universe), notes=notes, private=True)
    named = (slots.symbols or slots.group) and _any(_ON_NAMES, text)
    if not named and not _any(_ON_NOTHING, text):
        return None
    group = slots.group if named and not slots.symbols and slots.group != _ANY_STOCK else None
    frame = Frame(topic="recommend", symbols=slots.symbols if named else (), group=group, options=options)
    return Plan(outcome="answer", frame=frame, calls=calls_of(frame, universe), notes=notes)


def _shape(reading: Reading) -> str:
    """Return the question in small letters without signs, its names as § and its groups as ¤."""
    # "Bull" is no misspelt bill here, and "cons" no coins.
    written = {right: wrong for wrong, right in reading.corrections.items()}
    kinds = {
        place: "§" if span.kind == "symbol" else "¤"
        for span in reading.spans
        for place in range(span.start, span.end)
        if span.kind == "symbol" or (span.kind == "group" and reading.words[place].low not in written)
    }
    text = " ".join(kinds.get(place, written.get(word.low, word.low)) for place, word in enumerate(reading.words))
    text = re.sub(r"[^\w§¤ ]+", " ", text)
    text = re.sub(r"(?:§(?: (?:and|or|vs|versus))? )+§", "§", re.sub(r"\s+", " ", text).strip())
    text = re.sub(r"(?:¤ )+¤", "¤", text)
    before = ""
    while before != text:
        before, text = text, _ENDS.sub("", _LEADS.sub("", text))
    return text


def _horizon(text: str) -> tuple[str, int | None]:
    """Return the text without the time it looks ahead, and that in sessions."""
    found = _HORIZON.search(text)
    if not found:
        return text, None
    said = found["count"]
    count = int(said) if said and said.isdigit() else _COUNTS[said]
    sessions = sessions_of(count, found["unit"].rstrip("s"))
    return (text[: found.start()], sessions) if _LEAST <= sessions <= _MOST else (text, None)


def _any(forms: tuple[re.Pattern[str], ...], text: str) -> bool:
    return any(form.fullmatch(text) for form in forms)
