"""Where the rollup is: places in the order of its work, and which marks it works on."""

from typing import Any, Final, NamedTuple, TypeAlias

Row: TypeAlias = tuple[str, int]  # of `activity`: a person and a quarter of an hour in Unix seconds, whatever the bot


class Key(NamedTuple):
    """A place in the order of the work: month as YYYYMM, person in hexadecimal, quarter of an hour in Unix seconds.

    First come rows of `activity` in the order of `stale_activity`, then quarters of an hour and people, as if they were
    months: a key of SLOTS has the user "-", so that the first quarter of an hour lies behind the beginning.
    """

    month: int
    user: str
    slot: int


START: Final = Key(0, "", 0)
SLOTS: Final = Key(900_001, "", 0)
PEOPLE: Final = Key(900_002, "", 0)
END: Final = Key(900_003, "", 0)


class Span(NamedTuple):
    """Marks with `after` < marked_at <= `until`, in microseconds since 1970 as ClickHouse's clock counts them."""

    after: int
    until: int


ALL: Final = Span(-1, -1)  # no marks: all of `activity`


class Piece(NamedTuple):
    """Stale rows behind one key and up to another, `rows` of them; whether marks without a bot are among them."""

    first: Key
    last: Key
    rows: int
    without_bot: bool = False

    @property
    def parameters(self) -> dict[str, Any]:
        """The piece as query parameters."""
        ends = (("first", self.first), ("last", self.last))
        return {f"{end}_{name}": value for end, key in ends for name, value in key._asdict().items()}
