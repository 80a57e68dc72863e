"""Places that events name lie where an atlas puts them."""

from __future__ import annotations

from datetime import date

import pytest

from core.data.event_naming import region_of, same_happening

PLACES = [
    ("Canada", "North America"),
    ("New York", "North America"),
    ("United States", "North America"),
    ("Orlando", "North America"),
    ("Mexico", "Latin America"),
    ("Venezuela", "Latin America"),
    ("Brazil", "Latin America"),
    ("Colombia", "Latin America"),
    ("France", "Europe"),
    ("Paris", "Europe"),
    ("London", "Europe"),
    ("Berlin", "Europe"),
    ("Brussels", "Europe"),
    ("Spain", "Europe"),
    ("Poland", "Europe"),
    ("Greece", "Europe"),
    ("Russia", "Russia and Ukraine"),
    ("Ukraine", "Russia and Ukraine"),
    ("Crimea", "Russia and Ukraine"),
    ("Belarus", "Russia and Ukraine"),
    ("Israel", "Middle East"),
    ("Gaza", "Middle East"),
    ("Syria", "Middle East"),
    ("Iraq", "Middle East"),
    ("Iran", "Middle East"),
    ("Yemen", "Middle East"),
    ("Saudi Arabia", "Middle East"),
    ("Lebanon", "Middle East"),
    ("Nigeria", "Africa"),
    ("Libya", "Africa"),
    ("Egypt", "Africa"),
    ("Somalia", "Africa"),
    ("Sudan", "Africa"),
    ("Mali", "Africa"),
    ("Afghanistan", "South Asia"),
    ("Pakistan", "South Asia"),
    ("India", "South Asia"),
    ("Kashmir", "South Asia"),
    ("China", "East Asia and Pacific"),
    ("Taiwan", "East Asia and Pacific"),
    ("Japan", "East Asia and Pacific"),
    ("North Korea", "East Asia and Pacific"),
    ("Australia", "East Asia and Pacific"),
    ("Philippines", "East Asia and Pacific"),
]
SAME = [
    ("London Bombings 7/7", "Bombings in London"),
    ("U.S. / Iran Tensions Escalate", "Iran fires missiles"),
    ("Russia / Ukraine Tensions", "Russian invasion of Ukraine"),
    ("Battle of Mosul begins", "Fighting in Mosul"),
    ("Earthquake relief convoy bombed", "Relief convoy bombed"),
]
APART = [
    ("London Bombings 7/7", "Bombings in Madrid"),
    ("War in Donbass", "War in Afghanistan"),
    ("Presidential election", "Parliament dissolved"),
    ("Mexican Drug War", "Syrian Civil War"),
]


@pytest.mark.parametrize(("place", "region"), PLACES)
def test_a_place_lies_in_its_region(place: str, region: str) -> None:
    assert region_of(place, "An incident") == region
    assert region_of("", f"Incident in {place}") == region
    assert region_of(place.upper(), "") == region


@pytest.mark.parametrize("place", ["Atlantis", "", "Ind", "ira"])
def test_what_no_atlas_has_is_global(place: str) -> None:
    assert region_of(place, "") == "Global"


@pytest.mark.parametrize(("one", "other"), SAME)
def test_two_names_of_one_happening(one: str, other: str) -> None:
    day, next_day, later = date(2020, 1, 1), date(2020, 1, 3), date(2020, 1, 5)
    assert same_happening(day, one, next_day, other)
    assert same_happening(next_day, other, day, one)
    assert not same_happening(day, one, later, other)


@pytest.mark.parametrize(("one", "other"), APART)
def test_two_happenings(one: str, other: str) -> None:
    assert not same_happening(date(2020, 1, 1), one, date(2020, 1, 1), other)


def test_most_places_decide() -> None:
    assert region_of("Belgium, Egypt, Iraq, Syria, Yemen", "An incident") == "Middle East"
