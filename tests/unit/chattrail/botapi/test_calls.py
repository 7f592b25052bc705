"""Calls that the bot makes: which event each is, and whose."""

from typing import Any

import pytest

from chattrail.context import details
from tests.unit.chattrail.botapi.conftest import ANN, GROUP, HOME, Desk

SUPPORT = {"id": -500, "type": "supergroup", "title": "Support"}
BOB_HOME = {"id": 1002, "type": "private", "first_name": "Bob"}
PRICES = [{"label": "a", "amount": 145}, {"label": "b", "amount": 5}]


def test_a_support_bots_both_sides(desk: Desk) -> None:
    """It copies the person's messages to a group, and what is answered there to the person."""
    asked = desk.message(text="My order?", **{"from": ANN})
    with desk.update("message", asked):
        desk.call("copyMessage", {"message_id": 900}, chat_id=-500, from_chat_id=1001, message_id=asked["message_id"])
    agent = {"id": 7007, "is_bot": False, "first_name": "Agent"}
    replied = desk.message(
        voice={"file_id": "v", "file_unique_id": "u", "duration": 2}, chat=SUPPORT, **{"from": agent}
    )
    with desk.update("message", replied):
        desk.call("copyMessage", {"message_id": 901}, chat_id=1001, from_chat_id=-500, message_id=replied["message_id"])
    assert desk.said("user.id", "text", "kind", "file.id", "message.id") == [
        ("chattrail_chat.bot_message", None, "My order?", "text", None, 900),
        ("user_message", "1001", "My order?", "text", None, asked["message_id"]),
        ("user_message", "7007", None, "voice", "v", replied["message_id"]),
        ("bot_message", "1001", None, "voice", "v", 901),
    ]


@pytest.mark.parametrize(
    ("name", "given", "texts"),
    [
        ("copyMessages", {}, [("bot_message", "text", "a"), ("bot_message", "copy", None)]),
        ("copyMessages", {"remove_caption": True}, [("bot_message", "text", None), ("bot_message", "copy", None)]),
        ("forwardMessages", {}, [("bot_message", "text", "a"), ("bot_message", "forward", None)]),
    ],
)
def test_several_at_once(desk: Desk, name: str, given: dict[str, Any], texts: list[Any]) -> None:
    desk.receive("channel_post", {"message_id": 5, "date": 1, "chat": {"id": -7, "type": "channel"}, "text": "a"})
    copies = [{"message_id": 31}, {"message_id": 32}]
    desk.call(name, copies, chat_id=1001, from_chat_id=-7, message_ids=[5, 6], **given)
    assert desk.said("kind", "text") == texts
    assert [event["telegram.message.id"] for event in desk.events] == [31, 32]


def test_a_copy_with_another_caption(desk: Desk) -> None:
    desk.call("copyMessage", {"message_id": 31}, chat_id=1001, from_chat_id=-7, message_id=5, caption="new")
    assert desk.said("user.id", "kind", "text") == [("bot_message", "1001", "copy", "new")]


@pytest.mark.parametrize(
    ("given", "reply_to"),
    [
        ({"reply_parameters": {"message_id": 7}}, 7),
        ({"reply_to_message_id": 8}, 8),
        ({"reply_parameters": {"message_id": 7, "chat_id": 1001}}, 7),
        ({"reply_parameters": {"message_id": 7, "chat_id": "1001"}}, 7),
        ({"reply_parameters": {"message_id": 7, "chat_id": -5}}, None),
    ],
)
def test_a_copy_replies_to_what_the_call_says(desk: Desk, given: dict[str, Any], reply_to: int | None) -> None:
    desk.call("copyMessage", {"message_id": 31}, chat_id=1001, from_chat_id=-7, message_id=5, **given)
    assert desk.said("message.reply_to_id") == [("bot_message", reply_to)]


