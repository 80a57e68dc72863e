from pathlib import Path

import pytest

from core.errors import InvalidInput, UnknownName
from prompts import loader
from prompts.loader import load_prompt


def test_every_prompt_of_the_folder_loads() -> None:
    names = [path.stem for path in Path(loader.__file__).parent.glob("*.md")]
    assert len(names) >= 2
    for name in names:
        prompt = load_prompt(name)
        assert (prompt.id, prompt.version >= 1) == (name, True)


def test_places_are_filled() -> None:
    assert "13.37" in load_prompt("correction").fill(numbers="13.37")


def test_missing_and_unknown_inputs_are_named() -> None:
    with pytest.raises(InvalidInput, match="numbers"):
        load_prompt("correction").fill()
    with pytest.raises(InvalidInput, match="other"):
        load_prompt("correction").fill(numbers="1", other="2")


@pytest.mark.parametrize("name", ["nothing_here", "../secrets", "loader"])
def test_an_unknown_prompt_is_named(name: str) -> None:
    with pytest.raises(UnknownName):
        load_prompt(name)


def test_a_value_is_not_filled_again() -> None:
    assert load_prompt("correction").fill(numbers="<<numbers>>").count("<<numbers>>") == 1
