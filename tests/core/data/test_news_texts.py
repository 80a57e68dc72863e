"""News is linked by what it names on its day, scored by words, and told once."""

from __future__ import annotations

import csv
import gzip
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.data.news_linking import Linker
from core.data.news_scoring import load_lexicon, score
from core.data.news_stories import assign_stories, title_words
from core.data.symbols import SymbolResolver
from core.data.universe import symbol_history, universe

TODAY = date(2025, 6, 2)
WORDS = ("10", "20", "oil", "gas", "cut", "rise", "fall", "bank", "rate", "deal", "new", "big")


@pytest.fixture(scope="module")
def linker() -> Linker:
    return Linker(universe(), symbol_history())


def linked(linker: Linker, headline: str, day: date = TODAY, summary: str = "") -> set[str]:
    symbols = {entry.instrument_id: entry.symbol for entry in universe()}
    return {symbols[number] for number in linker.link(headline, summary, day)}


@pytest.mark.parametrize(
    ("headline", "symbols"),
    [
        ("Apple ordered to pay French operators 39 mn euros over iPhone sales", {"AAPL"}),
        ("NVIDIA's Headline Flurry: Why You're Not Bullish Enough", {"NVDA"}),
        ("MSFT, META and ORCL Forecast – Major Tech Stocks Mixed in Premarket", {"MSFT", "META", "ORCL"}),
        ("Microsoft (MSFT) is an Incredible Growth Stock", {"MSFT"}),
        ("Barrick Announces Plans to Sell Part of African Barrick Gold", {"ABX"}),
        ("Bitcoin slides as traders sell ether", {"BTC-USD"}),
        ("Macy's to close stores", {"M"}),
        ("Macy Gray sings", set()),
        ("Target price of the index is raised by banks", set()),
        ("An apple a day keeps the doctor away", set()),
        ("AI stocks rally ON news that ALL ARE up", set()),
        ("C3.ai (NYSE: AI) beats estimates", {"AI"}),
        ("$F jumps, buy $GM", {"F", "GM"}),
        ("STOCKS FALL AS IBM AND DELL CUT FORECASTS", {"IBM", "DELL"}),
        ("Visa rules for students change", set()),
        ("", set()),
    ],
)
def test_a_headline_is_linked_to_what_it_names(linker: Linker, headline: str, symbols: set[str]) -> None:
    known = {entry.symbol for entry in universe()}
    assert linked(linker, headline) == symbols & known


def test_a_ticker_means_who_carried_it_that_day(linker: Linker) -> None:
    assert linked(linker, "Shares of (FB) rise", date(2015, 3, 2)) == {"META"}
    assert linked(linker, "Shares of (FB) rise", date(2024, 3, 1)) == set()
    assert linked(linker, "Funds (QQQQ) rise", date(2007, 3, 1)) == {"QQQ"}
    assert linked(linker, "Funds (QQQ) rise", date(2007, 3, 1)) == set()
    assert linked(linker, "Funds (QQQ) rise", date(2015, 3, 2)) == {"QQQ"}


def test_names_of_the_linker_have_a_digest(linker: Linker) -> None:
    assert Linker(universe(), symbol_history()).digest == linker.digest
    assert Linker([entry for entry in universe() if entry.symbol != "AAPL"], symbol_history()).digest != linker.digest


@pytest.mark.parametrize(
    ("headline", "tone"),
    [
        ("Nvidia beats estimates and raises guidance", "positive"),
        ("Nvidia does not beat estimates", "negative"),
        ("Shares plunge after profit warning", "negative"),
        ("Tesla shareholders meet on Thursday", "neutral"),
        ("Cloudflare down in worst outage, lawsuits follow", "negative"),
        ("Stock soars to record high on strong demand", "positive"),
        ("", "neutral"),
    ],
)
def test_a_headline_has_the_tone_of_its_words(headline: str, tone: str) -> None:
    assert score(headline)[1] == tone


def test_negation_turns_intensifiers_strengthen_softeners_weaken() -> None:
    plain = score("prices fall")[0]
    assert score("prices sharply fall")[0] < plain < score("prices slightly fall")[0] < 0
    assert score("prices never fall")[0] > 0
    assert score("costs fall, but profit soars")[0] > 0 > score("profit soars, but shares plunge and crash")[0]
    assert score("not here. shares soar")[0] > 0


@settings(deadline=None, max_examples=60, derandomize=True)
@given(st.text(max_size=80), st.text(max_size=120))
def test_every_text_has_a_score_between_minus_one_and_one(headline: str, summary: str) -> None:
    value, tone = score(headline, summary)
    assert -1 < value < 1
    assert (tone == "positive") == (value >= 0.2) and (tone == "negative") == (value <= -0.3)
    assert (value, tone) == score(headline, summary)


