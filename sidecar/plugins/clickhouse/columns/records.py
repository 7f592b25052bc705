"""A request's records as arrays: a pool of all texts, and which of them each record's attributes have."""

from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sidecar.otlp.batch import NAME_ATTRIBUTES
from sidecar.otlp.scan import (
    ARRAY,
    BOOL,
    BYTES,
    DOUBLE,
    EVENT_NAME,
    INT,
    NONE,
    OBSERVED,
    PADDING,
    STRING,
    TIME,
    OddRequestError,
    Places,
    Scan,
    Slices,
    Values,
)  # fmt: skip
from sidecar.plugins.clickhouse.columns.lists import list_text
from sidecar.plugins.clickhouse.columns.native_block import Texts
from sidecar.plugins.clickhouse.columns.texts import (
    bool_texts,
    content_of,
    contents_of,
    double_texts,
    encoded,
    sliced,
    take,
    texts_of,
    whole_texts,
)  # fmt: skip
from sidecar.plugins.clickhouse.otlp_schema import fragments

EARLIEST, LATEST = 1_420_070_400_000_000_000, 4_102_444_800_000_000_000  # plausible times: 2015 to 2100
PROCESS_ENDED = b"chattrail_process.ended"  # the view fill_process_ends reads it
IMAGE_BYTES = fragments()["image_bytes"].encode()  # for the archiver; never in a column


