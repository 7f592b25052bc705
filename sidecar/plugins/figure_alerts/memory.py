"""What the chat was told of each rule, in a file: a restart must neither repeat an alert nor forget that one is open."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Told:
    """Whether the last that was said of a rule is that its alert began, and when that was, in Unix seconds."""

    is_open: bool = False
    began_at: float = 0.0

    def next(self, holds: bool, quiet_s: float, now: float) -> "Told | None":
        """What is to be told now; None where nothing is. In its quiet time a rule begins no other alert."""
        if holds == self.is_open:
            return None
        if not holds:
            return Told(False, self.began_at)
        return Told(True, now) if now >= self.began_at + quiet_s else None


def read_told(path: Path) -> dict[str, Told]:
    """Read the file. One that can't be read is empty: an alert twice is the lesser harm."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {key: Told(bool(each["is_open"]), float(each["began_at"])) for key, each in found.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}


def write_told(path: Path, told: Mapping[str, Told]) -> None:
    """Write the file as a whole. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps({key: asdict(each) for key, each in told.items()}), encoding="utf-8")
    fresh.replace(path)
