"""Declare the day by which a model's training had certainly ended; what it says of earlier days may be hindsight."""

from __future__ import annotations

from datetime import date

# The day a model was released or first offered, by its name: its training had ended by then, whatever its maker calls
# the end of its knowledge.
TRAINED_UNTIL: dict[str, date] = {
    "claude-opus-4-5": date(2025, 11, 24),
    "claude-sonnet-4-5": date(2025, 9, 29),
    "claude-sonnet-4-6": date(2026, 2, 17),
    "claude-haiku-4-5": date(2025, 10, 15),
    "gpt-5": date(2025, 8, 7),
    "gpt-5.2": date(2025, 12, 11),
    "gpt-5.3": date(2026, 3, 5),
    "qwen3": date(2025, 4, 29),
    "gemma3": date(2025, 3, 12),
    "llama3.1": date(2024, 7, 23),
    "llama3.2": date(2024, 9, 25),
    "llama3.3": date(2024, 12, 6),
}


def trained_until(model: str) -> date | None:
    """Return the day by which a model's training had ended; None where it is not declared.

    A size or tag (`qwen3:8b`) and the date in a name (`claude-haiku-4-5-20251001`) make no other model; a version that
    is not in the table is not taken for the one before it, and may know more.
    """
    for name, day in TRAINED_UNTIL.items():
        rest = model.removeprefix(name)
        if model.startswith(name) and (not rest or rest[0] in ":@" or rest.startswith("-20")):
            return day
    return None
