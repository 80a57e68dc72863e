"""Read the arguments of runs that a question names: seeds, paths, stops, fees, windows, grids, conditions."""

from __future__ import annotations

import re
from typing import Any

from agents.planner.reading import Reading
from agents.planner.slots import sessions_of

_N = r"(\d+(?:\.\d+)?)"
_LONG = {"d": "day", "w": "week", "wk": "week", "m": "month", "mo": "month", "mth": "month", "y": "year", "yr": "year"}
_UNIT = r"(day|session|week|month|quarter|year)s?"
_OF = r"(?:(?: of| at| is| to| the| a| =| :| by| off|-)* )"

# Each argument with how it is said; a figure is the first group.
_FIGURES: dict[str, tuple[str, ...]] = {
    "seed": (rf"\bseed{_OF}?{_N}",),
    "paths": (rf"\b{_N} (?:[a-z]+ )?(?:paths?|sims?|simulations?|runs|trials|draws|scenarios|futures)\b",),
    "atr_stop": (rf"\b{_N} ?x? ?(?:atrs?|average true ranges?) (?:trailing )?stop", rf"\bstop{_OF}{_N} ?x? "
                                                                                    rf"?(?:atrs?|average true)"),
    "stop_sessions": (
        rf"\b(?:time stop|(?:exit|out|leave|sell|close|get out)(?: it| of it| out)?) after {_N} (?:day|session|bar)",
        rf"\btime stop{_OF}{_N}",
    ),
    "stop_loss": (
        rf"\b(?:leave|exit|out|get out|sell)(?: \w+)? (?:at|"
        rf"after) (?:an? )?(?:loss of )?{_N}%(?: loss)?", rf"(?<!trailing )\bstop(?:ped)?(?: out| loss|"
        rf"-loss)?{_OF}?{_N}%", rf"\b{_N}% (?:hard |protective )?stop\b"),
    "take_profit": (rf"\b(?:tak(?:e|ing)[- ]profits?|tp|profit target|target profit){_OF}?{_N}%", rf"\b{_N}% (?:profit "
                                                                                          rf"target|take[- ]profit)"),
    "fee_bps": (
        rf"\b{_N}bp (?:of |per side |a side |per trade )?(?:fees?|commissions?|costs?)",
        rf"(?<!borrow )(?<!borrowing )\b(?:fees?|commissions?|costs?){_OF}?{_N}bp",
    ),
    "slippage_bps": (rf"\b{_N}bp (?:of )?slip", rf"\bslip\w*{_OF}?{_N}bp"),
    "borrow_bps": (rf"\b{_N}bp (?:of )?borrow", rf"\bborrow\w*(?: cost| fee| rate)?s?{_OF}?{_N}bp"),
    "participation": (rf"\b{_N}% of (?:the |each |a )?(?:day's |daily |session's |session )?volume",
        rf"\bparticipation{_OF}?{_N}%"),
    "max_weight": (
        rf"\b(?:cap(?:ped|s|ping)?|max(?:imum)?|at most|no more than|none above|nothing above|nobody above|no "
        rf"one above|"
        rf"limit(?:ed)?|up to|above|over)(?: [a-z-]+)*? {_N}%",
        rf"\b{_N}% (?:cap|max|maximum|limit)\b", rf"\b{_N}% (?:each|apiece|in (?:any|each|one))\b",
        rf"\b(?:cap(?:ped)?(?: at)?|max(?:imum)?(?: weight)?)(?: of| at)? {_N}(?= each| per | apiece|\W*$)",
    ),
    "view_confidence": (
        rf"\b{_N}% (?:sure|confident|certain|confidence|conviction)\b",
        rf"\b(?:sure|confident|certain|confidence|conviction){_OF}?{_N}%",
    ),
    "confidence": (
        rf"\b{_N}% (?:[a-z-]+ ){{0,2}}(?:confidence|intervals?|bounds?|bands?|level)\b",
        rf"\b(?:confidence|intervals?|bounds?|bands?)(?: intervals?| bounds?| bands?)?{_OF}?{_N}%",
    ),
    "resamples": (rf"\b{_N} (?:bootstrap )?(?:resamples|bootstraps|draws|samples)\b",),
    "risk_aversion": (rf"\brisk aversion{_OF}?{_N}",),
    "histories": (rf"\b{_N} (?:[a-z]+ )?histories\b",),
    "surprise_size": (rf"\b{_N} ?(?:sigma|standard deviation|sd)s? (?:surprise|miss|beat)",),
}  # fmt: skip
_STRETCHES: dict[str, tuple[str, ...]] = {
    "lag": (rf"\b{_N}[- ]{_UNIT} (?:lag|delay)", rf"\b(?:lag|delay){_OF}?{_N} {_UNIT}"),
    "train_sessions": (
        rf"\b{_N} (session|day|week|month|year)s? (?:to|for) (?:train|training|fit)\b",
        rf"\b{_N} (?:training|train|in[- ]sample) (session|day|week|month|year)s?\b",
        rf"\b(?:train(?:ing|ed)?|in[- ]sample|chosen|choos(?:e|ing)|optimi[sz]\w+|fit(?:ted)?)(?: on| window| over| "
        rf"of| in|:)*"
        rf" {_N} {_UNIT}",
        rf"\b{_N}[- ]{_UNIT} (?:of )?(?:training|train|in[- ]sample)",
        rf"\b{_N}(?: (session))? (?:training|train|in[- ]sample)\b",
        rf"\b(?:training|train|in[- ]sample) {_N}(?: (session))?(?=\W*$| ,| and| /| test)",
    ),
    "test_sessions": (
        rf"\b{_N}(?: (session|day|week|month|year)s?)? (?:to|for) (?:test|testing)\b",
        rf"\b{_N} (?:test(?:ing)?|out[- ]of[- ]sample) (session|day|week|month|year)s?\b",
        rf"\b(?:test(?:ing|ed)?|out[- ]of[- ]sample|follow(?:ed|ing)?|trad(?:ed|ing)|applied)"
        rf"(?: on| window| over| of| for| the| next|:)* {_N}(?: {_UNIT}|(?=\W*$| (?:that|which) follow| following))",
        rf"\b{_N}[- ]{_UNIT} (?:of )?(?:testing|tests?|out[- ]of[- ]sample)",
        rf"\b{_N}(?: (session))? (?:testing|test|out[- ]of[- ]sample)\b",
    ),
    "embargo_sessions": (rf"\b{_N}[- ]{_UNIT} (?:of )?embargo", rf"\bembargo{_OF}?{_N} {_UNIT}"),
    "halflife": (rf"\bhalf[- ]?life{_OF}?{_N} {_UNIT}", rf"\b{_N}[- ]{_UNIT} half[- ]?life"),
}  # fmt: skip
_HISTORY = (
    rf"\b{_N}[- ](year|month)s?(?: of)?(?: daily| price)? (?:history|data|lookback|look-back|calibration)\b",
    rf"\bhistory(?: of)?(?: the)?(?: last| past)? {_N} (year|month)s?\b",
    rf"\b(?:using|calibrated (?:on|to)|fitted (?:on|to)|estimated (?:on|over)|based on)(?: the| last| past)* "
    rf"{_N} (year|month)s?\b",
    rf"\b(?:sample|covariance|estimated|calibrated|judged|fitted|measured)(?: \w+)? (?:over|on|from|of|in)"
    rf"(?: the)?(?: last| past)? {_N} (year|month)s?\b",
)
_WHOLE = frozenset({"histories", "resamples", "seed", "paths", "stop_sessions", "lag"})
_SHARES = frozenset({"confidence", "view_confidence", "stop_loss", "take_profit", "participation", "max_weight"})
_COVARIANCE = (
    ("ewma", r"\b(?:ewma|exponentially weighted|recent sessions? count)"),
    ("sample", r"\bsample covariance\b"),
)

