"""Edits of one message that follow closely are one event."""

import threading
from contextvars import ContextVar
from typing import Any

import pytest

from chattrail.botapi.edits import CAPACITY, Edit, Edits
from chattrail.context import EventTarget, details
from chattrail.sequence import Sequence
from tests.support.fakes.otlp_receiver import until
from tests.unit.chattrail.botapi.conftest import ANN, GROUP, Desk


class Held(Edits):
    """Edits whose clock stands still, so that nothing is due by itself."""

    def __init__(self, recorded: list[tuple[Any, str, int, float]]) -> None:
        self.now = 100.0
        super().__init__(
            lambda key, edit: recorded.append((key[1], edit.fields["text"], edit.count, edit.last - edit.first)),
            clock=lambda: self.now,
        )

    def edit(self, name: str, text: str) -> None:
        self.add((42, name), Edit({"text": text}, EventTarget(), None, None, None))

    def passes(self, seconds: float) -> None:
        self.now += seconds
        self.flush_due()


@pytest.fixture
def recorded() -> list[tuple[Any, str, int, float]]:
    return []


def test_they_wait_two_seconds_after_the_last_and_five_after_the_first(recorded: list[Any]) -> None:
    edits = Held(recorded)
    edits.edit("a", "1")
    edits.passes(1.5)
    edits.edit("a", "2")
    edits.edit("b", "x")
    edits.passes(1.75)
    assert recorded == []
    edits.passes(0.25)
    assert recorded == [("a", "2", 2, 1.5), ("b", "x", 1, 0.0)]
    for text in "345678":
        edits.edit("a", text)
        edits.passes(1.0)
    assert recorded[2:] == [("a", "7", 5, 4.0)]
    edits.flush_all()
    assert recorded[3:] == [("a", "8", 1, 0.0)]
    assert len(edits) == 0


def test_a_late_edit_does_not_join_what_is_due(recorded: list[Any]) -> None:
    edits = Held(recorded)
    edits.edit("a", "1")
    edits.now += 10  # the thread has not run yet
    edits.edit("a", "2")
    edits.flush_all()
    assert recorded == [("a", "1", 1, 0.0), ("a", "2", 1, 0.0)]


def test_their_memory_is_bounded(recorded: list[Any]) -> None:
    edits = Held(recorded)
    for number in range(CAPACITY + 3):
        edits.edit(str(number), "t")
    assert len(edits) == CAPACITY
    assert [one[0] for one in recorded] == ["0", "1", "2"]
    edits.flush_all()


def test_a_thread_records_what_is_due_and_ends(monkeypatch: pytest.MonkeyPatch, desk: Desk) -> None:
    monkeypatch.setattr("chattrail.botapi.edits.QUIET_S", 0.02)
    edit(desk, 5, "now")
    until(lambda: desk.tracker.emitted == 1)
    until(lambda: not [one for one in threading.enumerate() if one.name == "chattrail-edits"])
    edit(desk, 5, "again")
    until(lambda: desk.tracker.emitted == 2)


def edit(desk: Desk, number: int, text: str) -> None:
    message = desk.message(text=text, edit_date=1_790_000_009) | {"message_id": number}
    desk.call("editMessageText", message, chat_id=1001, message_id=number, text=text)


def stream(desk: Desk, number: int, *texts: str) -> None:
    for text in texts:
        edit(desk, number, text)


def test_a_streamed_answer_is_one_event_with_its_last_text(desk: Desk) -> None:
    placeholder = desk.message(text="…")
    number = placeholder["message_id"]
    with desk.update("message", desk.message(text="hi", **{"from": ANN})):
        desk.call("sendMessage", placeholder, chat_id=1001)
        with details(request_model="m", output_tokens=7):
            stream(desk, number, "I", "I am", "I am here")
    stream(desk, number, "I am here.")
    desk.tracker.flush(5)
    with details(request_model="m"):
        stream(desk, number, "I was here.")
    assert desk.said("text", "message.id", "edit.count", "output_tokens", "gen_ai.usage.output_tokens", "update.id")[
        1:
    ] == [
        ("bot_message", "…", number, None, None, None, 1),
        ("ai_message", "I am here.", number, 4, None, 7, None),
        ("message_edited", "I was here.", number, 1, None, None, None),
    ]
    streamed = desk.events[2]
    assert (streamed["user.id"], streamed["at"], streamed["telegram.chat.id"]) == ("1001", 1_790_000_009 * 10**9, 1001)
    assert streamed["chattrail.edit.span_ms"] >= 0


def test_an_answer_that_streams_into_a_group_stays_the_persons_when_the_update_is_over(desk: Desk) -> None:
    placeholder = desk.message(text="…", chat=GROUP)
    with desk.update("message", desk.message(text="hi", chat=GROUP, **{"from": ANN})):
        desk.call("sendMessage", placeholder, chat_id=-100)
    with desk.update("message", desk.message(text="me too", chat=GROUP, **{"from": ANN | {"id": 1002}})):
        desk.call("editMessageText", placeholder | {"text": "I am"}, chat_id=-100, message_id=placeholder["message_id"])
    desk.call(
        "editMessageText", placeholder | {"text": "I am here"}, chat_id=-100, message_id=placeholder["message_id"]
    )
    assert [line for line in desk.said("user.id", "text", "edit.count") if line[0] == "message_edited"] == [
        ("message_edited", "1001", "I am here", 2)
    ]


