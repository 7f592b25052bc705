"""The bots that can be chosen, and the one that is."""

import pytest

from web.analytics.bots import Bot, bots_of, chosen
from web.errors import ParameterError


def test_a_bot_has_all_that_is_stored_for_it_and_its_newest_name() -> None:
    assert bots_of([("42", "42", "renamed"), ("43", "43", ""), ("42", "42", "shop_bot"), ("42", "shop", "")]) == (
        Bot("42", "renamed", ("42", "shop")),
        Bot("43", "", ("43",)),
    )


@pytest.mark.parametrize("name", ["", "a" * 101, "a\x00b", "a\nb", "\udcff", "\u202eabc"])
def test_a_name_that_no_address_can_hold_cannot_be_chosen(name: str) -> None:
    assert bots_of([(name, name, ""), ("shop", "shop", "")]) == (Bot("shop", "", ("shop",)),)


def test_a_bot_that_there_is_not_is_refused_and_the_known_ones_are_named() -> None:
    bots = bots_of([("shop", "shop", "")])
    assert chosen({"bot": "shop"}, bots) == bots[0]
    assert chosen({"bot": ""}, bots) is None
    with pytest.raises(
        ParameterError, match=r"Parameter bot: must be one of the bots that have sent events \(shop\)\."
    ):
        chosen({"bot": "42"}, bots)