def test_no_word_of_the_list_is_on_both_sides() -> None:
    import yaml

    import core.data.news_scoring as scoring

    content = yaml.safe_load(Path(scoring.__file__).with_name("lexicon.yaml").read_text())
    sides = [
        {" ".join(entry.split()) for text in content[side].values() for entry in text.split(",")}
        for side in ("positive", "negative")
    ]
    assert not sides[0] & sides[1]
    assert len(load_lexicon().words) > 400


def stories(*titles: str, hours: int = 1) -> list[str]:
    start = datetime(2025, 1, 1, tzinfo=UTC)
    entries = [(str(place), start + timedelta(hours=hours * place), title) for place, title in enumerate(titles)]
    return [story for _, story in assign_stories(entries)]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Tesla shareholders approve Elon Musk's $1 trillion pay package",
         "Tesla Shareholders Approve Elon Musk's $1 Trillion Pay Package — WSJ", True),
        ("Warby Parker Partners With Google to Develop AI Glasses",
         "Update: Warby Parker Partners With Google to Develop AI Glasses", True),
        ("Stocks Which Set New 52-Week Low Yesterday, August 6th",
         "Stocks Which Set New 52-Week High Yesterday, August 6th", False),
        ("Company X Q3 EPS $1.43 vs $1.37 Est., Sales $38.7B", "Company X Q3 EPS $1.53 vs $1.37 Est., Sales $38.7B",
         False),
        ("Here's How Much Traders Expect Meta Stock To Move After Earnings This Week",
         "Here's How Much Traders Expect Microsoft Stock To Move After Earnings This Week", False),
        ("Market wrap", "Market wrap", True),
        ("Market wrap", "Market open", False),
    ],
)  # fmt: skip
def test_near_titles_are_one_story_and_similar_ones_are_not(one: str, other: str, same: bool) -> None:
    assert (stories(one, other) == ["0", "0"]) is same
    assert (stories(other, one) == ["0", "0"]) is same


def test_a_story_ends_after_three_days_and_is_the_earliest() -> None:
    title = "Oil prices climb as exporters agree to cut supply"
    assert stories(title, title, title, hours=24) == ["0", "0", "0"]
    assert stories(title, title, hours=73) == ["0", "1"]
    assert title_words(title + " | Reuters") == title_words(title)


@settings(deadline=None, max_examples=40, derandomize=True)
@given(st.lists(st.lists(st.sampled_from(WORDS[:-2]), max_size=6), max_size=12))
def test_what_is_published_later_changes_no_story(titles: list[list[str]]) -> None:
    texts = [" ".join(words) for words in titles]
    whole = stories(*texts, hours=9)
    for count in range(len(texts)):
        assert stories(*texts[:count], hours=9) == whole[:count]


@settings(deadline=None, max_examples=30, derandomize=True)
@given(st.lists(st.lists(st.sampled_from(WORDS[2:]), max_size=7), max_size=10))
def test_the_index_finds_what_comparing_all_pairs_finds(titles: list[list[str]]) -> None:
    from core.data.news_stories import _are_near

    texts = [" ".join(words) for words in titles]
    words = [title_words(text) for text in texts]
    expected = [
        str(
            next(
                (earlier for earlier in range(place) if words[place] and _are_near(words[place], words[earlier])), place
            )
        )
        for place in range(len(texts))
    ]
    assert stories(*texts) == expected


def read(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "precision", "recall"),
    [
        ("labelled_megacap_2025", 0.88, 0.88),
        ("benzinga_tickers_A_2009_2020", 0.97, 0.54),
        ("ticker_news_2026", 0.80, 0.43),
    ],
)
def test_links_agree_with_the_vendors_own(
    shared_folder: Path, linker: Linker, name: str, precision: float, recall: float
) -> None:
    resolver = SymbolResolver(universe(), symbol_history())
    tagged: dict[tuple[str, str, str], set[int]] = {}
    for row in read(shared_folder / "data" / "news" / f"{name}.csv.gz"):
        found = {resolver.current(symbol) for symbol in row["symbols"].replace(",", " ").split()}
        tagged.setdefault((row["headline"], row["summary"], row["date"]), set()).update(n for n in found if n)
    followed = set().union(*tagged.values())
    counts: Counter[str] = Counter()
    for (headline, summary, day), vendor in tagged.items():
        ours = set(linker.link(headline, summary, date.fromisoformat(day))) & followed
        counts.update(both=len(ours & vendor), ours=len(ours), vendor=len(vendor))
    assert counts["both"] / counts["ours"] >= precision
    assert counts["both"] / counts["vendor"] >= recall


@pytest.mark.shared
def test_tones_agree_with_the_labels_more_often_than_the_commonest_label(shared_folder: Path) -> None:
    rows = read(shared_folder / "data" / "news" / "labelled_megacap_2025.csv.gz")
    labels = Counter(row["sentiment"].lower() for row in rows)
    right = sum(score(row["headline"], row["summary"])[1] == row["sentiment"].lower() for row in rows)
    assert right / len(rows) > 0.66 > max(labels.values()) / len(rows)
