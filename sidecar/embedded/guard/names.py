"""What a statement may name, read from allowed.toml and functions.txt. What stands in no list is refused."""

import tomllib
from pathlib import Path
from typing import Any, Final

LIST: Final = Path(__file__).with_name("functions.txt")
ALLOWED: Final[dict[str, Any]] = tomllib.loads(Path(__file__).with_name("allowed.toml").read_text())


def words(text: str) -> frozenset[str]:
    """A set of names, written as a text."""
    return frozenset(text.split())


def listed(table: str) -> dict[str, frozenset[str]]:
    """The lists of a table of allowed.toml."""
    return {name: words(text) for name, text in ALLOWED[table].items()}


def beginnings(table: str) -> dict[str, str]:
    """What makes a SELECT of a statement, by the statement's beginning."""
    return {beginning: instead for instead, texts in ALLOWED[table].items() for beginning in texts}


NAMES: Final = listed("names")
REFUSED: Final = listed("refused_functions")
REFUSED_FORMATS: Final[dict[str, str]] = ALLOWED["refused_formats"]
# Their argument that declares columns, where there is one: (position, fewest arguments that there must be for it).
STRUCTURES: Final = {"values": (0, 2), "null": (0, 1), "generaterandom": (0, 1), "format": (1, 3)}
EXPLAINS: Final = {"EXPLAIN", *(f"EXPLAIN {kind.replace('_', ' ')}" for kind in NAMES["explains"])}
NODES: Final = listed("nodes")
PARTS: Final = listed("parts")
ROLES: Final = {tuple(place.split(".")): role for role, places in listed("roles").items() for place in places}
# How a statement begins, and what makes a SELECT of it.
WITHOUT_TREE: Final = beginnings("without_tree")
CHANGES_WITHOUT_TREE: Final = beginnings("changes_without_tree")


def functions() -> frozenset[str]:
    """The functions that may be called, aggregates without combinators."""
    lines = LIST.read_text().splitlines()
    return words(" ".join(line for line in lines if not line.startswith("#"))) | NAMES["syntax"]
