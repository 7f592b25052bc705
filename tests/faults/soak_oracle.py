"""The judge of a soak. Behind a collector a record may come again in another batch, whatever response the sender got."""

import asyncio

from clickhouse_connect.driver.exceptions import ClickHouseError

from tests.faults.load import Load
from tests.faults.oracle import Oracle, Verdict

# Events that come again are one event by their id. Most dead letters have no id that could be used; `dead_letters` knows them
# by batch and place, and another batch makes another letter. The same raw record is the same letter here.
LETTERS = "SELECT uniqExact(raw, origin) FROM dead_letters"
LETTERS_AGAIN = "SELECT count() - uniqExact(raw, origin) FROM dead_letters FINAL"


class SoakOracle(Oracle):
    """Counts each dead letter once; those that lie there again are reported, not judged."""

    async def stored(self) -> int:
        """Events that are stored; -1 while ClickHouse does not answer."""
        try:
            return int((await asyncio.to_thread(self._ask, "SELECT count() FROM events FINAL"))[0][0])
        except (ClickHouseError, OSError):
            return -1

    async def dead_letters_again(self) -> int:
        """Dead letters that lie there more than once."""
        return int((await asyncio.to_thread(self._ask, LETTERS_AGAIN))[0][0])

    def _judge_dead_letters(self, verdict: Verdict, load: Load) -> None:
        ((buried,),) = self._ask(LETTERS)
        if buried > load.poison:
            verdict.extra.append(f"{buried} dead letters, not {load.poison}")
        if buried < load.poison:
            verdict.lost.append(f"{load.poison - buried} dead letters")
