"""Log lines of this process: what a client sends (ids, names, headers) can't begin a line or steer a terminal."""

import logging
import re

# C0 and C1 controls, line separators, and the marks that reorder text on a screen
UNSAFE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def setup() -> None:
    """Log to standard error from INFO on."""
    handler = logging.StreamHandler()
    handler.setFormatter(SafeFormatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])


class SafeFormatter(logging.Formatter):
    """Escapes control characters; the lines of a record after its first, a traceback's say, are indented."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as text whose only line that is not indented is the first."""
        text = UNSAFE.sub(lambda match: ascii(match[0])[1:-1], super().format(record))
        return text.replace("\n", "\n    ")
