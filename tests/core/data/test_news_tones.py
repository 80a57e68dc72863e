"""Headlines written for this table have the tone that a reader gives them."""

from __future__ import annotations

import pytest

from core.data.news_scoring import score

POSITIVE = (
    "Chipmaker beats estimates and raises guidance",
    "Shares surge after blowout quarter",
    "Bank upgraded to buy on strong loan growth",
    "Retailer posts record profit",
    "Carmaker's deliveries exceed expectations",
    "Analyst raises price target after solid quarter",
    "Drugmaker jumps on approval of its therapy",
    "Airline stock soars to 52-week high",
    "Software firm wins a large contract",
    "Board increases dividend and announces buyback",
    "Miner's output rebounds, costs ease",
    "Cloud demand accelerates, says chief executive",
    "Investors are bullish on semiconductors",
    "The best stocks to buy now",
    "Why this growth stock is unstoppable",
    "Utility secures an attractive power agreement",
    "Launch of the device is a success",
    "Bitcoin rallies to an all-time high",
    "Startup partners with industry leader",
    "Company sees robust demand for its trucks",
    "Quarter was better than expected",
    "Fund outperforms its peers",
    "Oil major lifts target for output, shares gain",
    "Chip stocks climb on optimism",
    "Insurer's earnings top expectations",
    "Railway improves margins",
    "Bank of the year award goes to a lender",
    "Biotech achieves a breakthrough",
    "Analysts are optimistic about the shares",
    "Solar firm thrives as tailwinds build",
    "Strong buy: three reasons to like the stock",
    "Exports advance, factory sector expands",
    "Homebuilder rises on hopes of relief",
    "Shares jump in early trading",
    "Maker of engines boosts outlook",
    "Payment firm gains market share",
    "Growth is accelerating",
    "A bull market for copper",
    "Deal makes the group the leader in its market",
    "Consumer confidence improves sharply",
)
NEGATIVE = (
    "Chipmaker misses estimates and cuts guidance",
    "Shares plunge after profit warning",
    "Bank downgraded on loan losses",
    "Retailer posts a loss as sales slump",
    "Carmaker recalls trucks",
    "Analyst cuts price target after weak quarter",
    "Drugmaker tumbles as trial fails",
    "Airline stock sinks to 52-week low",
    "Software firm sued over data breach",
    "Board suspends dividend",
    "Miner warns of rising costs",
    "Cloud growth slows, says chief executive",
    "Investors are bearish on property",
    "Stocks to avoid this winter",
    "Why this stock could crash",
    "Utility faces lawsuit after deadly fire",
    "Launch of the device is delayed",
    "Bitcoin slides on fears of a ban",
    "Startup files for bankruptcy",
    "Company sees weak demand for its trucks",
    "Quarter was worse than expected",
    "Fund underperforms its peers",
    "Oil major cuts jobs as prices collapse",
    "Chip stocks fall on tariff worries",
    "Insurer's earnings below estimates",
    "Railway hit by strike",
    "Regulators fine a lender",
    "Biotech's drug is not approved",
    "Analysts are skeptical about the shares",
    "Solar firm struggles as headwinds build",
    "Sell rating: three reasons for concern",
    "Exports drop, factory sector shrinks",
    "Homebuilder falls on recession fears",
    "Shares dip in early trading",
    "Maker of engines lowers forecast",
    "Payment firm loses customers to rivals",
    "Growth is slowing",
    "A bear market for copper",
    "Antitrust probe threatens the merger",
    "Consumer confidence weakens sharply",
)
NEUTRAL = (
    "Shareholders meet on Thursday",
    "Company names a chief financial officer",
    "Quarterly report is due after the close",
    "The index at midday",
    "Chief executive speaks at a conference in Turin",
    "What the company makes",
    "Filing: Form 4",
    "Ten questions on the census",
    "Trading hours on the holiday",
    "A history of the exchange",
    "Preview of the week",
    "The board has eleven members",
)
# A negation, an intensifier or a contrast decides.
TURNED = (
    ("The quarter was not strong", "negative"),
    ("The company never misses estimates", "positive"),
    ("Shares do not fall", "positive"),
    ("No growth this year", "negative"),
    ("Without profit for years", "negative"),
    ("Profit rose but shares plunge on weak outlook", "negative"),
    ("Shares fell, but the outlook is strong and demand is robust", "positive"),
    ("Despite record profit, shares crash", "negative"),
    ("Losses hardly a concern for investors who buy", "positive"),
    ("The product isn't a success", "negative"),
)


@pytest.mark.parametrize("headline", POSITIVE)
def test_good_news_is_positive(headline: str) -> None:
    value, tone = score(headline)
    assert tone == "positive", value


@pytest.mark.parametrize("headline", NEGATIVE)
def test_bad_news_is_negative(headline: str) -> None:
    value, tone = score(headline)
    assert tone == "negative", value


@pytest.mark.parametrize("headline", NEUTRAL)
def test_news_without_a_verdict_is_neutral(headline: str) -> None:
    assert score(headline)[1] == "neutral"


@pytest.mark.parametrize(("headline", "tone"), TURNED)
def test_small_words_decide(headline: str, tone: str) -> None:
    value, found = score(headline)
    assert found == tone, value


@pytest.mark.parametrize("headline", [*POSITIVE, *NEGATIVE, *NEUTRAL])
def test_case_and_full_stops_change_no_score(headline: str) -> None:
    assert score(headline) == score(headline.upper()) == score(f"{headline}.")


@pytest.mark.parametrize("headline", [*POSITIVE, *NEGATIVE])
def test_a_summary_that_says_the_same_makes_it_stronger(headline: str) -> None:
    assert abs(score(headline, headline)[0]) > abs(score(headline)[0])
