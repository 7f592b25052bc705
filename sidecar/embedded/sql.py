"""Reading a statement only as far as a server in front of the engine must: what kind, which format, where data begins.

The engine parses SQL; nothing here decides what a statement means. Two things can't be left to it: binary data follow an
INSERT's FORMAT without any mark but one newline, and a few doors that chDB leaves open to every caller (it takes itself
for a command line tool) are closed here: files by INFILE, OUTFILE and file(), Python objects, several statements at once.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sidecar.embedded.errors import ACCESS_DENIED, NOT_IMPLEMENTED, SYNTAX_ERROR, ClickHouseError

TOKEN: Final = re.compile(
    rb"""(?P<space>(?:[\s\x00\xa0]|--[^\n]*|\#[!\ ][^\n]*|/\*.*?\*/)+)
    |(?P<string>'(?:[^'\\]|\\.|'')*')
    |(?P<quoted>`(?:[^`\\]|\\.|``)*`|"(?:[^"\\]|\\.|"")*")
    |(?P<heredoc>(?P<tag>\$[^$]*\$).*?(?P=tag))
    |(?P<curly>\xe2\x80\x98.*?\xe2\x80\x99|\xe2\x80\x9c.*?\xe2\x80\x9d)
    |(?P<word>[A-Za-z_][A-Za-z0-9_$]*)
    |(?P<number>\d[\w.]*)
    |(?P<mark>.)""",
    re.X | re.S,
)
READS: Final = frozenset({"SELECT", "WITH", "FROM", "(", "SHOW", "DESCRIBE", "DESC", "EXISTS", "EXPLAIN"})
# Functions and table functions that reach outside the database and that the engine's grants don't cover.
CLOSED: Final = frozenset({"FILE", "PYTHON", "EXECUTABLE", "EVAL", "ARROWSTREAM", "CATBOOSTEVALUATE"})
SELECTS: Final = frozenset({"SELECT", "WITH", "FROM", "("})
# Such a name, anywhere in a text with rarer kinds of quotes, is refused: to be fooled about quotes would open the file.
RARE_QUOTES: Final = re.compile(rb"\$|\xe2\x80[\x98-\x9f]")
CLOSED_NAME: Final = re.compile(rb"\b(?:" + b"|".join(name.encode() for name in sorted(CLOSED)) + rb")\b", re.I)
STATEFUL: Final = frozenset({"SET", "USE"})


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of SQL; `word` is upper-cased for words and marks, unquoted for quoted names, '' for literals."""

    kind: str
    word: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement as a server must know it. `text` has no trailing `;`.

    For an INSERT that takes data: `text` ends before SETTINGS and FORMAT, `settings` is its SETTINGS clause ('' if
    none), `input_format` the data's format and `data_offset` where the data begin in what was read. For a query,
    `format_at` is where its closing FORMAT stands in `text`.
    """

    kind: str
    text: str
    output_format: str | None = None
    format_at: int | None = None
    input_format: str | None = None
    settings: str = ""
    data_offset: int = 0
    keeps_state: bool = False

    @property
    def reads(self) -> bool:
        """Whether it only reads, judged by its first word (the engine judges the rest)."""
        return self.kind in READS

    @property
    def takes_data(self) -> bool:
        """Whether data follow it."""
        return self.input_format is not None


def tokens(sql: bytes) -> Iterator[Token]:
    """Split SQL into tokens, without white space and comments."""
    for match in TOKEN.finditer(sql):
        kind = match.lastgroup if match.lastgroup != "tag" else "heredoc"
        if kind == "space" or kind is None:
            continue
        text = match[0].decode("utf-8", "replace")
        word = text.upper() if kind in ("word", "mark") else text[1:-1].upper() if kind == "quoted" else ""
        yield Token(kind, word, match.start(), match.end())


def parse(sql: bytes) -> Statement:
    """Read one statement (and, for an INSERT, where its data begin). Raises ClickHouseError for what is closed."""
    stream = tokens(sql)
    seen: list[Token] = []
    depth = 0
    insert = False
    for token in stream:
        if token.word == ";" and depth == 0:
            if not insert and any(after.word != ";" for after in stream):
                raise ClickHouseError(SYNTAX_ERROR, "Syntax error (Multi-statements are not allowed)")
            break
        depth += (token.word in "([{") - (token.word in ")]}") if token.kind == "mark" else 0
        seen.append(token)
        _refuse_closed(seen)
        if len(seen) == 1:
            insert = token.word == "INSERT"
        elif insert and depth == 0:
            if token.word == "VALUES" and token.kind == "word":
                return _with_data(sql, seen, len(seen) - 1, "Values", token.end)
            if token.word in ("SELECT", "WITH", "WATCH") and token.kind == "word":
                insert = False
            elif token.kind == "word" and seen[-2].word == "FORMAT" and seen[-2].kind == "word" and len(seen) > 3:
                name = sql[token.start : token.end].decode()
                return _with_data(sql, seen, len(seen) - 2, name, _after_newline(sql, token.end))
    if not seen:
        raise ClickHouseError(SYNTAX_ERROR, "Syntax error: the query is empty")
    _refuse_rare_quotes(sql)
    return _without_data(sql, seen)


def fools(sql: bytes) -> bool:
    """Whether rarer quotes stand in it together with a closed name."""
    return bool(RARE_QUOTES.search(sql) and CLOSED_NAME.search(sql))


def _refuse_rare_quotes(sql: bytes) -> None:
    if fools(sql):
        names = ", ".join(name.lower() for name in sorted(CLOSED))
        raise ClickHouseError(
            ACCESS_DENIED, f"A query with '$' or curly quotes can't hold the words {names}: use parameters"
        )


def _refuse_closed(seen: list[Token]) -> None:
    last = seen[-1]
    before = seen[-2] if len(seen) > 1 else last
    if last.word in ("OUTFILE", "INFILE") and last.kind == "word" and before.word in ("INTO", "FROM"):
        raise ClickHouseError(ACCESS_DENIED, f"{before.word} {last.word} is closed: files of the server can't be used")
    called = last.word == "(" and before.kind in ("word", "quoted") and before.word in CLOSED
    applied = last.word in CLOSED and (before.word == "APPLY" or (len(seen) > 2 and seen[-3].word == "APPLY"))
    if called or applied:
        name = (before if called else last).word.lower()
        raise ClickHouseError(ACCESS_DENIED, f"{name}() is closed: nothing outside the database can be read")


def _with_data(sql: bytes, seen: list[Token], end: int, input_format: str, offset: int) -> Statement:
    settings = next((i for i, token in enumerate(seen[:end]) if token.word == "SETTINGS" and token.kind == "word"), end)
    stop = seen[end].start
    clause = decode(sql[seen[settings].start : stop]) if settings < end else ""
    head = decode(sql[seen[0].start : seen[min(settings, end)].start])
    _refuse_rare_quotes(head.encode() + clause.encode())
    return Statement("INSERT", head.rstrip(), input_format=input_format, settings=clause.rstrip(), data_offset=offset)


def _after_newline(sql: bytes, at: int) -> int:
    # exactly one line end belongs to the statement: the byte after it may be data even if it is 0x0a
    match = re.compile(rb"[ \t]*;?[ \t]*\r?\n?").match(sql, at)
    return match.end() if match else at


def decode(sql: bytes) -> str:
    """SQL as text. Raises ClickHouseError when it is not UTF-8."""
    try:
        return sql.decode()
    except UnicodeDecodeError:
        raise ClickHouseError(SYNTAX_ERROR, "Syntax error: the query is not UTF-8") from None


def _without_data(sql: bytes, seen: list[Token]) -> Statement:
    kind = seen[0].word
    text = decode(sql[seen[0].start : seen[-1].end])
    if kind == "INSERT" and any(token.word == "INPUT" and token.kind == "word" for token in seen):
        raise ClickHouseError(NOT_IMPLEMENTED, "input() is not supported: insert into the table with FORMAT instead")
    words = [token.word if token.kind == "word" else "" for token in seen]
    output, at = None, None
    for i in range(len(seen) - 2, 0, -1):
        if words[i] == "FORMAT" and words[i + 1] and (i + 2 == len(seen) or words[i + 2] == "SETTINGS"):
            output = sql[seen[i + 1].start : seen[i + 1].end].decode()
            at = len(sql[seen[0].start : seen[i].start].decode())
            break
    state = kind in STATEFUL or (kind in ("CREATE", "REPLACE", "DROP") and "TEMPORARY" in words[:4])
    kind = "INSERT" if kind == "WITH" and "INSERT" in words and "INTO" in words else kind
    return Statement(kind, text, output_format=output, format_at=at, keeps_state=state)


def literal(text: str) -> str:
    """A SQL string literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def identifier(name: str) -> str:
    """A quoted SQL name."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def refuse_extra(sql: bytes) -> None:
    """Raise ClickHouseError when something follows a `;`, or when it reaches for what is closed."""
    _refuse_rare_quotes(sql)
    seen: list[Token] = []
    for token in tokens(sql):
        if seen and seen[-1].word == ";" and token.word != ";":
            raise ClickHouseError(SYNTAX_ERROR, "Syntax error (Multi-statements are not allowed)")
        seen.append(token)
        _refuse_closed(seen)
