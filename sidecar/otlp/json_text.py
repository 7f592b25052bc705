"""Reads a JSON body so that what is odd in it stays where it stands: the fault of one record is then that record's only.

Python's parser refuses a whole text for one deep value or one long number, keeps the last of doubled keys in silence, and
rounds numbers. Here a number that a double can't hold exactly stays text, doubled keys stay visible, and bytes that are not
UTF-8 become U+FFFD, as they do in the collector's JSON.
"""

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import uuid4

from sidecar.errors import MalformedError

Result = TypeVar("Result")

# Far more than 100 messages can take (four levels for three messages), and far less than Python's parser can take.
LEVELS = 200
INTEGER_DIGITS = 300
EXACT = 2.0**53
_TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{}]', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Number:
    """A number as it was written, because Python's float or int would not hold it as it is."""

    text: str


class Doubled(dict[str, Any]):
    """An object with a key more than once; `items` yields every pair."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self._pairs = pairs

    def items(self) -> Any:
        """Yield the pairs in their order, doubled ones included; `json` writes what this yields."""
        return self._pairs


def read(body: bytes, use: Callable[[Any], Result]) -> Result:
    """Parse a body and return what `use` makes of the document. Raises MalformedError for what is not JSON at all.

    A document that is too deep for Python, in here or in `use`, is given to `use` once more with its deepest values as texts.
    """
    body = body.removeprefix(b"\xef\xbb\xbf")
    try:
        text, is_utf8 = body.decode(), True
    except UnicodeDecodeError:
        text, is_utf8 = body.decode(errors="replace"), False
    try:
        try:
            return use(_DECODER.decode(text))
        except RecursionError:
            return use(_DECODER.decode(_shallow(text)))
    except json.JSONDecodeError as error:
        if not is_utf8:
            raise MalformedError("the JSON body is not UTF-8") from None
        raise MalformedError(f"the body is not JSON: {error.msg} at line {error.lineno} column {error.colno}") from None
    except RecursionError:
        raise MalformedError("the JSON body is nested too deeply") from None


def write(document: object) -> bytes:
    """Return a document that was read as JSON again, in ASCII, so that halves of surrogate pairs are kept as they came."""
    numbers: list[str] = []
    mark = uuid4().hex  # stands for a number, as no text of the document does

    def marked(number: Number) -> str:
        numbers.append(number.text)
        return f"{mark}{len(numbers) - 1}"

    text = json.dumps(document, default=marked, separators=(",", ":"))
    if numbers:
        text = re.sub(f'"{mark}([0-9]+)"', lambda found: numbers[int(found[1])], text)
    return text.encode()


def _integer(text: str) -> int | Number:
    return int(text) if len(text) <= INTEGER_DIGITS else Number(text)


def _fraction(text: str) -> float | Number:
    number = float(text)
    return number if math.isfinite(number) and abs(number) < EXACT else Number(text)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    return members if len(members) == len(pairs) else Doubled(pairs)


# strict=False: a line break within a text costs nothing to take
_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_int=_integer, parse_float=_fraction, strict=False)


def _shallow(text: str) -> str:
    """Write every value that begins below LEVELS as a text that holds it."""
    pieces: list[str] = []
    depth = done = begin = 0
    for token in _TOKEN.finditer(text):
        match text[token.start()]:
            case "[" | "{":
                depth += 1
                if depth == LEVELS + 1:
                    begin = token.start()
            case "]" | "}":
                if depth == LEVELS + 1:
                    pieces += text[done:begin], json.dumps(text[begin : token.end()])
                    done = token.end()
                depth -= 1
    return "".join([*pieces, text[done:]])