def test_edits_come_before_anything_else_about_their_message(desk: Desk) -> None:
    stream(desk, 5, "a", "b")
    desk.receive("callback_query", {"id": "1", "from": ANN, "data": "x", "message": desk.message() | {"message_id": 5}})
    stream(desk, 5, "c")
    stream(desk, 6, "other")
    desk.call("deleteMessage", chat_id=1001, message_id=5)
    assert [(line[0], line[1]) for line in desk.said("text")] == [
        ("message_edited", "b"), ("user_message", "x"), ("message_edited", "c"), ("message_deleted", None),
        ("message_edited", "other"),
    ]  # fmt: skip


def test_they_are_recorded_at_shutdown(desk: Desk) -> None:
    stream(desk, 5, "last words")
    desk.tracker.shutdown()
    assert [str(one.log_record.event_name) for one in desk.memory.get_finished_logs()] == ["chattrail.message_edited"]


def test_edits_of_captions_media_and_inline_messages(desk: Desk) -> None:
    photo = [{"file_id": "s", "file_unique_id": "u", "width": 1, "height": 1}]
    shown = desk.message(photo=photo, caption="c")
    desk.call("editMessageCaption", shown, chat_id=1001, message_id=shown["message_id"], caption="c")
    with desk.update("chosen_inline_result", {"result_id": "1", "from": ANN, "query": "q", "inline_message_id": "i"}):
        desk.call("editMessageText", inline_message_id="i", text="done")
        desk.call("editMessageText", inline_message_id="unknown", text="of the person whose update it is")
    desk.call("editMessageText", inline_message_id="nobody's", text="lost")
    desk.call("editMessageMedia", inline_message_id="i", media={"type": "video", "caption": "v"})
    assert desk.said("user.id", "text", "kind", "image.id") == [
        ("user_message", "1001", "q", "inline", None),
        ("message_edited", "1001", "c", "photo", "u"),
        ("message_edited", "1001", "v", "video", None),
        ("message_edited", "1001", "of the person whose update it is", "text", None),
    ]


def test_drafts_are_edits_of_what_is_sent_at_last(desk: Desk) -> None:
    for text in ("", "I", "I am"):
        desk.call("sendMessageDraft", chat_id=1001, draft_id=1, text=text)
    desk.call("sendMessage", desk.message(text="I am here"), chat_id=1001)
    desk.call("sendMessage", desk.message(text="and here"), chat_id=1001)
    with details(request_model="m"):
        desk.call("sendRichMessageDraft", chat_id=1001, draft_id=2, rich_message={"html": "x"})
        desk.call("sendRichMessage", desk.message(rich_message={"blocks": [{"text": "rich"}]}), chat_id=1001)
    assert desk.said("text", "edit.count") == [
        ("bot_message", "I am here", 3), ("bot_message", "and here", None), ("ai_message", "rich", 1)
    ]  # fmt: skip


def test_a_draft_that_nothing_follows_leaves_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Telegram shows it for half a minute: what the chat shows then is what the trail shows."""
    monkeypatch.setattr("chattrail.botapi.calls.DRAFT_S", 0.0)  # it is long ago
    desk.call("sendMessageDraft", chat_id=1001, draft_id=1, text="I")
    assert desk.events == []
    desk.call("sendMessage", desk.message(text="Sorry"), chat_id=1001)
    assert desk.said("text", "edit.count") == [("bot_message", "Sorry", None)]


def test_a_withheld_edit_is_withheld_by_the_context_it_was_made_in() -> None:
    secret: ContextVar[bool] = ContextVar("secret", default=False)
    desk = Desk()
    desk.tracker._before_send = lambda record: None if secret.get() else record
    token = secret.set(True)
    stream(desk, 5, "an admin's")
    secret.reset(token)
    assert desk.events == []
    assert desk.tracker.withheld == 1
    desk.tracker.shutdown()


def test_a_process_that_is_killed_has_lost_the_edits_that_wait(desk: Desk) -> None:
    written: list[int] = []
    desk.tracker.sequence = Sequence(written.append)
    streamed, posted = desk.message(text="…"), desk.message(chat=GROUP, text="…")
    for message in (streamed, posted):
        desk.call("sendMessage", message)
        for text in ("a", "a b", "a b c"):
            desk.call("editMessageText", {**message, "text": text})
    assert written[-1] == 2, "the answer, and its edits, which are one event; a post in a group has no number"
    desk.tracker.flush(1)
    assert [event["event.sequence"] for event in desk.events if "event.sequence" in event] == [1, 2]
    assert written[-1] == 2