# What each tool takes of them.
TAKEN: dict[str, tuple[str, ...]] = {
    "backtest": ("atr_stop", "stop_sessions", "stop_loss", "take_profit", "fee_bps", "slippage_bps",
        "borrow_bps", "participation", "lag",
    ),
    "expected_value": ("paths", "seed", "fee_bps", "slippage_bps", "stop_loss", "take_profit"),
    "walk_forward": ("train_sessions", "test_sessions", "embargo_sessions", "fee_bps", "slippage_bps",
        "stop_loss", "take_profit",
    ),
    "sweep": ("fee_bps", "slippage_bps", "stop_loss", "take_profit"),
    "performance": ("confidence", "resamples"),
    "simulate": ("seed", "paths", "history_years"),
    "stress": ("seed", "history_years", "covariance"),
    "risk": ("history_years",),
    "reverse_stress": ("history_years", "covariance"),
    "optimise": ("view_confidence", "max_weight", "history_years", "risk_aversion", "covariance"),
    "calibrate": ("seed", "history_years", "histories"),
    "train": ("history_years", "fee_bps"),
    "inject_event": ("seed", "paths", "history_years", "surprise_size"),
    "correlation": ("halflife",),
}  # fmt: skip


_ONE = re.compile(
    r"\b(?:a |an )?one[- ](?=day|session|week|month|quarter|year)|\b(?:a|an) (?=(?:day|session|week|month|"
    r"quarter|year)(?:'s)? (?:lag|delay|embargo))"
)


