"""Events made as time goes, in slices, and what must be stored of all of them in the end."""

import asyncio
from dataclasses import replace

from tests.faults.load import Load, Mix, Parcel, Row, make_load


class Supply:
    """Makes slices of a load without end. Bodies are forgotten once they are handed out; what must be stored is kept."""

    def __init__(self, seed: int, parcel_size: int, mix: Mix) -> None:
        self.made = 0
        self._seed = seed
        self._size = parcel_size
        self._mix = mix
        self._slices = 0
        self._spent: list[Parcel] = []
        self._expected: dict[str, Row] = {}

    async def some(self, parcels: int) -> list[Parcel]:
        """The next parcels, numbered on from those before."""
        self._slices += 1
        seed, events = self._seed * 1_000_003 + self._slices, parcels * self._size
        load = await asyncio.to_thread(make_load, seed, events, self._size, self._mix, first=self.made + 1)
        self.made += events
        self._expected.update(load.expected)
        self._spent += [replace(parcel, body=b"", ids=()) for parcel in load.parcels if parcel.poison]
        return load.parcels

    @property
    def load(self) -> Load:
        """Everything that was handed out, as the oracle wants it."""
        return Load(self._spent, self._expected, [])
