"""ClickHouse's exceptions: number, name, HTTP status, and the text a client sees."""

import re
from enum import IntEnum
from typing import Final

VERSION_MARK: Final = re.compile(r" ?\(version [^()]*(\([^()]*\))?\)")
CODE: Final = re.compile(r"Code: (\d+)\.")


class Code(IntEnum):
    """The numbers that this server uses, under ClickHouse's names."""

    SYNTAX_ERROR = 62
    QUERY_IS_TOO_LARGE = 162
    READONLY = 164
    REQUIRED_PASSWORD = 194
    TOO_MANY_SIMULTANEOUS_QUERIES = 202
    NOT_IMPLEMENTED = 48
    BAD_ARGUMENTS = 36
    TIMEOUT_EXCEEDED = 159
    SESSION_NOT_FOUND = 372
    SESSION_IS_LOCKED = 373
    INVALID_SESSION_TIMEOUT = 374
    CANNOT_DECOMPRESS = 271
    UNKNOWN_COMPRESSION_METHOD = 89
    ACCESS_DENIED = 497
    AUTHENTICATION_FAILED = 516
    ABORTED = 236
    TOO_MANY_BYTES = 307
    QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING = 216
    NOT_ENOUGH_SPACE = 243
    UNKNOWN_FORMAT = 73
    UNKNOWN_FUNCTION = 46
    UNKNOWN_SETTING = 115
    UNKNOWN_TYPE = 50
    TOO_DEEP_RECURSION = 306
    SOCKET_TIMEOUT = 209
    SUPPORT_IS_DISABLED = 344  # the engine's, for expressions in VALUES that are switched off
    UNKNOWN_EXCEPTION = 1002
    CHECKSUM_DOESNT_MATCH = 40
    TOO_LARGE_SIZE_COMPRESSED = 131


# What a ClickHouse server answers for an error class; every other number is a 500.
STATUS_OF: Final[dict[int, int]] = {
    Code.REQUIRED_PASSWORD: 401,
    **dict.fromkeys((Code.AUTHENTICATION_FAILED, Code.ACCESS_DENIED, 192, 193), 403),
    **dict.fromkeys((6, 25, 26, 27, 36, 38, 41, 43, 53, 62, 69, 72, 117, 130, 167, 168, 190, 373, 374), 400),
    **dict.fromkeys((46, 47, 50, 56, 60, 63, 73, 78, 81, 115, 145, 336, 372), 404),
    Code.TIMEOUT_EXCEEDED: 408,
    Code.QUERY_IS_TOO_LARGE: 413,
    Code.TOO_MANY_BYTES: 413,
    Code.TOO_LARGE_SIZE_COMPRESSED: 413,
    Code.NOT_IMPLEMENTED: 501,
    **dict.fromkeys((Code.SOCKET_TIMEOUT, Code.TOO_MANY_SIMULTANEOUS_QUERIES, Code.ABORTED), 503),
}


class ClickHouseError(Exception):
    """An error with ClickHouse's number and words; `text` is what a client reads in the answer's body.

    `status` is the HTTP status; the one that a server gives this class of error, unless it is given.
    """

    def __init__(self, code: int, message: str, *, status: int | None = None) -> None:
        self.code = code
        self.message = message
        self.status = STATUS_OF.get(code, 500) if status is None else status
        super().__init__(self.text)

    @property
    def text(self) -> str:
        """`Code: 62. DB::Exception: … (SYNTAX_ERROR)`, as a server words it, without its version."""
        if CODE.match(self.message):
            return self.message
        name = Code(self.code).name if self.code in list(Code) else Code.UNKNOWN_EXCEPTION.name
        return f"Code: {self.code}. DB::Exception: {self.message} ({name})"

    @classmethod
    def from_engine(cls, error: BaseException) -> "ClickHouseError":
        """Read the number out of what the engine said."""
        # what it quotes from data may be no UTF-8, which its Python binding fails on
        text = error.object.decode(errors="replace") if isinstance(error, UnicodeDecodeError) else str(error)
        said = VERSION_MARK.sub("", text).removeprefix("Streaming query failed: ").strip()
        found = CODE.search(said)
        if found is None:
            return cls(Code.UNKNOWN_EXCEPTION, said or type(error).__name__)
        return cls(int(found[1]), said[found.start() :])