def test_ids_of_chats_may_be_texts(desk: Desk) -> None:
    """Telegram takes them so, and many programs keep them so."""
    desk.receive("channel_post", {"message_id": 5, "date": 1, "chat": {"id": -7, "type": "channel"}, "text": "a"})
    desk.call("copyMessage", {"message_id": 31}, chat_id="1001", from_chat_id="-7", message_id=5)
    desk.call("editMessageText", True, chat_id="1001", message_id=31, text="b")
    desk.call("deleteMessage", chat_id="1001", message_id=31)
    desk.recorder.failed(desk.bot, {"chat_id": "1001"}, "Forbidden: bot was blocked by the user", None)
    assert desk.said("user.id", "text", "chat.id") == [
        ("bot_message", "1001", "a", 1001), ("message_edited", "1001", "b", 1001), ("message_deleted", "1001", None, 1001),
        ("bot_blocked", "1001", None, 1001),
    ]  # fmt: skip


def test_what_is_done_to_a_message(desk: Desk) -> None:
    group = desk.message(text="to Ann", chat=GROUP)
    with desk.update("message", desk.message(text="hi", chat=GROUP, **{"from": ANN})):
        desk.call("sendMessage", group, chat_id=-100)
    number = group["message_id"]
    desk.call("setMessageReaction", chat_id=-100, message_id=number, reaction=[{"type": "emoji", "emoji": "🔥"}])
    desk.call("deleteMessage", chat_id=-100, message_id=number)
    desk.call("deleteMessages", chat_id=1001, message_ids=[1, 2])
    desk.call("stopPoll", {"id": "77"}, chat_id=1001, message_id=3)
    desk.call("deleteMessage", chat_id="@channel", message_id=3)
    desk.call("setMessageReaction", chat_id=-900, message_id=3, reaction=[])
    assert desk.said("user.id", "chat.id", "message.id", "reaction.emoji", "poll.action")[2:] == [
        ("reaction", "1001", -100, number, "🔥", None),
        ("message_deleted", "1001", -100, number, None, None),
        ("message_deleted", "1001", 1001, 1, None, None),
        ("message_deleted", "1001", 1001, 2, None, None),
        ("poll", "1001", 1001, 3, None, "closed"),
        ("chattrail_chat.reaction", None, -900, 3, "", None),
    ]


def test_ids_may_be_text(desk: Desk) -> None:
    """Many bots keep them so, and Telegram takes them."""
    with desk.update("message", desk.message(text="hi", **{"from": ANN})) as update:
        desk.call("copyMessage", {"message_id": 31}, chat_id="1001", from_chat_id="1001", message_id=update.message_id)
        desk.call("sendMessageDraft", chat_id="1001", draft_id=1, text="Hello, ")
        desk.call("sendMessage", desk.message(text="Hello"), chat_id="1001")
    desk.call("deleteMessage", chat_id="1001", message_id=31)
    desk.call("sendInvoice", chat_id="1001", payload="month", prices=PRICES, currency="XTR")
    desk.recorder.failed(desk.bot, {"chat_id": "1001"}, "Forbidden: bot was blocked by the user", None)
    assert desk.said("user.id", "text", "edit.count") == [
        ("user_message", "1001", "hi", None), ("bot_message", "1001", "hi", None), ("bot_message", "1001", "Hello", 1),
        ("message_deleted", "1001", None, None), ("premium_action", "1001", None, None), ("bot_blocked", "1001", None, None),
    ]  # fmt: skip


def test_alerts_and_notices(desk: Desk) -> None:
    press = {"id": "q1", "from": ANN, "data": "d", "message": desk.message(text="Menu")}
    with desk.update("callback_query", press):
        desk.call("answerCallbackQuery", callback_query_id="q1", text="Too late", show_alert=True)
    desk.receive("callback_query", press | {"id": "q2"})
    desk.call("answerCallbackQuery", callback_query_id="q2", text="Saved")
    desk.receive("callback_query", press | {"id": "q3"})
    desk.call("answerCallbackQuery", callback_query_id="q3")
    found = [line for line in desk.said("user.id", "kind", "text", "message.id") if line[0] == "bot_message"]
    assert found == [
        ("bot_message", "1001", "alert", "Too late", None), ("bot_message", "1001", "notice", "Saved", None)
    ]  # fmt: skip


