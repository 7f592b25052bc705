"""The books of a process balance whatever arrived, and gaps are exactly what is missing."""

from datetime import UTC, datetime
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from web.delivery import GAPS_MAX, INSTANCES_MAX, Block, Gap, Process, Reasons, account

BLOCK = 8
NOW = datetime(2026, 3, 1, tzinfo=UTC)
numbers = st.sets(st.integers(1, 60), max_size=60)
counts = st.integers(0, 70)


def process(
    stored: set[int], dead: set[int], name: str = "i-1", reached: int = 0, cut_off: bool = True, **reported: int
) -> Process:
    blocks = []
    for begin in range(0, 64, BLOCK):
        here = sorted(number for number in stored if begin <= number < begin + BLOCK)
        lost = sorted(number for number in dead - stored if begin <= number < begin + BLOCK)
        if here or lost:
            holes = [(a + 1, b - 1) for a, b in pairwise(here) if b > a + 1]
            blocks.append(Block(len(here), here[0] if here else 0, here[-1] if here else 0, holes, len(lost), lost))
    return Process("bot", name, NOW, NOW, blocks, Reasons(**reported), reached, cut_off)


@given(numbers, numbers, counts, counts, counts)
def test_emitted_is_stored_and_dropped_for_a_reason(
    stored: set[int], dead: set[int], queue_full: int, refused: int, failed: int
) -> None:
    found = account([process(stored, dead, queue_full=queue_full, refused=refused, failed=failed)])
    emitted = max(stored | dead, default=0)
    assert (found.emitted, found.stored, found.dropped) == (emitted, len(stored), emitted - len(stored))
    reasons = found.reasons
    assert reasons.dead_letters == len(dead - stored)
    assert reasons.queue_full <= queue_full
    assert reasons.refused <= refused
    assert reasons.failed <= failed
    known = reasons.dead_letters + reasons.queue_full + reasons.refused + reasons.failed
    assert known + reasons.unknown == found.dropped
    assert reasons.unknown == max(0, found.dropped - len(dead - stored) - queue_full - refused - failed)


@given(numbers, numbers)
def test_gaps_are_what_is_missing_newest_first(stored: set[int], dead: set[int]) -> None:
    gaps = account([process(stored, dead)]).gaps
    missing = set(range(1, max(stored | dead, default=0) + 1)) - stored
    told = [number for gap in gaps for number in range(gap.start, gap.end + 1)]
    assert len(told) == len(set(told))
    assert set(told) <= missing
    assert set(told) == missing or len(gaps) == GAPS_MAX
    assert [gap.start for gap in gaps] == sorted((gap.start for gap in gaps), reverse=True)
    for gap in gaps:
        assert {number in dead for number in range(gap.start, gap.end + 1)} == {gap.reason == "dead_letters"}


def test_a_gap_has_the_trackers_reason_only_when_there_is_no_doubt() -> None:
    assert account([process({1, 4}, set(), refused=2)]).gaps == (Gap("i-1", 2, 3, "refused"),)
    assert account([process({1, 4}, set(), refused=1)]).gaps == (Gap("i-1", 2, 3, "unknown"),)
    assert account([process({1, 4}, set(), refused=1, failed=1)]).gaps == (Gap("i-1", 2, 3, "unknown"),)


@given(numbers, numbers, counts, counts, st.booleans())
def test_what_a_process_took_along_is_the_end_of_its_sequence(
    stored: set[int], dead: set[int], queue_full: int, reached: int, cut_off: bool
) -> None:
    found = account([process(stored, dead, queue_full=queue_full, reached=reached, cut_off=cut_off)])
    front = max(stored | dead, default=0)
    emitted = max(front, reached)
    assert (found.emitted, found.stored, found.dropped) == (emitted, len(stored), emitted - len(stored))
    reasons = found.reasons
    assert reasons.process_ended <= (emitted - front if cut_off else 0)
    assert reasons.dead_letters + reasons.queue_full + reasons.process_ended + reasons.unknown == found.dropped
    told = [number for gap in found.gaps for number in range(gap.start, gap.end + 1)]
    assert len(told) == len(set(told))
    assert set(told) <= set(range(1, emitted + 1)) - stored
    assert set(told) == set(range(1, emitted + 1)) - stored or len(found.gaps) == GAPS_MAX
    for gap in found.gaps:
        assert gap.reason != "process_ended" or gap.start > front


def test_the_end_of_a_sequence_has_a_reason_of_its_own_beside_others() -> None:
    tail = Gap("i-1", 5, 9, "process_ended")
    assert account([process({1, 4}, set(), reached=9)]).gaps == (tail, Gap("i-1", 2, 3, "unknown"))
    assert account([process({1, 4}, set(), reached=9, refused=2)]).gaps == (tail, Gap("i-1", 2, 3, "refused"))
    assert account([process(set(), set(), reached=9)]).gaps == (Gap("i-1", 1, 9, "process_ended"),)
    # More was dropped than is missing before the end, so part of the end was dropped, and nobody knows which.
    mixed = account([process({1, 2}, set(), reached=9, queue_full=3)])
    assert mixed.gaps == (Gap("i-1", 3, 9, "unknown"),)
    assert mixed.reasons == Reasons(queue_full=3, process_ended=4)
    # It ended by itself, so all had been taken: what is missing was lost later.
    assert account([process({1}, set(), reached=2, cut_off=False)]).gaps == (Gap("i-1", 2, 2, "unknown"),)


def test_sums_are_over_all_processes_and_lists_are_short() -> None:
    found = account(process({1, 3}, set(), name=f"i-{number}") for number in range(INSTANCES_MAX + 5))
    assert (found.emitted, found.stored, found.dropped) == (3 * 55, 2 * 55, 55)
    assert [each.instance_id for each in found.instances] == [f"i-{number}" for number in range(INSTANCES_MAX)]
    assert [gap.instance_id for gap in found.gaps] == [f"i-{number}" for number in range(GAPS_MAX)]
