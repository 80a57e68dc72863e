"""Calendars' names of one release become one name; happenings get a region."""

from __future__ import annotations

from datetime import date

import pytest

from core.data.event_naming import name_release, region_of, same_happening, tell_measures, title_of


@pytest.mark.parametrize(
    ("names", "title"),
    [
        (("Nonfarm Payrolls", "Non-Farm Employment Change"), "Nonfarm payrolls"),
        (("Consumer Price Index (YoY)", "CPI y/y"), "CPI y/y"),
        (("Consumer Price Index (MoM)", "CPI m/m"), "CPI m/m"),
        (("Consumer Price Index ex Food & Energy (MoM)", "Core CPI m/m"), "Core CPI m/m"),
        (("Fed Interest Rate Decision", "Federal Funds Rate"), "Fed rate decision"),
        (("FOMC Statement", "Fed's Monetary Policy Statement"), "FOMC statement"),
        (("FOMC Minutes", "FOMC Meeting Minutes"), "FOMC minutes"),
        (("Initial Jobless Claims", "Unemployment Claims"), "Initial jobless claims"),
        (("ADP Employment Change", "ADP Non-Farm Employment Change"), "ADP employment"),
        (("Gross Domestic Product Annualized", "Advance GDP q/q", "Final GDP q/q"), "GDP q/q"),
        (("Average Hourly Earnings", "Average Hourly Earnings m/m", "Average Hourly Earnings (MoM)"),
         "Average hourly earnings m/m"),
        (("Core Personal Consumption Expenditures - Price Index (YoY)", "Core PCE Price Index y/y"),
         "Core PCE price index y/y"),
        (("ISM Services PMI", "ISM Non-Manufacturing PMI"), "ISM services PMI"),
        (("Building Permits", "building permits "), "Building permits"),
    ],
)  # fmt: skip
def test_names_of_one_release_become_one(names: tuple[str, ...], title: str) -> None:
    assert {title_of(*name_release(name)).lower() for name in names} == {title.lower()}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("CPI m/m", "CPI y/y"),
        ("CPI y/y", "Core CPI y/y"),
        ("Nonfarm Payrolls", "Private Nonfarm Payrolls"),
        ("Nonfarm Payrolls", "ADP Employment Change"),
        ("FOMC Statement", "FOMC Press Conference"),
        ("CPI", "German Prelim CPI"),
    ],
)
def test_different_releases_stay_apart(one: str, other: str) -> None:
    assert name_release(one) != name_release(other)


def test_two_rows_in_percent_under_one_name_are_month_and_year() -> None:
    # CPI of May 2022 as its calendar had it: previous 0.3 % on the month, 8.3 % on the year (BLS, 2022-06-10).
    assert tell_measures([("", 0.3, True), ("", 8.3, True)]) == ["m/m", "y/y"]
    assert tell_measures([("", 8.3, True), ("", 0.3, True)]) == ["y/y", "m/m"]


@pytest.mark.parametrize(
    "rows",
    [
        [("", 0.3, True)],
        [("m/m", 0.3, True), ("y/y", 8.3, True)],
        [("", 289.1, False), ("", 292.3, False)],
        [("", None, True), ("", 8.3, True)],
        [("", 0.3, True), ("", 8.3, True), ("", 1.0, True)],
        [("", 2.0, True), ("", 2.0, True)],
    ],
)
def test_other_rows_keep_what_was_said(rows: list[tuple[str, float | None, bool]]) -> None:
    assert tell_measures(rows) == [measure for measure, _, _ in rows]


def test_two_reports_of_one_happening_are_found_by_place_or_words() -> None:
    day = date(2015, 11, 16)
    assert same_happening(day, "November 2015 Paris attacks", date(2015, 11, 17), "Paris Terrorist Attacks")
    assert not same_happening(day, "November 2015 Paris attacks", date(2015, 12, 17), "Paris Terrorist Attacks")
    assert not same_happening(day, "November 2015 Paris attacks", day, "War in Afghanistan")


@pytest.mark.parametrize(
    ("locations", "name", "region"),
    [
        ("France, Nigeria", "Charlie Hebdo shooting", "Europe"),
        ("", "U.S. Bombing of Libya", "Africa"),
        ("Saudi Arabia, Somalia, Yemen", "2015 military intervention in Yemen", "Middle East"),
        ("", "Russia / Ukraine Tensions", "Russia and Ukraine"),
        ("Iraq, Syria", "An unnamed incident", "Middle East"),
        ("", "An unnamed incident", "Global"),
    ],
)
def test_a_happening_has_a_region(locations: str, name: str, region: str) -> None:
    assert region_of(locations, name) == region