def test_invoices_offers_and_refusals(desk: Desk) -> None:
    terms = {"payload": "month", "currency": "USD", "prices": PRICES}
    desk.call("sendInvoice", desk.message(invoice={"total_amount": 150}), chat_id=1001, **terms)
    desk.call("createInvoiceLink", "https://t.me/$x", **terms)  # of nobody: no update is handled
    with desk.update("message", desk.message(text="buy", **{"from": ANN})):
        desk.call("createInvoiceLink", "https://t.me/$x", **terms)
    query = {"id": "p1", "from": ANN, "currency": "USD", "total_amount": 150, "invoice_payload": "month"}
    for number, ok in (("p1", False), ("p2", True)):
        with desk.update("pre_checkout_query", query | {"id": number}):
            desk.call("answerPreCheckoutQuery", pre_checkout_query_id=number, ok=ok, error_message="sold out")
    desk.call("editUserStarSubscription", user_id=1001, telegram_payment_charge_id="c", is_canceled=True)
    names = ("user.id", "premium.action", "premium.plan", "premium.amount", "premium.minor_units", "premium.reason")
    assert [line[1:] for line in desk.said(*names) if line[0] == "premium_action"] == [
        ("1001", "invoice_sent", "month", 1.5, 150, None), ("1001", "invoice_sent", "month", 1.5, 150, None),
        ("1001", "refused", "month", 1.5, 150, "sold out"), ("1001", "cancelled", None, None, None, None),
    ]  # fmt: skip


def test_paid_media_is_offered_and_bought(desk: Desk) -> None:
    media = {"star_count": 5, "paid_media": [{"type": "preview"}]}
    desk.call("sendPaidMedia", desk.message(paid_media=media), chat_id=1001, star_count=5, payload="set-1")
    desk.receive("purchased_paid_media", {"from": ANN, "paid_media_payload": "set-1"})
    assert desk.said("kind", "premium.action", "premium.amount", "premium.currency") == [
        ("bot_message", "paid_media", None, None, None), ("premium_action", None, "offered", 5.0, "XTR"),
        ("premium_action", None, "paid", 5.0, "XTR"),
    ]  # fmt: skip


def test_gifts(desk: Desk) -> None:
    desk.call("sendGift", user_id=1001, gift_id="g1", text="for you")
    desk.call("giftPremiumSubscription", user_id=1002, month_count=3, star_count=1000)
    assert desk.said("user.id", "kind", "text", "data") == [
        ("bot_message", "1001", "gift", "for you", '{"id":"g1"}'),
        ("bot_message", "1002", "gift", None, '{"months":3,"star_count":1000}'),
    ]


def test_an_ephemeral_message_is_its_receivers(desk: Desk) -> None:
    bob = {"id": 1002, "is_bot": False, "first_name": "Bob"}
    sent = desk.message(text="for Bob alone", chat=GROUP, receiver_user=bob, ephemeral_message_id=1) | {"message_id": 0}
    with desk.update("message", desk.message(text="hi", chat=GROUP, **{"from": ANN})):
        desk.call("sendMessage", sent, chat_id=-100, receiver_user_id=1002)
        at = {"chat_id": -100, "receiver_user_id": 1002, "ephemeral_message_id": 1}
        desk.call("editEphemeralMessageText", text="<b>edited</b> &amp; more", parse_mode="HTML", **at)
        desk.call("deleteEphemeralMessage", **at)
    assert desk.said("user.id", "chat.id", "text", "message.id")[1:] == [
        ("bot_message", "1002", -100, "for Bob alone", None),
        ("message_edited", "1002", -100, "edited & more", None),
        ("message_deleted", "1002", -100, None, None),
    ]