def canonical(reading: Reading) -> str:
    """Return the words in lower case with figures written out: 98k is 98000, "15 percent" 15%, 30d "30 day"."""
    out: list[str] = []
    at = 0
    while at < len(reading.words):
        number = reading.numbers.get(at)
        low = reading.words[at].low
        if number is not None:
            suffix = {"percent": "%", "bps": "bp"}.get(number.unit, "")
            figure = number.value * 100 if number.unit == "percent" else number.value
            out.append(f"{figure:.10g}{suffix}")
            at += number.words
            continue
        if re.fullmatch(r"\d+(?:/\d+){2,}", low):
            out.append(low.replace("/", " / "))  # fast 5/10/20 are three values
        elif short := re.fullmatch(r"(\d+)(d|w|wk|m|mo|mth|y|yr)", low):
            out += [short[1], _LONG[short[2]]]
        elif low not in ("(", ")"):
            out.append(low)
        at += 1
    return _ONE.sub("1 ", " ".join(out))


def arguments_of(reading: Reading, tool: str) -> dict[str, Any]:
    """Return the arguments of a tool that a question says by name."""
    text = canonical(reading)
    out: dict[str, Any] = {}
    for name in TAKEN.get(tool, ()):
        if name == "covariance":
            if method := next((one for one, said in _COVARIANCE if re.search(said, text)), None):
                out[name] = method
        elif name == "history_years":
            if found := next((hit for form in _HISTORY if (hit := re.search(form, text))), None):
                out[name] = float(found[1]) / (1 if found[2] == "year" else 12)
        elif name in _STRETCHES:
            if found := next((hit for form in _STRETCHES[name] if (hit := re.search(form, text))), None):
                out[name] = sessions_of(int(float(found[1])), found[2] or "session")
        elif found := next((hit for form in _FIGURES[name] if (hit := re.search(form, text))), None):
            figure = float(found[1])
            out[name] = int(figure) if name in _WHOLE else figure / 100 if name in _SHARES else figure
    return out


_FILLED = re.compile(
    r"\b(?:fill\w*|execut\w*|trade[ds]?)\b(?: \w+){0,3} (?:at|on) (?:the |each |next |day's )*(close|open)\b", re.I
)
_ANCHORED = re.compile(
    r"\b(?:anchored|expanding(?: window)?|(?:from|since|on|over) (?:the (?:very )?(?:beginning|start|"
    r"first (?:day|session|bar))|all "
    r"(?:of )?(?:the )?(?:past|history)(?: so far)?|everything (?:before|so far)))\b",
    re.I,
)
_ENTERS = re.compile(
    r"\b(?:only )?(?:enter|entering|buy|buying|get in|trade|trading|take (?:it|trades))(?: only)? (?:if|when|"
    r"while|where|as long as) (.+)",
    re.I,
)
_LEAVES = re.compile(
    r"\b(?:exit|exiting|leave|leaving|sell|get out|out|close)(?: it| out)? (?:if|when|once|where) (.+)", re.I
)
_ENDS = re.compile(r",|;|\?|\s+(?:and (?:exit|leave|sell|get out)|since|from|with|stop|on [A-Z])\b")


