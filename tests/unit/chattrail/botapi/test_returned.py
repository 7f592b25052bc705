"""Methods that leave inside the response to a webhook: what they are is told by their parameters alone."""

from typing import Any

import pytest

from chattrail.botapi import calls
from chattrail.botapi.methods import METHODS
from tests.unit.chattrail.botapi.conftest import ANN, Desk

POINT = {"latitude": 1.5, "longitude": 2.5}
ALBUM = [{"type": "photo", "media": "p1", "caption": "Both"}, {"type": "video", "media": "v1"}]
# By method: the parameters that are not named as the content, and what is recorded: kind, text, file, data.
CALLS: dict[str, tuple[dict[str, Any], list[tuple[Any, ...]]]] = {
    "sendMessage": ({"text": "hi"}, [("text", "hi", None, None)]),
    "sendRichMessage": ({"rich_message": {"html": "<b>hi</b>"}}, [("rich_message", "hi", None, None)]),
    "sendPhoto": ({"photo": "f", "caption": "c"}, [("photo", "c", "f", None)]),
    "sendMediaGroup": ({"media": ALBUM}, [("photo", "Both", "p1", None), ("video", None, "v1", None)]),
    "sendPoll": ({"question": "Q?", "options": ["a", {"text": "b"}]}, [("poll", "Q?", None, '{"options":["a","b"]}')]),
    "sendVenue": ({"title": "Cafe", "address": "1 St", **POINT},
                  [("venue", "Cafe", None, '{"address":"1 St","latitude":1.5,"longitude":2.5}')]),
    "sendLocation": (POINT, [("location", None, None, '{"latitude":1.5,"longitude":2.5}')]),
    "sendContact": ({"phone_number": "5", "first_name": "B"},
                    [("contact", None, None, '{"phone_number":"5","first_name":"B"}')]),
    "sendDice": ({"emoji": "🎯"}, [("dice", "🎯", None, None)]),
    "sendGame": ({"game_short_name": "chess"}, [("game", "chess", None, None)]),
    "sendChecklist": ({"checklist": {"title": "Shop", "tasks": [{"text": "milk"}]}},
                      [("checklist", "Shop", None, '{"tasks":["milk"]}')]),
    "sendPaidMedia": ({"star_count": 5, "media": [{"type": "video", "media": "v"}], "caption": "c"},
                      [("paid_media", "c", None, '{"star_count":5,"media":["video"]}'), (None, None, None, None)]),
    "forwardMessage": ({"from_chat_id": 1001, "message_id": 101}, [("text", "asked", None, None)]),
    "forwardMessages": ({"from_chat_id": 1001, "message_ids": [101]}, [("text", "asked", None, None)]),
    "copyMessage": ({"from_chat_id": "1001", "message_id": 101}, [("text", "asked", None, None)]),
    "copyMessages": ({"from_chat_id": 1001, "message_ids": [9]}, [("copy", None, None, None)]),
}  # fmt: skip
FILES = ("Document", "Animation", "Video", "VideoNote", "Voice", "Audio", "Sticker", "LivePhoto")
KINDS = {"VideoNote": "video_note", "LivePhoto": "live_photo"}
CALLS |= {
    f"send{name}": ({KINDS.get(name, name.lower()): "f"}, [(KINDS.get(name, name.lower()), None, "f", None)])
    for name in FILES
}


def test_every_method_that_sends_is_here() -> None:
    assert {name for name, rule in METHODS.items() if rule.read in (calls.sent, calls.copied)} <= set(CALLS)


@pytest.mark.parametrize("name", CALLS)
def test_a_returned_method(desk: Desk, name: str) -> None:
    given, expected = CALLS[name]
    with desk.update("message", desk.message(text="asked", **{"from": ANN})) as context:
        for sent in desk.recorder.returned(desk.bot, name, {"chat_id": 1001, **given}, context):
            desk.recorder.record(desk.bot, sent, context)
    found = [
        (kind, text, file or image, data)
        for type_, kind, text, file, image, data in desk.said("kind", "text", "file.id", "image.file_id", "data")[1:]
    ]
    assert found == expected
    assert {event["user.id"] for event in desk.events} == {"1001"}
