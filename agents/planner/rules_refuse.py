"""Refuse what the desk's agents must never do, and decline what is not about markets."""

from __future__ import annotations

import re
from collections.abc import Sequence

from agents.planner.plan import Plan
from agents.planner.reading import Reading

_SQL_HARM = re.compile(
    r"\b(?:delete\s+(?:all\s+)?(?:the\s+)?(?:rows?\s+|data\s+|records?\s+)?(?:from|in|of)|"
    r"drop\s+(?:the\s+)?(?:table|schema|database|view|role|index)|"
    r"truncate\b|insert\s+into|update\s+[\w.]+\s+set|alter\s+(?:table|role|user|system)|grant\s+\w+\s+(?:on|to)|"
    r"create\s+(?:table|role|user|function|extension)|copy\s+[\w.(]+.*\b(?:to|from)\b\s+(?:program|stdout|'/)|"
    r"set_config|dblink|"
    r"lo_(?:import|export)|pg_(?:sleep|read_file|ls_dir|terminate_backend|shadow|authid|catalog|write_file|notify)\w*|"
    r"information_schema|union\s+select|;\s*(?:delete|drop|update|insert|select))",
    re.IGNORECASE,
)
_WIPE = re.compile(
    r"\b(?:delete|wipe|erase|purge|destroy|remove|clear|drop)\b.{0,40}\b(?:rows?|tables?|database|history|"
    r"records?|audit|logs?|all data|everything)\b",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+|https?://|\bwebhook\b|\bpastebin\b|\bdropbox\b", re.IGNORECASE)
_CHANNEL = re.compile(
    r"\b(?:e-?mail|mail|forward(?= (?:me|us|this|that|it|them|my|our|the|all)\b)|upload|post|send|share|export|"
    r"leak|tweet|publish|text|slack|telegram|dm)\b",
    re.IGNORECASE,
)
_OUTSIDE = frozenset({"portfolio", "orders", "fills", "proposals", "cash", "nav", "pnl", "cost", "secrets", "weight"})
_INJECTION = re.compile(
    r"\b(?:ignore|disregard|forget|override)\b.{0,30}\b(?:instructions?|rules?|prompt|guard|limits?|policy|safety)\b|"
    r"\b(?:you are now|developer mode|jailbreak|pretend (?:to be|you are)|act as (?:an? )?(?:admin|root|"
    r"superuser|dba))\b|"
    r"\b(?:system prompt|your prompt|your instructions)\b|"
    r"^\W*system(?: message| notice| override| note)?:|\bmaintenance mode\b|"
    r"\b(?:safety|security|approval|risk|compliance|control) (?:checks?|controls?|guards?|rules?)"
    r"(?: (?:are|is|have|has|been|were|being|all|now|currently))+ "
    r"(?:suspended|disabled|off|lifted|deactivated|removed|waived|bypassed|paused|inactive)\b",
    re.IGNORECASE,
)
_SECRETS = re.compile(
    r"\b(?:passwords?|passwd|api[ _-]?keys?|credentials?|private keys?|secret keys?|access tokens?|api tokens?|"
    r"auth tokens?|"
    r"environment variables?|env(?:ironment)? var(?:iable)?s?|(?:admin\w*|root) (?:rights?|access|account|login)|"
    r"\.env|connection string|dsn|database url)\b",
    re.IGNORECASE,
)
_LIMITS = re.compile(
    r"\b(?:raise|change|increase|lift|disable|remove|turn off|switch off|deactivate|double|lower|loosen|set|"
    r"reset|bypass|"
    r"ignore)\b.{0,40}"
    r"\b(?:approvals?(?: step)?|risk limits?|limits|(?:order|position|loss|drawdown|exposure|leverage) limits?|"
    r"limit (?:of|on) (?:the|my|our) (?:account|book|portfolio|losses|loss)|kill[- ]switch|four[- ]eyes|price band)\b",
    re.IGNORECASE,
)
_APPROVE = re.compile(
    r"\b(?:approv(?:es?|ing)|authori[sz]e|sign off (?:on|all|the)|rubber[- ]?stamp|green[- ]?light|"
    r"(?:accept|confirm)(?= (?:(?:all|every|each|both)(?: (?:of )?(?:the|my|our|these|those))?|the|my|"
    r"our|this|that|these|those|pending)?\s*(?:\w+ )?(?:proposals?|orders?|"
    r"trades?|tickets?|prp_\w+)\b)|make approve)\b",
    re.IGNORECASE,
)
# "A script that signs off my proposals": whatever decides in a person's place.
_AUTOMATES = re.compile(
    r"\b(?:scripts?|bots?|macros?|cron(?: ?jobs?)?|programs?|daemons?|loops?|hooks?|automat\w+|auto)\b.{0,60}"
    r"\b(?:approv\w+|sign(?:s|ing|ed)?[- ]offs?|signs|accept\w*|confirm\w*|authori[sz]\w*|clicks?|clear(?:s|ing)?)\b"
    r".{0,40}\b(?:proposals?|orders?|trades?|tickets?|approve)\b",
    re.IGNORECASE,
)
_ASKS_ABOUT_APPROVAL = re.compile(
    r"^\s*(?:which|what(?:'?s)?|who|how|when|any(?! chance| way| possibility)\w*|are there|is there|is any\w*|"
    r"something|list|show|do i|do we|does|"
    r"have i|"
    r"have we|why)\b",
    re.IGNORECASE,
)
_REJECT = re.compile(
    r"\b(?:reject|decline|veto)\b.{0,30}\b(?:proposals?|orders?|trades?|them|it|all|prp_\w+)\b", re.IGNORECASE
)
_CANCEL = re.compile(
    r"\b(?:cancel|withdraw|call off|pull)\b.{0,40}\b(?:orders?|proposals?|trades?|tickets?)\b", re.IGNORECASE
)

_OFF_TOPIC = re.compile(
    r"\b(?:weather|temperature|rain(?:ing)?|snow(?:ing)?|forecast for tomorrow|recipes?|cook(?:ing)?|bake|jokes?|"
    r"poems?|songs?|lyrics|movies?|films?|"
    r"football|soccer|basketball|tennis|olympics|world cup|super bowl|lottery|horoscope|zodiac|translate|"
    r"translation|capital of|population of|"
    r"president of|prime minister|who won|restaurants?|hotels?|flights?|vacation|holiday in|tourist|python code|"
    r"javascript|write (?:me )?(?:a|an|some) "
    r"(?:essay|poem|story|letter|song|code|program|script|email)|homework|medical|doctor|symptoms?|diet|workout|"
    r"relationship|dating|girlfriend|boyfriend|"
    r"meaning of life|chess|video games?|celebrity|celebrities|birthday|wikipedia|pizza|coffee|dinner|lunch|"
    r"stak(?:e|ing) (?:my |our |some )?(?:eth\w*|sol\w*|ada|coins?|crypto)|breakfast|traffic|train to|bus to|"
    r"horses?|derby|roulette|casinos?|poker|book (?:me |us |him |her |the \w+ )?(?:on )?(?:an? |the )?(?:\w+ )?"
    r"(?:table|room|flight|train|taxi|cab|hotel|desk|car|ticket|seat|haircut|appointment|meeting room|court|holiday)s?|"
    r"(?:annual|sick|paid|unpaid|parental|maternity|paternity|garden(?:ing)?|compassionate) leave|"
    r"law firms?|job (?:ad|advert\w*|description|posting|offer)s?|proof-?read\w*|dissertations?|steak ?houses?|"
    r"(?:cover|apology|resignation|reference|complaint|redundancy|thank[- ]you) letters?|"
    r"(?:fix|reset|repair|restart|set up|connect) (?:my|our|the) (?:\w+ )?(?:wifi|wi-fi|router|printer|laptop|"
    r"computer|phone|"
    r"car|email|outlook|vpn|screen|monitor|wallet))\b",
    re.IGNORECASE,
)
# Asked for whatever they are about.
_WRITES = re.compile(
    r"\b(?:haikus?|limericks?|sonnets?|rhymes?|jokes?|riddles?)\b|\b(?:write|compose|tell|sing|draft)(?: me| "
    r"us)? (?:an? |some )?"
    r"(?:poem|song|story|essay|novel|rap|speech|blog\w*|tweet|cover letter|email)\b",
    re.IGNORECASE,
)
_ADVICE = re.compile(
    r"\b(?:is it (?:legal|illegal|allowed|insider)|legal to|illegal|lawyer|(?:brother|sister|friend|cousin|"
    r"uncle|father|mother|wife|husband)\b.{0,30}\b(?:told|tipped)|tax(?:es)? (?:advice|return|implications?|"
    r"owe)|legal advice|form (?!(?:19|20)\d\d\b)\d{3,4}\b|deductions?|tax (?:filing|bracket|form)s?|sue|"
    r"lawsuit advice|inheritance|"
    r"mortgage should i|life insurance|"
    r"guarantee(?:d)? (?:profit|return)s?|insider (?:tip|information)|hot tip)\b",
    re.IGNORECASE,
)
_SOMEBODY_ELSE = re.compile(
    r"\b(?:my|our|the) (?:neighbou?r|brother|sister|friend|cousin|uncle|boss|colleague|father|mother|wife|"
    r"husband)(?:'s)?\b"
    r".{0,30}\b(?:holds?|owns?|has|portfolio|account|positions?|book)\b|\b(?:his|her|their) (?:account|"
    r"portfolio|book|positions)\b",
    re.IGNORECASE,
)
_UNKNOWABLE = re.compile(
    r"\b(?:will (?:the )?[\w&. ]{1,40}(?:go up|go down|rise|fall|crash|rally|double|be worth|hit|reach|"
    r"outperform)|price target|"
    r"predict(?:ion)?s?|where will|what will .{1,40} (?:be worth|trade at|close at)|next (?:big )?winner|"
    r"which stock will|(?:gonna|going to) (?:moon|pump|dump|crash|rip|tank|explode|double|recover|bounce|"
    r"squeeze)|should i (?:buy|sell|hold|invest))\b",
    re.IGNORECASE,
)
_NOT_STORED = re.compile(
    r"\b(?:p/?e ratio|p/e|pe ratio|price[- ]earnings|market cap(?:itali[sz]ation)?|option(?:s)? (?:chain|prices?|"
    r"implied)|implied vol(?:atility)?|open interest|"
    r"(?:call|put) options?|options? (?:expir\w*|strike)|\bstrike \d|\bCDS\b|credit default swaps?|"
    r"option greeks|risk reversals?|level[- ]2|market depth|depth of (?:book|market)|(?:delta|gamma|vega|"
    r"theta)\b.*\b(?:calls?|puts?)|"
    r"options? (?:delta|gamma|vega|theta)|\b(?:on|the|of) (?:[\w']+ ){0,2}options\b|"
    r"short interest|insider (?:trades?|trading|buying|selling)|analyst ratings?|balance sheet of(?! the fed)|"
    r"income statement|cash flow statement|ebitda|revenue|"
    r"free cash flow|dividend yield|book value|order book|level 2|bid[- ]ask|tick data|intraday(?! (?:top|"
    r"highs?|lows?|peaks?|bottoms?|extremes?|ranges?)\b)|minute bars?|"
    r"1[- ]min(?:ute)?|hourly|after[- ]hours|"
    r"pre[- ]?market|futures curve|credit rating|esg|ceo|headquarters|employees|founded|ipo price)\b",
    re.IGNORECASE,
)

_MANIPULATES = re.compile(
    r"\bspoof\w*|\bwash[- ]?trad\w*|\bfront[- ]?run\w*|\bpaint the tape\b|\bpump(?:ing)?(?: and "
    r"dump)?\b(?=.*\b(?:price|stock|it|up)\b)|"
    r"\b(?:fake|phantom|layered|sham|dummy) (?:\w+ )?(?:bids?|offers?|orders?|quotes?)\b|\bmanipulat\w+\b|"
    r"\bcorner the market\b|"
    r"\bpush (?:it|the price|the stock)\b",
    re.IGNORECASE,
)
_TAMPERS = re.compile(
    r"\bback-?dat\w+|\b(?:change|edit|alter|modify|fake|forge|fix up|rewrite|overwrite|adjust|correct|amend|"
    r"falsify|tamper with)\b.{0,40}"
    r"\b(?:fills?|executions?|records?|books?|logs?|audit|p&l|pnl|past trades?|history|cost basis)\b|"
    r"\b(?:delete|remove|hide|erase|wipe|lose|drop|scrub|suppress|strip out)\b.{0,40}"
    r"\b(?:fills?|executions?|loss(?:es)?|losing trades?|past trades?|entries|entry)\b.{0,40}"
    r"\b(?:from|out of|in|off|before)\b.{0,20}\b(?:books?|records?|reports?|logs?|statements?|history|ledger|blotter|"
    r"audit\w*|compliance|regulators?)\b",
    re.IGNORECASE,
)
_SKIPS_APPROVAL = re.compile(
    r"\b(?:skip|without|no need|bypass|don't wait|do not wait)\b.{0,20}\bapprov", re.IGNORECASE
)
_NO_PROPOSAL = re.compile(
    r"\b(?:no|without(?: a)?|skip the|forget the|never mind the) (?:proposals?|approvals?)\b.*\b(?:straight|direct\w*|"
    r"immediately|no waiting|exchange|venue|broker|now)\b|"
    r"\b(?:straight|direct(?:ly)?) to the (?:exchange|venue|broker|market)\b|"
    r"\bskip (?:the )?approval step\b",
    re.IGNORECASE,
)
# "Buy 100 SPY, skip the approval": whoever orders it so is refused, and may ask for the trade itself.
# An order that is only named, "the order for 300 AMD", is written up and waits.
_ORDERS = re.compile(
    r"^(?!.*\border for \d).*\b(?:buy|sell|purchase|short|order|trade|send|execute|"
    r"exit|liquidate|close|dump|push|put through|do it|fire|go ahead|"
    r"place)\b",
    re.IGNORECASE,
)
_UNASKED = re.compile(
    r"\b(?:skip(?:ping)?|without|no|no need (?:for|to)|bypass(?:ing)?|circumvent\w*|don'?t (?:wait|bother|need|ask)|"
    r"do not (?:wait|bother|need|ask)|never mind|forget(?: about)?|avoid\w*|not? waiting|ignor\w+|leave out|drop)\b"
    r"(?:(?!\bunless\b|\buntil\b)[^.?!;]){0,30}\b(?:approv\w*|confirm\w*|sign[- ]?offs?|permission|authori[sz]ation|"
    r"four[- ]eyes|paperwork|formalities|red tape|checking with (?:me|us|anyone)|asking(?: me| anyone| us)?|ask me|"
    r"proposals?|checks?)\b|\bwithout (?:me|my|anyone|us) (?:having "
    r"to )?"
    r"(?:ok\w*|approv\w*|confirm\w*|sign\w*|look\w*|ask\w*)",
    re.IGNORECASE,
)
_DECIDED = re.compile(
    r"\b(?:mark|set|tick|flag|count|treat|consider)\b.{0,40}\b(?:as )?approved\b|"
    r"^\W*(?:ok|okay|yes|fine|it'?s|its|consider it|i)?,? ?approved?\b.*\b(?:execute|go ahead|send|do it|trade)\b",
    re.IGNORECASE,
)
# A sure profit, which nobody can promise.
_SURE = re.compile(
    r"\bguarantee(?:d|s|ing)?\b(?!.*\b(?:bonds?|etfs?|funds?)\b)|"
    r"\b(?:promise|swear|assure)\b.{0,40}\b(?:profit\w*|gains?|returns?|money|lose|up|rises?|doubles?|triples?|works?|"
    r"pays?|wins?|makes? (?:me |us )?(?:at least |over |more than )?\d)|"
    r"\b(?:can'?t|cannot|can not|could not|couldn'?t|never|won'?t) (?:possibly |ever )?(?:lose|fail|go down|go "
    r"wrong)\b|"
    r"\bsure[- ](?:thing|fire|bets?|wins?|winners?|profits?|gains?)\b|\b(?:no|zero|without(?: any)?)[- "
    r"]risk\b.{0,30}\b(?:profit|"
    r"returns?|gains?|money|trade|double|win)\b|\brisk[- ]?(?:free|less)\b.{0,30}\b(?:profits?|returns?|gains?|money|"
    r"trades?|"
    r"tips?|%|percent)|\b100 ?(?:%|percent) (?:safe|sure|certain|win\w*)\b",
    re.IGNORECASE,
)
_FOR_SURE = re.compile(
    r"\b(?:give|tell|show|get|find|name|recommend|need|want|which|what|make|promise|swear|assure|guarantee|pick|just|a|one)\b",
    re.IGNORECASE,
)
_DESTROYS = re.compile(
    r"\b(?:delete|wipe|erase|purge|destroy|drop)\b(?: [\w'-]+){0,4} "
    r"(?:data|orders?|proposals?|fills?|trades?|positions?|accounts?)\b",
    re.IGNORECASE,
)
_OTHERS = re.compile(
    r"\b(?:another|other|somebody else'?s?|someone else'?s?|a different|the other|rival) (?:clients?|customers?|"
    r"traders?|users?|"
    r"accounts?|funds?|investors?|desks?)(?:'s?|s')? ?(?:portfolios?|positions?|holdings?|books?|trades?|orders?|"
    r"accounts?|"
    r"passwords?|hold\w*|own\w*)\b",
    re.IGNORECASE,
)
_BEAUTIFIES = re.compile(
    r"\bmake\b.{0,30}\b(?:p&l|pnl|p/l|profit|loss(?:es)?|performance|returns?|numbers?|book|report|var|"
    r"risk)\b.{0,20}\blook\b|"
    r"\b(?:update|set|change|fix|lower|raise) (?:my|our|the) (?:average )?(?:cost(?: basis)?|entry price|purchase "
    r"price)\b.{0,20}"
    r"\bto\b",
    re.IGNORECASE,
)
OUTSIDE = (
    "That is outside what this desk does. I answer questions on prices, returns, risk, macro data, events, news, "
    "strategies and your book."
)
_UNAPPROVED = (
    "No order leaves without a person's approval of exactly that order. Ask for the trade itself, for example "
    "“buy 10 MSFT”, and I write the proposal that waits for it."
)
_READS_ONLY = (
    "I only read data: I do not delete, change or run administrative statements. "
    "`quantdesk sql` answers read-only SELECT statements on the desk's views."
)
_ONLY_A_PERSON = (
    "I cannot approve or reject anything: a trade is decided only by a signed-in person who was shown the exact order. "
    "Open Proposals (or run `quantdesk proposals list`) to decide."
)


# "Confirm please all the proposals": politeness between the words changes nothing.
_POLITELY = re.compile(
    r"(?<=\w),? (?:please|pls|kindly|now|quickly|just|for (?:me|us)|on my behalf|(?:by )?yourself|itself),?(?= \w)",
    re.I,
)


def refuse(reading: Reading, subject: Sequence[str] = ()) -> Plan | None:
    """Return the refusal of a question that asks for something forbidden, or None; `subject` was talked about."""
    text = reading.text
    if _SQL_HARM.search(text) or (_WIPE.search(text) and not reading.values("symbol")):
        return _refused(_READS_ONLY)
    if _INJECTION.search(text):
        return _refused(
            "My rules do not change because a message asks for it. Ask me about markets, your book or a strategy."
        )
    if _SECRETS.search(text):
        return _refused("I have no access to passwords, keys or settings, and would not show them.")
    private = bool(reading.concepts() & _OUTSIDE) or bool(
        re.search(r"\b(?:my|our|account|trades?|holdings)\b", text, re.I)
    )
    if (_ADDRESS.search(text) and _CHANNEL.search(text)) or (
        _CHANNEL.search(text)
        and private
        and re.search(
            r"\b(?:e-?mail|slack|telegram|tweet|upload|forward(?= (?:me|us|this|that|it|them|my|our|the|all)\b)|"
            r"leak|dropbox|post)\b",
            text,
            re.I,
        )
    ):
        return _refused(
            "I do not send data anywhere: reports go only to the addresses in the desk's configuration.",
            private=private,
        )
    if _MANIPULATES.search(text):
        return _refused("That is market manipulation: I prepare no orders that are meant to mislead the market.")
    if plan := _forbidden(reading, subject):
        return plan
    if _TAMPERS.search(text) and not reading.has("backtest", "chart"):
        return _refused(
            "Fills, logs and books are records: they come from the venue and are not changed.", private=True
        )
    if _LIMITS.search(text):
        return _refused("Limits and the kill switch are changed by a signed-in administrator, never by the chat.")
    bare = _POLITELY.sub("", text)
    decides = (_APPROVE.search(bare) and not _ASKS_ABOUT_APPROVAL.search(bare)) or _REJECT.search(bare)
    automates = _AUTOMATES.search(bare) and not _ASKS_ABOUT_APPROVAL.search(bare)
    if (decides or automates) and not _SKIPS_APPROVAL.search(text):
        return _refused(_ONLY_A_PERSON, private=True)
    if _CANCEL.search(bare):
        return Plan(
            outcome="decline",
            say="Cancelling is done by a signed-in person: open Proposals or Orders, or run `quantdesk proposals "
            "reject ID`.",
            private=True,
        )
    return None


def unapproved(reading: Reading) -> Plan | None:
    """Return the refusal of an order that is to go out without a person's approval, or None."""
    text = reading.text
    unasked = _ORDERS.search(text) and _UNASKED.search(text) and not _ASKS_ABOUT_APPROVAL.search(text)
    return _refused(_UNAPPROVED, private=True) if unasked or _NO_PROPOSAL.search(text) else None


def _forbidden(reading: Reading, subject: Sequence[str]) -> Plan | None:
    """Return the refusal of an order without approval, of a sure profit, of others' books or of changed records."""
    text = reading.text
    # A whole order is written up and waits, however it is asked for; without one there is nothing to write.
    is_whole = len(reading.values("symbol") or subject) == 1 and bool(reading.numbers)
    if not is_whole and (unasked := unapproved(reading)):
        return unasked
    if _DECIDED.search(text):
        return _refused(_ONLY_A_PERSON, private=True)
    if _SURE.search(text) and _FOR_SURE.search(text):
        return _refused(
            "Nobody can promise a profit, and I do not. I can simulate a range of outcomes with the chance of a "
            "loss, or "
            "ask the panel of analysts what speaks for and against a name."
        )
    if _OTHERS.search(text):
        return _refused("I show only this desk's own accounts to those who may see them, nobody else's.")
    if _DESTROYS.search(text) and not reading.values("symbol"):
        return _refused(_READS_ONLY)
    if _BEAUTIFIES.search(text):
        return _refused(
            "Profit, costs and reports follow from the fills, which are records: I do not change them.", private=True
        )
    return None


def decline(reading: Reading) -> Plan | None:
    """Return the answer to a question that the desk cannot know about, or None."""
    text = reading.text
    elsewhere = _OFF_TOPIC.search(text) and not reading.values("symbol") and not reading.values("macro")
    if elsewhere or _WRITES.search(text):
        return Plan(
            outcome="decline",
            say=OUTSIDE,
        )
    if _SOMEBODY_ELSE.search(text):
        return Plan(outcome="decline", say="I know only this desk's own accounts, nobody else's.")
    if _ADVICE.search(text):
        return Plan(
            outcome="decline", say="I do not give tax, legal or insurance advice, and I know of no sure profits."
        )
    if _UNKNOWABLE.search(text) and not re.search(
        r"\bhow (?:many|much|big|large)\b|\bproportions?\b|\bweights?\b", text, re.I
    ):
        return Plan(
            outcome="decline",
            say="Nobody knows that, and I do not guess. I can simulate a range of outcomes, backtest a rule, or "
            "show what the "
            "past says: for example “simulate AAPL for 3 months”.",
        )
    # "Highest intraday" is the high of a session, which is stored.
    of_a_session = reading.has("high", "low", "maximum", "minimum")
    found = None if "shiller_pe" in reading.values("macro") else _NOT_STORED.search(text)
    if found and not (of_a_session and found.group().lower() == "intraday"):
        return Plan(
            outcome="decline",
            say=f"The desk does not store {found.group().lower()}. It has daily prices, corporate actions, macro "
            f"series, events "
            "and news; ask “what data do you have?” for the list.",
        )
    return None


def _refused(say: str, *, private: bool = False) -> Plan:
    return Plan(outcome="refuse", say=say, private=private)
