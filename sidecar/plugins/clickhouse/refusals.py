"""Which of ClickHouse's errors are about the data itself, and will be the same next time; no batch is given up for others.

MEMORY_LIMIT_EXCEEDED is both. Against the query's own limit it is about the batch: the same one will need as much again.
Against the limit of the user or of the whole server it is about what else goes on at the moment, and passes; where it does not
(a server that is always short), pieces of the batch may still fit.
"""

import re
from collections import OrderedDict

# Everything else (parts, disk, network, read-only, overload) may pass.
DATA_ERRORS = {
    6, 26, 27, 33, 38, 41, 53, 69, 70, 72, 117, 128, 131, 190, 246, 321, 349, 407, 433, 434, 441, 444, 469, 634,
}  # fmt: skip
MEMORY = 241
TOO_MUCH = frozenset({159, MEMORY})  # 159 is TIMEOUT_EXCEEDED
# "Query memory limit exceeded", in older versions "Memory limit (for query) exceeded"
OWN_LIMIT = re.compile(r"Query memory limit|\(for query\)")
PATIENCE = 3  # times that the server may be short of memory for the same batch
REMEMBERED = 1024


class Refusals:
    """Remembers which inserts were refused for memory, by token.

    What was once stored in halves is stored in halves again when it is sent again, though the whole might fit by then: the
    halves have tokens of their own, by which ClickHouse knows those that are stored already.
    """

    def __init__(self) -> None:
        self._times: OrderedDict[str, int] = OrderedDict()

    def is_too_large(self, token: str) -> bool:
        """Whether an insert was refused in a way that halving it is the answer to."""
        return self._times.get(token, 0) >= PATIENCE

    def note(self, token: str, error: Exception) -> bool:
        """Take note of a refusal for memory; whether it is for the batch's own size."""
        own = OWN_LIMIT.search(str(error)) is not None
        self._times[token] = PATIENCE if own else self._times.get(token, 0) + 1
        self._times.move_to_end(token)
        while len(self._times) > REMEMBERED:
            self._times.popitem(last=False)
        return own
