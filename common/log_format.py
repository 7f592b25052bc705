"""The one format of log lines. What a client sends (ids, names, headers) can't begin a line or steer a terminal."""

import logging
import re

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
# C0 and C1 controls, line separators, and the marks that reorder text on a screen
UNSAFE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def log_to_stderr(level: int | str = logging.INFO, formatter: logging.Formatter | None = None) -> None:
    """Log to standard error from a level on."""
    handler = logging.StreamHandler()
    handler.setFormatter(formatter or SafeFormatter(FORMAT))
    logging.basicConfig(level=level, handlers=[handler])


class SafeFormatter(logging.Formatter):
    """Escapes control characters, and indents the lines of a record after its first, such as a traceback's."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as text whose only line that is not indented is the first."""
        text = UNSAFE.sub(lambda match: ascii(match[0])[1:-1], super().format(record))
        return text.replace("\n", "\n    ")