def terms_of(reading: Reading) -> dict[str, Any]:
    """Return how fills are made and the timing conditions, written in their language, of a backtest."""
    out: dict[str, Any] = {}
    if found := _FILLED.search(reading.text):
        out["fill_at"] = found[1].lower()
    for name, form in (("enter", _ENTERS), ("leave", _LEAVES)):
        if (found := form.search(reading.text)) and (condition := _condition(found[1])):
            out[name] = condition
    return out


def _condition(text: str) -> str:
    """Return the condition a text begins with, with spaces around its signs; empty if it is none."""
    from core.conditions.condition import read_condition
    from core.errors import InvalidInput

    said = _ENDS.split(text)[0].strip().rstrip("?.! ")
    if not re.search(r"\w\(|[<>]", said):
        return ""
    written = re.sub(r"\s*(<=|>=|<|>|==)\s*", r" \1 ", said)
    try:
        read_condition(written)
    except InvalidInput:
        return ""
    return written


def is_anchored(reading: Reading) -> bool:
    """Say whether a walk-forward is to train from the beginning each time."""
    return _ANCHORED.search(reading.text) is not None


# The words of a strategy's parameters whose values a sweep tries.
_SWEPT: dict[str, str] = {
    "fast": r"fast(?:er)?|short(?:er)?",
    "slow": r"slow(?:er)?|long(?:er)?",
    "entry_z": r"entry[ _-]?z|entry|enter|z(?:-?scores?)?|thresholds?",
    "exit_z": r"exit[ _-]?z|exit",
    "entry_period": r"breakout lengths?|entry(?: lengths?| periods?)?|lengths?|channels?|breakouts?",
    "exit_period": r"exit(?: lengths?| periods?)?",
    "lookback": r"lookbacks?|look-backs?|momentum|lengths?",
    "skip": r"skips?",
    "window": r"windows?",
    "period": r"periods?|windows?|lengths?",
    "entry_below": r"entry(?: levels?)?|buy(?:ing)? (?:below|under|at)|below|under|oversold",
    "exit_above": r"exit(?: levels?)?|sell(?:ing)? (?:above|over|at)|above|over|overbought",
    "target": r"targets?",
    "top": r"top|best",
    "hold": r"hold|top|best",
}
_LIST = (
    r"(\d+(?:\.\d+)?%?(?:(?: ?,| and| or| vs| versus| to| /)* ?\d+(?:\.\d+)?%?(?![\d.%]|"
    r" (?:[a-z]+ )?(?:sessions?|days?|"
    r"weeks?|months?|years?|train(?:ing)?|test(?:ing)?)\b))*)"
)


def grid_of(reading: Reading, parameters: tuple[str, ...]) -> dict[str, list[float]]:
    """Return the values to try of "fast 10, 20 and 50, slow 100", "entry z: 1.5 2 2.5", "10 to 50 step 20".

    Empty unless one parameter has several values; `parameters` are those of the strategy.
    """
    text = re.sub(r" ?[:=] ?", " ", canonical(reading))
    lists: dict[str, list[float]] = {}
    for name in parameters:
        if name not in _SWEPT:
            continue
        between = r"(?: (?!slow|long|fast|short|exit|entry)[a-z]+){0,3}?"
        stepped = re.search(
            rf"\b(?:{_SWEPT[name]}){between} (\d+(?:\.\d+)?) (?:to|through|-) (\d+(?:\.\d+)?),? (?:in )?(?:by|"
            rf"step|steps of|every)(?: of)? (\d+(?:\.\d+)?)",
            text,
        )
        listed = re.search(rf"\b(?:{_SWEPT[name]}){between} {_LIST}", text)
        found = stepped or listed
        if found is None:
            continue
        if stepped:
            first, last, step = (float(one) for one in stepped.groups())
            count = int((last - first) / step + 1e-9) + 1 if step > 0 else 0
            values = [round(first + step * place, 10) for place in range(min(count, 50))]
        else:
            values = [float(one) / (100 if mark else 1) for one, mark in re.findall(r"(\d+(?:\.\d+)?)(%?)", found[1])]
        lists[name] = values
        text = text.replace(found.group(), " ")
    return lists if any(len(values) > 1 for values in lists.values()) else {}
