"""Say which relations and columns a statement may read, and how private each is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.domain.facts import Label
from core.errors import InvalidInput

_WIDE_TYPES = ("text", "json", "jsonb", "varchar", "character varying", "bytea")


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """Describe one readable relation: its schema-qualified name, column types by name, and its label."""

    name: str
    columns: Mapping[str, str]
    label: Label

    def is_wide(self, column: str) -> bool:
        """Say whether values of the column can be long."""
        return self.columns[column].lower().endswith("[]") or self.columns[column].lower().startswith(_WIDE_TYPES)


Relations = Mapping[str, Relation]


def relations_from(config: Mapping[str, Any]) -> dict[str, Relation]:
    """Return the relations of a configuration `{"class": "public", "relations": {"schema.name": {"column": "type"}}}`.

    Raises InvalidInput when it has another shape.
    """
    label = config.get("class", "private")
    relations = config.get("relations")
    if label not in ("public", "private") or not isinstance(relations, Mapping):
        raise InvalidInput(
            "A relations configuration needs `class` (public or private) and `relations`.",
            hint='Expected {"class": "public", "relations": {"schema.name": {"column": "type"}}}.',
        )
    found = {}
    for name, columns in relations.items():
        if name.count(".") != 1 or not isinstance(columns, Mapping) or not columns:
            raise InvalidInput(f"Relation {name!r} must be named schema.name and list its columns with types.")
        types = {str(column): str(kind) for column, kind in columns.items()}
        found[name] = Relation(name=name, columns=types, label=label)
    return found


def load_relations(path: Path) -> dict[str, Relation]:
    """Read a configuration file; raise InvalidInput when it cannot be read."""
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidInput(f"Cannot read the relations file {path}: {error}.") from error
    if not isinstance(config, dict):
        raise InvalidInput(f"The relations file {path} must hold one JSON object.")
    return relations_from(config)


def product_relations(label: Label) -> dict[str, Relation]:
    """Return the as-of views that the desk lets questions read; `private` means the public ones and the books."""
    from core.query.product_relations import PRIVATE, PUBLIC

    found = {name: _product_relation(name, columns, "public") for name, columns in PUBLIC.items()}
    if label == "private":
        found |= {name: _product_relation(name, columns, "private") for name, columns in PRIVATE.items()}
    return found


def _product_relation(name: str, columns: str, label: Label) -> Relation:
    types = {}
    for part in columns.split(","):
        column, kind = part.strip().split(" ", 1)
        types[column] = kind
    return Relation(name=name, columns=types, label=label)
