"""Which bot the rows of a service stand for."""

import pytest

from web.analytics.bots import Bot, bots_of, chosen
from web.errors import ParameterError


def test_rows_without_an_id_count_to_the_only_id_that_their_service_has_had() -> None:
    assert bots_of([("shop", "42", "shop_bot"), ("shop", "", "")]) == (Bot("42", "shop_bot", ("42", "shop")),)
    assert bots_of([("shop", "", ""), ("other", "42", "")]) == (Bot("shop", "", ("shop",)), Bot("42", "", ("42",)))


def test_a_service_with_two_ids_keeps_its_rows_without_one() -> None:
    found = bots_of([("duo", "43", "b"), ("duo", "44", "c"), ("duo", "", "")])
    assert [(bot.bot, bot.stored) for bot in found] == [("43", ("43",)), ("44", ("44",)), ("duo", ("duo",))]


def test_a_bot_of_two_services_is_one_and_keeps_its_newest_name() -> None:
    (bot,) = bots_of([("new", "42", "renamed"), ("old", "42", "shop_bot"), ("old", "", "")])
    assert (bot.name, bot.stored) == ("@renamed", ("42", "old"))


@pytest.mark.parametrize("name", ["", "a" * 101, "a\x00b", "a\nb", "\udcff", "\u202eabc"])
def test_a_name_that_no_address_can_hold_cannot_be_chosen(name: str) -> None:
    assert bots_of([(name, "", ""), ("shop", "", "")]) == (Bot("shop", "", ("shop",)),)


def test_a_bot_that_there_is_not_is_refused_and_the_known_ones_are_named() -> None:
    bots = bots_of([("shop", "", "")])
    assert chosen({"bot": "shop"}, bots) == bots[0]
    assert chosen({"bot": ""}, bots) is None
    with pytest.raises(
        ParameterError, match=r"Parameter bot: must be one of the bots that have sent events \(shop\)\."
    ):
        chosen({"bot": "42"}, bots)
