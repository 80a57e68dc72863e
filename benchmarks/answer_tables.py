"""Write the measurements around a model as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.prove import table


def latency(found: dict[str, Any]) -> list[str]:
    """Return the table of times of offline answers."""
    names = {
        "first": "to the first step or word",
        "whole": "to the whole answer",
        "tools": "the same tools alone",
        "added": "added by planner and graph",
    }
    rows = [(title, *(f"{value:.0f}" for value in found[name])) for name, title in names.items()]
    return [
        "### Time of an offline answer",
        "",
        f"{found['questions']} questions in one process, milliseconds; the tools ran again right after each answer.",
        "",
        table(("", "median", "95 %"), rows),
        "",
    ]


def grounding(found: dict[str, Any]) -> list[str]:
    """Return the table of the gate on numbers."""
    gate = found["gate_ms"]
    rows = [
        ("references shown that resolve to their fact", f"{found['resolved']} of {found['shown']}"),
        ("lies let through", f"{found['passed']} of {found['lies']}"),
        ("honest sentences refused", f"{found['refused']} of {found['honest']}"),
        ("gate, median / 99 % / most, ms", " / ".join(f"{value:.2f}" for value in gate)),
    ]
    return ["### Numbers that are facts", "", table(("", "found"), rows), ""]


def faults(found: Sequence[dict[str, Any]]) -> list[str]:
    """Return the table of provider faults: what happened, and what the person saw."""
    rows = [
        (
            row["fault"],
            row["next"],
            row["tries"],
            row["route"],
            row["facts"],
            f"{row['seconds']:.1f}",
            row["said"].replace("|", "/"),
        )
        for row in found
    ]
    return [
        "### A cloud model with a fault that stays",
        "",
        "The first model has the fault at every try; *route* says who answered, *facts* how many numbers stood in it.",
        "",
        table(("fault", "next in line", "tries", "route", "facts", "seconds", "the person reads"), rows),
        "",
    ]


def privacy(
    attacked: Sequence[dict[str, Any]], asked: dict[str, Any], labels: Sequence[dict[str, Any]], count: int
) -> list[str]:
    """Return the tables of the canaries: what left, what was seen here, and whether every label is needed."""
    left = [one for part in attacked for one in part["left"]]
    rows = [
        (
            f"{count} attacks by an obedient cloud model",
            sum(part["requests"] for part in attacked),
            len(left),
            sum(part["seen"] for part in attacked),
        ),
        (
            "the development questions, models that ask for the portfolio",
            asked["requests"],
            len(asked["left"]),
            asked["seen"],
        ),
    ]
    noticed = sum(row["without"] > 0 for row in labels)
    clean = sum(row["with"] == 0 for row in labels)
    lines = [
        "### Private data stays on this machine",
        "",
        f"{asked['canaries']} random canaries in the private tables, searched in about thirty encodings in every byte"
        " that the two cloud stand-ins received and in everything logged at the lowest level; the alarm on outgoing"
        " bytes knows none of them. *Seen here*: questions in which the model on this machine did receive one.",
        "",
        table(("asked", "requests to clouds", "canaries that left", "seen here"), rows),
        "",
        f"Labels taken away one at a time: {noticed} of {len(labels)} noticed;"
        f" with all labels {clean} of {len(labels)} clean.",
        "",
    ]
    unnoticed = [row["label"] for row in labels if not row["without"]]
    return [
        *lines,
        *([f"Not noticed: {', '.join(unnoticed)}.", ""] if unnoticed else []),
        *_listed(left + asked["left"]),
    ]


def _listed(left: Sequence[str]) -> list[str]:
    return ["Left:", "", *(f"- {one}" for one in left[:20]), ""] if left else []


def sql(found: dict[str, Any]) -> list[str]:
    """Return the table of the SQL guard on the shared sets."""
    ran = found["answered"]
    rows = [
        ("attacks refused", f"{found['refused']} of {found['attacks']}"),
        ("attacks that had to be run", str(ran["attacks_run"])),
        ("legitimate statements allowed", f"{found['allowed']} of {found['legit']}"),
        (
            "... answered on the shared schema by the hardened role",
            f"{ran['answered']} of {found['legit']}",
        ),
        ("canaries in what was answered", str(ran["canaries"])),
        ("tables, sequences, rights, files or locks changed", "some" if ran["changed"] else "none"),
        ("guard, median / 99 %, ms of the thread", " / ".join(f"{value:.2f}" for value in found["thread_ms"])),
        ("guard, median / 99 %, ms by the wall", " / ".join(f"{value:.2f}" for value in found["wall_ms"])),
    ]
    return ["### SQL", "", table(("", "found"), rows), ""]
