"""Gaps are exactly what is missing, newest first, each with the reason that there is no doubt about."""

from collections.abc import Iterator, Set
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.support.loss_account import PlainProcess
from web.analytics.loss_accounting import Gap, gaps

numbers = st.sets(st.integers(1, 60), max_size=60)
counts = st.integers(0, 70)


def found(process: PlainProcess) -> Iterator[Gap]:
    return gaps(process.instance(), process.front, process.runs(), sorted(process.lost, reverse=True))


def gaps_of(stored: set[int], dead: Set[int] = frozenset(), **more: Any) -> tuple[Gap, ...]:
    return tuple(found(PlainProcess("i-1", stored, set(dead), **more)))


@given(
    st.builds(
        PlainProcess, st.just("i-1"), numbers, numbers, counts, counts, counts, reached=counts, cut_off=st.booleans()
    )
)
def test_gaps_are_those_of_a_plain_count(process: PlainProcess) -> None:
    assert list(found(process)) == list(process.gaps())


def test_a_gap_has_the_trackers_reason_only_when_there_is_no_doubt() -> None:
    assert gaps_of({1, 4}, refused=2) == (Gap("i-1", 2, 3, "refused"),)
    assert gaps_of({1, 4}, refused=1) == (Gap("i-1", 2, 3, "unknown"),)
    assert gaps_of({1, 4}, refused=1, failed=1) == (Gap("i-1", 2, 3, "unknown"),)


def test_the_end_of_a_sequence_has_a_reason_of_its_own_beside_others() -> None:
    tail = Gap("i-1", 5, 9, "process_ended")
    assert gaps_of({1, 4}, reached=9) == (tail, Gap("i-1", 2, 3, "unknown"))
    assert gaps_of({1, 4}, reached=9, refused=2) == (tail, Gap("i-1", 2, 3, "refused"))
    assert gaps_of(set(), reached=9) == (Gap("i-1", 1, 9, "process_ended"),)
    # More was dropped than is missing before the end, so part of the end was dropped, and nobody knows which.
    assert gaps_of({1, 2}, reached=9, queue_full=3) == (Gap("i-1", 3, 9, "unknown"),)
    # It ended by itself, so all had been taken: what is missing was lost later.
    assert gaps_of({1}, reached=2, cut_off=False) == (Gap("i-1", 2, 2, "unknown"),)


def test_no_more_is_looked_at_than_is_taken() -> None:
    process = PlainProcess("i-1", {1, 3, 5})
    runs = iter(list(process.runs()))
    assert next(gaps(process.instance(), process.front, runs, ())) == Gap("i-1", 4, 4, "unknown")
    assert list(runs) == [(2, 2)]
