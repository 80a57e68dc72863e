"""Measure what typing errors do: damage one content word of each question and compare the plans.

    python tests/evals/typing_errors.py [--seed N] [--different] FILE...

A letter is dropped, doubled, swapped with the next one or replaced by its neighbour on the keyboard, in a word of at
least four letters that is no filler and no symbol in capitals. A damage that makes another known word is drawn again:
nobody can tell "rose" from "rise". What is counted per question: the same plan, a question back, a refusal, a lookup of
the damaged word as a name (the tool says that it does not know it), or a different plan, which is a wrong answer.
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agents.planner.plan import Plan
    from agents.planner.universe import Universe

KINDS = ("swapped", "dropped", "doubled", "neighbour key")
RESULTS = ("same", "asked", "refused", "looked up", "different")
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_WORD = re.compile(r"(?<![\w$^.@/&'-])[A-Za-z]{4,}(?![\w@/&'-]|\.\w)")
_ANSWERED = ("answer", "needs_approval", "safe_answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Damaged:
    """Hold the turns of a question with one damaged word, and what was planned for it before and after."""

    turns: tuple[str, ...]
    word: str
    written: str
    kind: str
    result: str
    before: Plan
    after: Plan


def neighbours(letter: str) -> str:
    """Return the keys beside a letter on an English keyboard, in its row."""
    row = next((keys for keys in _ROWS if letter in keys), "")
    at = row.find(letter)
    return row[max(0, at - 1) : at] + row[at + 1 : at + 2] if row else ""


def damage(word: str, kind: str, rng: random.Random) -> str:
    """Return a word with one typing error; the word itself where the error changes nothing."""
    at = rng.randrange(len(word) - 1 if kind == "swapped" else len(word))
    if kind == "swapped":
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    if kind == "dropped":
        return word[:at] + word[at + 1 :]
    if kind == "doubled":
        return word[: at + 1] + word[at:]
    return word[:at] + rng.choice(neighbours(word[at].lower()) or word[at]) + word[at + 1 :]


def judge(before: Plan, after: Plan, written: str) -> str:
    """Return what a damage did to a plan, one of RESULTS."""
    if (after.outcome, after.calls) == (before.outcome, before.calls):
        return "same"
    if after.outcome.startswith("clarify"):
        return "asked"
    if after.outcome not in _ANSWERED:
        return "refused"
    called = json.dumps([call.args for call in after.calls], default=str).lower()
    named = any(re.search(rf'"(?:[^"]* )?{written.lower()}(?: [^"]*)?"', called) for _ in (0,))
    return "looked up" if named else "different"


def damaged(questions: Sequence[Sequence[str]], universe: Universe, today: date, *, seed: int) -> Iterator[Damaged]:
    """Yield every question that plans to an answer with one damaged word."""
    from agents.planner.concepts import FILLERS
    from agents.planner.planner import plan_conversation
    from agents.planner.spelling import is_known

    rng = random.Random(seed)  # which letter is damaged is no secret
    for turns in questions:
        before = plan_conversation(turns, universe, today)
        if before.outcome not in _ANSWERED or not before.calls:
            continue
        places = [
            (turn, found)
            for turn, text in enumerate(turns)
            for found in _WORD.finditer(text)
            if found[0].lower() not in FILLERS and not found[0].isupper()
        ]
        for _ in range(20):
            if not places:
                break
            turn, found = rng.choice(places)
            kind = rng.choice(KINDS)
            written = damage(found[0], kind, rng)
            if written == found[0] or is_known(written.lower(), universe):
                continue
            text = turns[turn]
            changed = (*turns[:turn], text[: found.start()] + written + text[found.end() :], *turns[turn + 1 :])
            after = plan_conversation(changed, universe, today)
            yield Damaged(
                turns=changed,
                word=found[0],
                written=written,
                kind=kind,
                result=judge(before, after, written),
                before=before,
                after=after,
            )
            break


def main() -> None:
    """Read the arguments, print the table by kind of damage, and the different plans where asked."""
    from agents.planner.universe import build_universe
    from core.testing.dated_universe import instruments_on

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--as-of", type=date.fromisoformat, default=date(2026, 6, 24))
    parser.add_argument("--show", choices=RESULTS, nargs="*", default=())
    arguments = parser.parse_args()
    lines = [line for path in arguments.files for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    questions = [json.loads(line)["turns"] for line in lines]
    universe = build_universe(instruments_on(arguments.as_of))
    counts: Counter[tuple[str, str]] = Counter()
    for one in damaged(questions, universe, arguments.as_of, seed=arguments.seed):
        counts[one.kind, one.result] += 1
        counts["all", one.result] += 1
        if one.result in arguments.show:
            calls = [[(call.name, call.args) for call in plan.calls] for plan in (one.before, one.after)]
            print(f"{one.word} -> {one.written}: {' || '.join(one.turns)}\n    {calls[0]}\n    {calls[1]}")  # noqa: T201
            print(f"    {one.after.say} {one.after.notes}")  # noqa: T201
    print(f"{'damage':<14}" + "".join(f"{result:>11}" for result in (*RESULTS, "of")))  # noqa: T201
    for kind in (*KINDS, "all"):
        total = sum(counts[kind, result] for result in RESULTS)
        print(f"{kind:<14}" + "".join(f"{counts[kind, result]:>11}" for result in RESULTS) + f"{total:>11}")  # noqa: T201


if __name__ == "__main__":
    main()
