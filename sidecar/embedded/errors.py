"""ClickHouse's exceptions: number, name, HTTP status, and the text a client sees."""

import re
from typing import Final

VERSION_MARK: Final = re.compile(r" ?\(version [^()]*(\([^()]*\))?\)")
CODE: Final = re.compile(r"Code: (\d+)\.")

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
CANNOT_READ_ALL_DATA = 33
ACCESS_DENIED = 497
AUTHENTICATION_FAILED = 516
QUERY_WAS_CANCELLED = 394
ABORTED = 236
TOO_LARGE_BODY = 307
QUERY_ALREADY_RUNNING = 216
NOT_ENOUGH_SPACE = 243
UNKNOWN_FORMAT = 73
UNKNOWN_FUNCTION = 46
UNKNOWN_SETTING = 115
UNKNOWN_TYPE = 50
TOO_DEEP = 306
SOCKET_TIMEOUT = 209
SUPPORT_IS_DISABLED = 344  # the engine's, for expressions in VALUES that are switched off
UNKNOWN_EXCEPTION = 1002
CHECKSUM_DOESNT_MATCH = 40
TOO_LARGE_SIZE_COMPRESSED = 131

NAMES: Final = {
    SYNTAX_ERROR: "SYNTAX_ERROR",
    QUERY_IS_TOO_LARGE: "QUERY_IS_TOO_LARGE",
    READONLY: "READONLY",
    REQUIRED_PASSWORD: "REQUIRED_PASSWORD",
    TOO_MANY_SIMULTANEOUS_QUERIES: "TOO_MANY_SIMULTANEOUS_QUERIES",
    NOT_IMPLEMENTED: "NOT_IMPLEMENTED",
    BAD_ARGUMENTS: "BAD_ARGUMENTS",
    TIMEOUT_EXCEEDED: "TIMEOUT_EXCEEDED",
    SESSION_NOT_FOUND: "SESSION_NOT_FOUND",
    SESSION_IS_LOCKED: "SESSION_IS_LOCKED",
    INVALID_SESSION_TIMEOUT: "INVALID_SESSION_TIMEOUT",
    CANNOT_DECOMPRESS: "CANNOT_DECOMPRESS",
    UNKNOWN_COMPRESSION_METHOD: "UNKNOWN_COMPRESSION_METHOD",
    CANNOT_READ_ALL_DATA: "CANNOT_READ_ALL_DATA",
    ACCESS_DENIED: "ACCESS_DENIED",
    AUTHENTICATION_FAILED: "AUTHENTICATION_FAILED",
    QUERY_WAS_CANCELLED: "QUERY_WAS_CANCELLED",
    ABORTED: "ABORTED",
    TOO_LARGE_BODY: "TOO_MANY_BYTES",
    QUERY_ALREADY_RUNNING: "QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING",
    NOT_ENOUGH_SPACE: "NOT_ENOUGH_SPACE",
    UNKNOWN_FORMAT: "UNKNOWN_FORMAT",
    CHECKSUM_DOESNT_MATCH: "CHECKSUM_DOESNT_MATCH",
    TOO_LARGE_SIZE_COMPRESSED: "TOO_LARGE_SIZE_COMPRESSED",
    UNKNOWN_FUNCTION: "UNKNOWN_FUNCTION",
    UNKNOWN_SETTING: "UNKNOWN_SETTING",
    UNKNOWN_TYPE: "UNKNOWN_TYPE",
    TOO_DEEP: "TOO_DEEP_RECURSION",
    SOCKET_TIMEOUT: "SOCKET_TIMEOUT",
    UNKNOWN_EXCEPTION: "UNKNOWN_EXCEPTION",
}

# What a ClickHouse server answers for an error class; every other number is a 500.
STATUS_OF: Final[dict[int, int]] = {
    REQUIRED_PASSWORD: 401,
    **dict.fromkeys((AUTHENTICATION_FAILED, ACCESS_DENIED, 192, 193), 403),
    **dict.fromkeys((6, 25, 26, 27, 36, 38, 41, 43, 53, 62, 69, 72, 117, 130, 167, 168, 190, 373, 374), 400),
    **dict.fromkeys((46, 47, 50, 56, 60, 63, 73, 78, 81, 115, 145, 336, 372), 404),
    TIMEOUT_EXCEEDED: 408,
    QUERY_IS_TOO_LARGE: 413,
    TOO_LARGE_BODY: 413,
    TOO_LARGE_SIZE_COMPRESSED: 413,
    NOT_IMPLEMENTED: 501,
    **dict.fromkeys((SOCKET_TIMEOUT, TOO_MANY_SIMULTANEOUS_QUERIES, ABORTED), 503),
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
        return f"Code: {self.code}. DB::Exception: {self.message} ({NAMES.get(self.code, 'UNKNOWN_EXCEPTION')})"

    @classmethod
    def from_engine(cls, error: BaseException) -> "ClickHouseError":
        """Read the number out of what the engine said."""
        # what it quotes from data may be no UTF-8, which its Python binding fails on
        text = error.object.decode(errors="replace") if isinstance(error, UnicodeDecodeError) else str(error)
        said = VERSION_MARK.sub("", text).removeprefix("Streaming query failed: ").strip()
        found = CODE.search(said)
        if found is None:
            return cls(UNKNOWN_EXCEPTION, said or type(error).__name__)
        return cls(int(found[1]), said[found.start() :])