class Records:
    """All records of a request. What reads them raises OddRequestError for what the views do otherwise."""

    def __init__(self, found: Scan) -> None:
        self.scan = found
        self._body = pa.py_buffer(found.body)
        self.names, dictionary = encoded(self.texts(EVENT_NAME))
        self.name_list = contents_of(dictionary)
        self._pool, self._source = self._pooled(found.values, found.keys)
        pairs = len(found.keys.start)
        self.codes, self.keys = encoded(take(self._pool, np.arange(0, 4 * pairs, 4)))
        self._code = {content: code for code, content in enumerate(contents_of(self.keys))}
        named_otherwise = b"" in self.name_list and any(name.encode() in self._code for name in NAME_ATTRIBUTES)
        if named_otherwise or PROCESS_ENDED in self.name_list:
            raise OddRequestError
        self._record = np.repeat(np.arange(len(found.origin)), np.diff(found.first))
        kept = self.codes != self._code.get(IMAGE_BYTES, -1)
        if (found.values.kind[kept] == BYTES).any() or (found.bodies.kind == BYTES).any():
            raise OddRequestError
        self.kept = np.flatnonzero(kept)  # attributes that become entries of a map
        self.lengths = np.bincount(self._record[self.kept], minlength=len(found.origin))

    def texts(self, tag: int) -> Texts:
        """One text of each record, "" where it has none."""
        start, end = self.scan.texts[tag]
        index = np.where(start < end, np.arange(len(start)) * 2, 2 * len(start))
        return take(self._sliced(np.stack((start, end), 1)), index)

    def bodies(self, rows: Places) -> Texts:
        """The texts of bodies."""
        pool, source = self._pooled(self.scan.bodies, None)
        return take(pool, source[rows])

    def values(self, entries: Places) -> Texts:
        """The texts of attributes' values."""
        return take(self._pool, self._source[entries])

    def times(self) -> tuple[NDArray[np.uint64], NDArray[np.uint8]]:
        """The time at which each stands, and whether it is its own (1) or the observed one (2)."""
        own, observed = self.scan.numbers[TIME], self.scan.numbers[OBSERVED]
        is_own = (own >= EARLIEST) & (own < LATEST)
        if not (is_own | ((observed >= EARLIEST) & (observed < LATEST))).all():
            raise OddRequestError
        return np.where(is_own, own, observed), np.where(is_own, 1, 2).astype(np.uint8)

    def column(self, keys: tuple[str, ...], rows: Places) -> Texts:
        """The texts of the first of these attributes that is not empty, "" where a record has none."""
        chosen = self._chosen(keys)[rows]
        return take(self._pool, np.where(chosen < 0, 4 * len(self.codes), self._source[chosen]))

    def _numbers(
        self, keys: tuple[str, ...], rows: Places, kinds: tuple[int, ...]
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint64]]:
        """Kind and bits of each row's value, kind NONE where it has none. What else is no number has its text read by the views."""
        chosen = self._chosen(keys)[rows]
        kind = np.where(chosen < 0, NONE, self.scan.values.kind[chosen]).astype(np.uint8)
        if not ((kind == NONE) | (kind == kinds[0]) | (kind == kinds[-1])).all():
            raise OddRequestError
        return kind, np.where(kind == NONE, 0, self.scan.values.bits[chosen]).astype(np.uint64)

    def whole(self, key: str, most: int, rows: Places) -> NDArray[np.uint64]:
        """The whole numbers that an attribute has, 0 where a record has none."""
        return fitting(self._numbers((key,), rows, (INT,))[1], most)

    def maybe_whole(self, key: str, rows: Places) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
        """Whether each has a whole number, and the numbers."""
        kind, bits = self._numbers((key,), rows, (INT,))
        return kind == INT, bits.view(np.int64)

    def floats(self, keys: tuple[str, ...], rows: Places) -> NDArray[np.float64]:
        """The numbers that the first of these attributes has which a record has; 0 for none and for what is not finite."""
        kind, bits = self._numbers(keys, rows, (INT, DOUBLE))
        numbers = np.where(kind == INT, bits.view(np.int64).astype(np.float64), bits.view(np.float64))
        return np.where(np.isfinite(numbers), numbers, 0.0)

    def have_person(self, rows: Places) -> bool:
        """Whether each has a text or a whole number that says whose it is."""
        chosen = self._chosen(("user.id", "user.hash"))[rows]
        values = self.scan.values
        named = (values.kind[chosen] == STRING) & (values.slices.end[chosen] - values.slices.start[chosen] > 1)
        return bool(((chosen >= 0) & (named | (values.kind[chosen] == INT))).all())

    def uuids(self, rows: Places) -> bytes:
        """The event ids as Native has them: two numbers of 64 bits, little-endian."""
        chosen = self._first("event.id")[rows]
        slices = self.scan.values.slices
        start = slices.start[chosen]
        if (chosen < 0).any() or (slices.end[chosen] - start != 37).any():
            raise OddRequestError
        windows = np.lib.stride_tricks.sliding_window_view(np.frombuffer(self.scan.body, np.uint8), 37)
        shown = windows[start]
        digits = _HEX_VALUE[shown[:, _HEX_PLACES]]
        if (digits > 15).any() or (shown[:, _DASH_PLACES] != ord("-")).any():
            raise OddRequestError
        halves = (digits[:, 0::2] << 4 | digits[:, 1::2]).reshape(-1, 2, 8)
        return halves[:, :, ::-1].tobytes()

    def _pooled(self, values: Values, keys: Slices | None) -> tuple[Texts, Places]:
        """The texts of values, and of each value its place. With keys, these are there too: the first of 4 places a pair."""
        count = len(values.kind)
        if keys is None:
            step, value_place, places = 2, 0, np.stack(values.slices, 1)
        else:
            own = values.slices.start < values.slices.end
            start = np.where(own, values.slices.start, keys.end)
            end = np.where(own, values.slices.end, keys.end)
            step, value_place, places = 4, 2, np.stack((keys.start, keys.end, start, end), 1)
        parts = [self._sliced(places)]
        source = np.arange(count) * step + value_place
        source[values.kind == NONE] = step * count
        at = step * count + 1
        for kind, made in ((INT, whole_texts), (DOUBLE, double_texts), (BOOL, bool_texts)):
            these = np.flatnonzero(values.kind == kind)
            if len(these):
                parts.append(made(values.bits[these]))
                source[these] = np.arange(at, at + len(these))
                at += len(these)
        arrays = np.flatnonzero(values.kind == ARRAY)
        if len(arrays):
            starts, ends = values.slices.start[arrays].tolist(), values.slices.end[arrays].tolist()
            slices = [self.scan.body[start:end] for start, end in zip(starts, ends, strict=True)]
            parts.append(texts_of([list_text(content_of(one)) for one in slices]))
            source[arrays] = np.arange(at, at + len(arrays))
        return parts[0] if len(parts) == 1 else pa.concat_arrays(parts), source

    def _sliced(self, places: Places) -> Texts:
        """Parts of the request between these places and what lies between them, without a copy. The last part is an empty text."""
        size = len(self.scan.body) - len(PADDING)  # the padding is made of zeros, and so is an empty text's length
        return sliced(self._body, np.concatenate((places.reshape(-1), (size, size + 1))))

    def _first(self, key: str) -> Places:
        """Of each record the place of its first attribute of this key, -1 where it has none."""
        place = np.full(len(self.scan.origin), -1, np.int64)
        code = self._code.get(key.encode())
        if code is not None:
            these = np.flatnonzero(self.codes == code)
            records = self._record[these]
            first = np.flatnonzero(np.diff(records, prepend=-1))
            place[records[first]] = these[first]
        return place

    def _chosen(self, keys: tuple[str, ...]) -> Places:
        """Of each record the place of the attribute that its column is taken from: of the first of the keys that is not empty."""
        chosen = self._first(keys[0])
        for key in keys[1:]:
            values = self.scan.values
            is_empty = (
                (chosen < 0)
                | (values.kind[chosen] == NONE)
                | ((values.kind[chosen] == STRING) & (values.slices.end[chosen] - values.slices.start[chosen] == 1))
            )
            chosen = np.where(is_empty, self._first(key), chosen)
        return chosen


# Where the dashes and the 32 digits of a UUID's text are behind its length, and what each digit stands for.
_DASH_PLACES: Final = np.array([9, 14, 19, 24])
_HEX_PLACES: Final = np.array([1 + at for at in range(36) if at not in (8, 13, 18, 23)])
_HEX_VALUE: Final = np.full(256, 255, np.uint8)
for _digit in "0123456789abcdefABCDEF":
    _HEX_VALUE[ord(_digit)] = int(_digit, 16)


def fitting(numbers: NDArray[np.uint64], most: int) -> NDArray[np.uint64]:
    """Return numbers that are all at most this. Raises OddRequestError."""
    if len(numbers) and int(numbers.max()) > most:
        raise OddRequestError
    return numbers
