"""Where the words of an INSERT end and its data begin: data of any kind follow FORMAT without a mark but one newline.

Nothing here decides what a statement means or whether it may run: the engine parses the words (`sidecar/embedded/guard`).
A text that is read here otherwise than by the engine gives other data, and never another statement.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sidecar.embedded.errors import ClickHouseError, Code

# What has no end takes all the rest: were it looked for again from each next place, the time would grow with the square.
TOKEN: Final = re.compile(
    rb"""(?P<space>(?:[\s\x00\xa0]|--[^\n]*|\#[!\ ][^\n]*|/\*(?:.*?\*/|.*+))++)
    |(?P<string>'(?:[^'\\]|\\.|'')*+(?:'|\\?\Z))
    |(?P<quoted>`(?:[^`\\]|\\.|``)*+(?:`|\\?\Z)|"(?:[^"\\]|\\.|"")*+(?:"|\\?\Z))
    |(?P<heredoc>(?P<tag>\$[^$]*+\$)(?:.*?(?P=tag)|.*+))
    |(?P<curly>\xe2\x80\x98(?:.*?\xe2\x80\x99|.*+)|\xe2\x80\x9c(?:.*?\xe2\x80\x9d|.*+))
    |(?P<word>[A-Za-z_][A-Za-z0-9_$]*)
    |(?P<number>\d[\w.]*)
    |(?P<mark>.)""",
    re.X | re.S,
)
SELECTS: Final = frozenset({"SELECT", "WITH"})


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of SQL; `word` is upper-cased for words and marks, '' for everything else."""

    kind: str
    word: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement as it came. For an INSERT with data: `text` are its words up to FORMAT or VALUES, `input_format` is how
    the data are written, `data_offset` where they begin in what was read."""

    text: str
    input_format: str | None = None
    data_offset: int = 0

    @property
    def takes_data(self) -> bool:
        """Whether data follow it."""
        return self.input_format is not None

    @property
    def is_values(self) -> bool:
        """Whether its data are rows of VALUES, which may hold expressions."""
        return (self.input_format or "").upper() == "VALUES"


def tokens(sql: bytes) -> Iterator[Token]:
    """Split SQL into tokens, without white space and comments."""
    for match in TOKEN.finditer(sql):
        kind = match.lastgroup if match.lastgroup != "tag" else "heredoc"
        if kind == "space" or kind is None:
            continue
        word = match[0].decode("utf-8", "replace").upper() if kind in ("word", "mark") else ""
        yield Token(kind, word, match.start(), match.end())


def parse(sql: bytes) -> Statement:
    """Cut the data off a statement. Raises ClickHouseError for an empty one, and for words that are no UTF-8."""
    seen: list[Token] = []
    depth = 0
    for token in tokens(sql):
        depth += (token.word in "([{") - (token.word in ")]}") if token.kind == "mark" else 0
        seen.append(token)
        if seen[0].word != "INSERT" or (depth == 0 and token.kind == "word" and token.word in SELECTS):
            break
        if depth == 0 and token.kind == "word" and len(seen) > 1:
            if token.word == "VALUES":
                return Statement(decode(sql[seen[0].start : token.end]), "Values", token.end)
            if seen[-2].word == "FORMAT" and seen[-2].kind == "word" and len(seen) > 3:
                text = decode(sql[seen[0].start : token.end])
                return Statement(text, sql[token.start : token.end].decode(), _after_newline(sql, token.end))
    if not seen or seen[0].word == ";":
        raise ClickHouseError(Code.SYNTAX_ERROR, "Syntax error: the query is empty")
    return Statement(decode(sql).strip())


def _after_newline(sql: bytes, at: int) -> int:
    # exactly one line end belongs to the statement: the byte after it may be data even if it is 0x0a
    match = re.compile(rb"[ \t]*;?[ \t]*\r?\n?").match(sql, at)
    return match.end() if match else at


def decode(sql: bytes) -> str:
    """SQL as text. Raises ClickHouseError when it is not UTF-8."""
    try:
        return sql.decode()
    except UnicodeDecodeError:
        raise ClickHouseError(Code.SYNTAX_ERROR, "Syntax error: the query is not UTF-8") from None


def literal(text: str) -> str:
    """A SQL string literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def identifier(name: str) -> str:
    """A quoted SQL name."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"