def test_a_guests_answer_and_its_edit(desk: Desk) -> None:
    asked = desk.message(text="@my_bot time?", chat=GROUP, guest_query_id="g1", **{"from": ANN})
    result = {"type": "article", "title": "t", "input_message_content": {"message_text": "noon"}}
    with desk.update("guest_message", asked):
        desk.call("answerGuestQuery", {"inline_message_id": "i1"}, guest_query_id="g1", result=result)
    desk.call("editMessageText", inline_message_id="i1", text="one o'clock")
    assert desk.said("user.id", "text", "side") == [
        ("user_message", "1001", "@my_bot time?", None), ("bot_message", "1001", "noon", None),
        ("message_edited", "1001", "one o'clock", "bot"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ({}, "bot_message"), ({"returning": True}, "bot_message"), ({"prompt": "x"}, "bot_message"),
        ({"request_model": None}, "bot_message"), ({"input_tokens": 0}, "ai_message"), ({"duration_ms": 5.0}, "ai_message"),
        ({"provider": "p"}, "ai_message"), ({"error_type": "timeout"}, "ai_message"),
    ],
)  # fmt: skip
def test_an_ai_answer_is_what_the_bot_says_to_be_one(desk: Desk, said: dict[str, Any], kind: str) -> None:
    with details(**said):
        desk.call("sendMessage", desk.message(text="a"), chat_id=1001)
    assert desk.said("text") == [(kind, "a")]


def test_an_ai_answer_that_is_spoken(desk: Desk) -> None:
    voice = {"file_id": "v", "file_unique_id": "u", "duration": 2}
    with details(request_model="m"):
        desk.call("sendVoice", desk.message(voice=voice, caption="b"), chat_id=1001)
        desk.call("sendPoll", desk.message(poll={"id": "1", "question": "c", "options": []}), chat_id=1001)
    assert desk.said("text", "kind", "gen_ai.request.model") == [
        ("bot_message", None, "voice", None), ("ai_message", "b", None, "m"), ("bot_message", "c", "poll", None)
    ]  # fmt: skip


def test_who_has_blocked_the_bot_did_so_in_no_update_of_another(desk: Desk) -> None:
    """An admin's command may be a broadcast; an answer that comes too late is a part of its update."""
    refused = "Forbidden: bot was blocked by the user"
    with desk.update("message", desk.message(text="/broadcast", **{"from": ANN})) as update:
        for chat_id in (1002, 1001):
            desk.recorder.failed(desk.bot, {"chat_id": chat_id}, refused, update)
    blocked = [one[1:] for one in desk.said("user.id", "update.id") if one[0] == "bot_blocked"]
    assert blocked == [("1002", None), ("1001", 1)]


def test_a_blocked_person_is_marked_once_until_they_are_back(desk: Desk) -> None:
    refused = "Forbidden: bot was blocked by the user"
    for chat, error in ((1001, refused), (1001, refused), (1002, "Forbidden: user is deactivated"), (-100, refused)):
        desk.recorder.failed(desk.bot, {"chat_id": chat}, error, None)
    desk.receive("inline_query", {"id": "1", "from": ANN, "query": "x"})  # possible from another chat
    desk.recorder.failed(desk.bot, {"chat_id": 1001}, refused, None)
    desk.receive("message", desk.message(text="hi", **{"from": ANN}))
    desk.recorder.failed(desk.bot, {"chat_id": 1001}, refused, None)
    member = {"chat": HOME, "from": ANN, "date": 1_790_000_000, "old_chat_member": {"status": "member"}}
    desk.receive("my_chat_member", member | {"chat": BOB_HOME, "new_chat_member": {"status": "kicked"},
                                             "from": {"id": 1002, "first_name": "Bob"}})  # fmt: skip
    desk.recorder.failed(desk.bot, {"chat_id": 1002}, refused, None)
    desk.receive("my_chat_member", member | {"new_chat_member": {"status": "kicked"}})  # the refusal has said it
    assert desk.said("user.id") == [
        ("bot_blocked", "1001"), ("user_message", "1001"), ("bot_blocked", "1001"), ("bot_blocked", "1002")
    ]  # fmt: skip


def test_what_is_ignored_is_no_event_and_no_loss(desk: Desk) -> None:
    for name in ("sendChatAction", "getMe", "editMessageReplyMarkup", "answerInlineQuery", "methodOfNextYear"):
        desk.call(name, chat_id=1001, message_id=3)
    assert desk.events == []
