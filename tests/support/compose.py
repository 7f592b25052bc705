"""docker-compose.yml as an engine would read it: variables from a .env, and what each image's Dockerfile adds."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from stack.env_file import fill
from tests.support.paths import ROOT

OURS = ("bot", "collector", "sidecar", "web")
VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::(?P<kind>[-?])(?P<text>[^}]*))?\}")


class MissingError(Exception):
    """A variable that compose insists on (`${NAME:?…}`) has no value."""


def example() -> str:
    """The text of .env.example."""
    return (ROOT / ".env.example").read_text(encoding="utf-8")


def dotenv(text: str) -> dict[str, str]:
    """The variables of a .env without quotes, which is what `make env` writes."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def filled() -> dict[str, str]:
    """A .env as `make env` writes it, with a bot's token."""
    return dotenv(fill(example())) | {"BOT_TOKEN": "42:TOKEN-of-the-tests"}


def compose(values: Mapping[str, str]) -> dict[str, Any]:
    """The compose file with its variables filled in. Raises MissingError."""
    raw = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    result: dict[str, Any] = _interpolated(raw, values)
    return result


def _interpolated(node: Any, values: Mapping[str, str]) -> Any:
    if isinstance(node, dict):
        return {key: _interpolated(value, values) for key, value in node.items()}
    if isinstance(node, list):
        return [_interpolated(value, values) for value in node]
    return VARIABLE.sub(lambda match: _value(match, values), node) if isinstance(node, str) else node


def _value(match: re.Match[str], values: Mapping[str, str]) -> str:
    value = values.get(match["name"], "")
    if not value and match["kind"] == "?":
        raise MissingError(f"{match['name']}: {match['text']}")
    return value or (match["text"] if match["kind"] == "-" else "")


@dataclass(frozen=True, slots=True)
class Image:
    """What the last stage of a Dockerfile says, in the instructions that ours use."""

    instructions: list[tuple[str, str]]

    @classmethod
    def read(cls, part: str) -> "Image":
        """Read <part>/Dockerfile; lines that end in a backslash are one."""
        text = (ROOT / part / "Dockerfile").read_text(encoding="utf-8")
        joined = re.sub(r"\\\n\s*", " ", text)
        lines = [line for line in joined.splitlines() if line.strip() and not line.startswith("#")]
        return cls([(word, rest) for word, _, rest in (line.partition(" ") for line in lines)])

    def of(self, instruction: str) -> list[str]:
        """Arguments of an instruction in the last stage."""
        begin = max(number for number, (word, _) in enumerate(self.instructions) if word == "FROM")
        return [rest for word, rest in self.instructions[begin:] if word == instruction]

    @property
    def environment(self) -> dict[str, str]:
        """ENV."""
        return dict(pair.split("=", 1) for line in self.of("ENV") for pair in line.split())

    @property
    def command(self) -> list[str]:
        """ENTRYPOINT and CMD, both in their JSON form."""
        return [word for part in ("ENTRYPOINT", "CMD") for line in self.of(part) for word in json.loads(line)]

    @property
    def bases(self) -> list[str]:
        """Images it is built from."""
        return [rest.split()[0] for word, rest in self.instructions if word == "FROM"]

    @property
    def sources(self) -> list[str]:
        """Paths of the repository that it copies."""
        copies = [rest for word, rest in self.instructions if word == "COPY" and "--from=" not in rest]
        return [path for rest in copies for path in rest.split()[:-1]]


def environment(part: str, values: Mapping[str, str]) -> dict[str, str]:
    """What a process of this part sees in its container."""
    given: dict[str, str] = compose(values)["services"][part]["environment"]
    return Image.read(part).environment | given
