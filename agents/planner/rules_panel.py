"""Understand what is asked of the panel of analysts: its verdict on names, a group or the holdings, and its record."""

from __future__ import annotations

import re
from typing import Any

from agents.planner.concepts import FILLERS
from agents.planner.plan import Frame, Plan
from agents.planner.reading import Reading
from agents.planner.requests import calls_of
from agents.planner.slots import Slots, sessions_of
from agents.planner.universe import Universe


def _words(text: str) -> list[str]:
    return text.split()


# A question is matched whole, each run of names written as §, a group as ¤.
_WHO = (
    r"(?:you|(?:the |your |our |all |all your |your own )?(?:panel|analysts?|panel of analysts|team|desk)"
    r"(?: of analysts)?)"
)
_NAMES = (
    r"(?:(?:the|my|our|any|some|more|any more|some more|additional|further|more of|any of) )*[§¤]"
    r"(?: (?:stocks?|shares?|names|companies|etfs?|positions?|holdings?|stake))?"
)
_MINE = r"(?:my|our) (?:holdings?|positions?|portfolio|stocks?|shares|book|account)"
_VIEW = (
    r"(?:views?|opinions?|take|verdicts?|recommendations?|call|thoughts|stance|read|advice|outlook|reasons?|"
    r"reasoning|judge?ment|"
    r"assessment)"
)
_ACT = (
    r"(?:buy(?:ing)?|sell(?:ing)?|hold(?:ing)?(?: on to| onto)?|keep(?:ing)?|own(?:ing)?|invest(?:ing)? in|"
    r"add(?:ing)?(?: to| more)?|get(?:ting)? (?:rid|out) of|get(?:ting)? into|dump(?:ing)?|drop(?:ping)?|"
    r"trim(?:ming)?|exit(?:ing)?|stay(?:ing)? (?:away|out|clear)(?: (?:of|from))?|steer(?:ing)? clear"
    r"(?: of)?|pass(?: on)?|skip(?:ping)?|wait|leav(?:e|ing)(?: it| them)?(?: alone)?|(?:walk|run)(?:ning|ing)? away|"
    r"sit(?:ting)? (?:this |it )?(?:one )?out|"
    r"ditch(?:ing)?|accumulat(?:e|ing)|avoid(?:ing)?|stay(?:ing)? in|go(?:ing)? into)"
)
_CASE = r"(?:cases?|thesis|theses|arguments?|sides?|points?|reasons?)"
_BULL = r"(?:bull|bear|bullish|bearish)"
_OF = r"(?:of|about|on|for|in|to|against|with)"
_ON_NAMES = tuple(
    re.compile(form)
    for form in (
        rf"(?:so )?(?:what|how) (?:do|does|would|did) {_WHO} (?:think|say|make|feel|recommend|advise|suggest|rate|"
        rf"see|reckon|"
        rf"judge|do)(?: {_OF})? {_NAMES}",
        rf"(?:should|shall|would|could|do(?! (?:i|we) (?:\w+ )?(?:own|hold|keep))) (?:i|we|you|they) (?:still |now |"
        rf"rather |really |be )?{_ACT}"
        rf"(?: (?:or|and) {_ACT})* {_NAMES}(?: (?:or|and) (?:rather )?{_ACT}(?: (?:it|them|some|out))?)*",
        rf"(?:i|we) should (?:still |rather )?{_ACT}(?: or {_ACT})* {_NAMES}",
        rf"(?:is|are) there (?:still )?(?:a|any|an?y good) {_CASE} (?:for|against|to) {_ACT} {_NAMES}",
        rf"{_ACT} {_NAMES} or (?:rather )?{_ACT}(?: (?:it|them|some))?",
        rf"(?:would|will|do|does) {_WHO} (?:still |rather |now )?{_ACT}(?: or {_ACT})* {_NAMES}(?: or {_ACT}(?: it)?)?",
        rf"(?:do {_WHO} (?:think|reckon|say) )?(?:is |are )?{_NAMES} (?:is |are )?(?:still |now )?(?:too |a bit |"
        rf"very )?"
        rf"(?:expensive|overvalued|undervalued|overpriced|underpriced|cheap|overbought or oversold|a bargain|overdone)",
        rf"is it (?:still |now )?(?:worth|smart|wise|sensible|crazy|stupid|too late)(?: to)? {_ACT} {_NAMES}",
        rf"(?:any|what|is there a|is there any|what is the) reasons? to (?:still )?{_ACT}(?: or {_ACT})* {_NAMES}",
        rf"how do(?:es)? {_WHO} (?:rate|see|judge|view|score|like|feel about) {_NAMES}",
        rf"(?:what|how) (?:do|does|would) {_WHO} (?:think|say|feel)(?: {_OF})? {_ACT} {_NAMES}",
        rf"(?:which|who)(?: of)? {_WHO} (?:is|are|would be) (?:the )?(?:most |least )?{_BULL} on {_NAMES}",
        rf"(?:is|are) {_NAMES} (?:still |now )?(?:a |an |worth )?(?:good |strong |great )?"
        rf"(?:buy|sell|hold|investment|buys|{_ACT})(?: or (?:a )?(?:buy|sell|hold))?",
        rf"(?:is|would) (?:it|now|this|today) (?:be )?(?:still |now )?(?:a )?(?:good|right|bad) (?:time|moment|idea) "
        rf"to {_ACT} {_NAMES}",
        rf"(?:buy|sell|hold)(?: or|,)? (?:buy|sell|hold)(?:,?(?: or)? (?:buy|sell|hold))? (?:on |for )?{_NAMES}",
        rf"{_NAMES} (?:buy|sell|hold)(?: or|,)? (?:buy|sell|hold)(?:,?(?: or)? (?:buy|sell|hold))?",
        rf"(?:what(?: is| are)? )?(?:both )?(?:the )?{_BULL}(?: (?:case )?(?:and|or|vs|versus) (?:the )?{_BULL})*"
        rf" {_CASE}(?: (?:for|on|of|against|in|about))?(?: and against)? {_NAMES}",
        rf"(?:what(?: is| are)? )?(?:the )?{_CASE} (?:for and against|for|against|to)(?: {_ACT})? {_NAMES}",
        rf"(?:what(?: are)? )?(?:the )?(?:pros and con(?:s|sensus)|upsides? and downsides?) of (?:{_ACT} )?{_NAMES}",
        rf"(?:what(?: is| are)? )?{_WHO} {_VIEW} (?:{_OF}) {_NAMES}",
        rf"(?:what(?: is| are)? )?(?:(?:your|the|our|any|a|an|some) )?(?:honest |quick )?(?:panel |analysts? )?{_VIEW} "
        rf"(?:{_OF}) {_NAMES}",
        rf"(?:analysts?|panel) (?:{_VIEW} )?(?:{_OF} )?{_NAMES}",
        rf"{_NAMES} (?:{_VIEW}|{_BULL} {_CASE}|{_BULL} (?:and|or|vs|versus) {_BULL}(?: {_CASE})?)",
        rf"(?:ask|convene|call|consult|let|have) {_WHO} (?:{_OF}|judge|discuss|debate|rate|assess|argue(?: about)?) "
        rf"{_NAMES}",
        rf"(?:rate|judge|assess|debate|evaluate) {_NAMES}",
        rf"do(?:es)? {_WHO} (?:like|recommend|favou?r|rate) (?:{_ACT} )?{_NAMES}",
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
# The record is asked by words in any order: whose judgement, how good it was, and that it is past. All other words of
# such a question must be without content, so that "calls" of earnings or options are left to others.
_JUDGEMENT = (
    r"(?:recommendations?|recommended|verdicts?|calls?|opinions?|advice|picks?|tips|panel|analysts?|you|ideas?|"
    r"predictions?|judge?ments?|suggestions?|suggested|views?|votes?)"
)
_QUALITY = (
    r"(?:good|bad|accura\w+|right|wrong|reliab\w+|well|worth|useful|correct\w*|helpful|best|worst|track record|hit "
    r"rate|"
    r"score ?cards?|scores?|scored|record|money|work(?:ed)? out|pan(?:ned)? out|turn(?:ed)? out|work(?:ed)?|"
    r"perform\w*|fare[d]?|do|done|pay|paid|come true|trust(?:ed|worthy)?|anything)"
)
_OVER = (
    r"(?:was|were|been|did|have|has|had|past|previous|earlier|old|so far|historical\w*|until now|to date|record|rate|"
    r"score ?cards?|scores?|turned|worked|performed|scored|are|is)"
)
_RECORD_ALONE = re.compile(
    r"(?:(?:what|how)(?: is| are| does| do)? |show |show me |see )?(?:(?:the|your|our|a|any) )*"
    r"(?:(?:panel|analysts?|desk|recommendation|verdict) )*(?:of analysts )?(?:track record|hit rate|score ?card)"
    r"(?: look(?:s|ing)?| like| so far| to date)*"
)
_OF_THE_RECORD = frozenset(
    _words(
        "panel analyst analysts recommendation recommendations recommended verdict verdicts call calls opinion "
        "opinions "
        "advice pick picks tips idea ideas prediction predictions judgment judgement judgments judgements suggestion "
        "suggestions suggested view views vote votes good bad accurate accuracy right wrong reliable reliably "
        "reliability "
        "well worth useful correct correctly helpful best worst track record hit rate scorecard score card scores "
        "scored "
        "money work worked out pan panned turn turned perform performed performing fare fared do done pay paid come "
        "true "
        "trust trusted trustworthy past previous earlier old historical date following follow often made make buy sell "
        "hold "
        "stock stocks horizon each most least was were anything nah"
    )
)


_FORMS = (*_ON_NAMES, *_ON_NOTHING, *_ON_HOLDINGS)


def _asks_the_record(clauses: list[str]) -> bool:
    """Say whether it is asked how good the panel's verdicts were."""
    said = " ".join(clauses)
    if _RECORD_ALONE.fullmatch(said):
        return True
    words = [word for word in said.split() if word != "§" and word not in FILLERS and word not in _OF_THE_RECORD]
    if words or not all(re.search(rf"\b{part}\b", said) for part in (_JUDGEMENT, _QUALITY, _OVER)):
        return False
    # "You" alone judges only where it is said to be right or accurate; "are your verdicts reliable" has no past tense.
    named = re.search(r"\b(?!you\b)" + _JUDGEMENT + r"\b", said)
    sure = re.search(r"\b(?:right|wrong|accura\w+|correct\w*|reliab\w+|track record|hit rate|score ?card)\b", said)
    present = re.search(r"\b(?:are|is)\b", said) and not re.search(r"\b(?:was|were|been|did|have|has|had)\b", said)
    if present and not sure and not re.search(r"\b(?:record|any good|how good|far|past)\b", said):
        return False
    return bool(named or sure) and not re.search(r"\bwhat (?:do|does|would|should)\b|\bshould\b|\bwould\b", said)


_LEADS = re.compile(
    r"^(?:please|so|ok|okay|hey|hi|hello|and|well|now|tell me|can you tell me|could you tell me|pls|give me|gimme|"
    r"show me|let me have|let me see|lets see|let s see|do you (?:think|reckon|believe)(?: that)?|honestly|quick "
    r"question|i wonder|i would like (?:to (?:have|hear|know) )?|i'd like|id "
    r"like)\s+"
)
_ENDS = re.compile(
    r"\s+(?:now|today|right now|at the moment|here|please|pls|currently|again|then|at (?:this|the current|current|"
    r"these|"
    r"today's?) (?:prices?|point|levels?|valuations?)|these days|after (?:this|the|that|such an?) (?:\w+ )?(?:run|"
    r"rally|drop|fall|move|"
    r"dip|gain|sell ?off|jump|crash|climb|results?|earnings)|as (?:things|it) stands?|or (?:nah|no|not|what)|still|"
    r"(?:and )?(?:for |on |with )?(?:what|which|the|its|their) (?:are )?(?:the |its |their )?(?:reasons?|grounds|"
    r"arguments?)|"
    r"and why(?: so| not)?|why(?: so| not)?|and what (?:speaks|argues|counts|is there)(?: (?:for|and|or|against))* "
    r"(?:it|them|that)|"
    r"with reasons|in your (?:view|opinion)|according to (?:the|your) (?:panel|analysts)|from (?:the|your) (?:panel|"
    r"analysts)|"
    r"and how (?:sure|certain|confident)(?: (?:are|is) (?:you|they|it))?)$"
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
    clauses = [clause for part in _shape(reading).split("|") if (clause := _bare(part))]
    whole = _bare(" ".join(clauses)) if len(clauses) > 1 else "".join(clauses)
    text, horizon = _horizon(_bare(whole))
    if len(clauses) > 1 and not _any(_FORMS, text) and (main := _main_clause(clauses)) is not None:
        text, horizon = main
    notes = tuple(f"Read “{wrong}” as “{right}”." for wrong, right in reading.corrections.items())
    if _asks_the_record(clauses):
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
    """Return the question in small letters, its names as § and its groups as ¤, its clauses parted by |."""
    # "Bull" is no misspelt bill here, and "cons" no coins.
    written = {right: wrong for wrong, right in reading.corrections.items()}
    kinds = {
        place: "§" if span.kind == "symbol" else "¤"
        for span in reading.spans
        for place in range(span.start, span.end)
        if span.kind == "symbol" or (span.kind == "group" and reading.words[place].low not in written)
    }
    text = " ".join(kinds.get(place, written.get(word.low, word.low)) for place, word in enumerate(reading.words))
    text = re.sub(r"\bur\b", "your", re.sub(r"\bu\b", "you", text))
    text = re.sub(r"§(?:(?: (?:and|or|vs|versus|,|&|/))* §)+", "§", text)
    text = re.sub(r"¤(?: ¤)+", "¤", text)
    text = re.sub(r"\s*[?!.;:,]+(?=\s|$)|\s-+\s", " | ", text)
    return re.sub(r"\s+", " ", re.sub(r"[^\w§¤| ]+", " ", text)).strip(" |")


def _bare(text: str) -> str:
    """Return a clause without the words that only lead in or close it."""
    before, text = "", text.strip()
    while before != text:
        before, text = text, _ENDS.sub("", _LEADS.sub("", text)).strip()
    return text


# What may stand beside the question itself: "honest opinion", "what does your panel think".
_BESIDE = frozenset(
    _words(
        "panel analysts analyst opinion opinions reasons reason grounds honest honestly thoughts think say verdict why "
        "expensive ran run lot hold held holding own bought long ride"
    )
)


def _main_clause(clauses: list[str]) -> tuple[str, int | None] | None:
    """Return the one clause that asks for a verdict, where all others hold nothing of their own."""
    found = [
        at for at, clause in enumerate(clauses) if _any(_FORMS, _bare(_horizon(clause)[0])) or _any(_FORMS, clause)
    ]
    if len(found) != 1:
        return None
    others = [word for at, clause in enumerate(clauses) if at != found[0] for word in clause.split()]
    if any(word not in _BESIDE and word not in FILLERS for word in others):
        return None
    text, horizon = _horizon(clauses[found[0]])
    return _bare(text), horizon


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
