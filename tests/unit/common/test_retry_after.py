"""Retry-After of whoever answers: seconds, or a date by the peer's clock."""

import pytest

from common.retry_after import asked_to_wait

NOW, LATER = "Sun, 29 Nov 2026 12:00:00 GMT", "Sun, 29 Nov 2026 12:02:00 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None), ({"Retry-After": ""}, None), ({"Retry-After": "soon"}, None), ({"Retry-After": "-5"}, None),
        ({"Retry-After": "7"}, 7.0), ({"Retry-After": " 7 "}, 7.0), ({"Retry-After": "²"}, None),
        ({"Retry-After": LATER, "Date": NOW}, 120.0), ({"Retry-After": NOW, "Date": LATER}, 0.0),
        ({"Retry-After": LATER, "Date": "no date"}, None),
    ],
)  # fmt: skip
def test_what_is_asked(headers: dict[str, str], seconds: float | None) -> None:
    assert asked_to_wait(headers) == seconds


def test_a_date_without_the_peers_clock_is_by_this_one() -> None:
    assert asked_to_wait({"Retry-After": "Sat, 01 Jan 2000 00:00:00 GMT"}) == 0.0
    assert (asked_to_wait({"Retry-After": "Fri, 01 Jan 2100 00:00:00 GMT"}) or 0) > 1e9
