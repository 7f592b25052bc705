"""The registry keeps the vocabulary's rules."""

import dataclasses
import re

import pytest

from chattrail.events import EVENT_TYPES, AiMessage, Event, UserMessage, attributes_of
from tests.support.event_types import least

VOCABULARY = {
    "start_command": "payload returning",
    "user_message": "text kind length entities data image_id image_file_id file_id file_unique_id file_name content_type "
    "file_size file_duration_s",
    "bot_message": "text kind length entities data image_id image_file_id file_id file_unique_id file_name content_type "
    "file_size file_duration_s edits edit_span_ms",
    "ai_message": "text length entities provider request_model response_model input_tokens output_tokens duration_ms "
    "error_type edits edit_span_ms",
    "message_edited": "side text kind length entities image_id image_file_id edits edit_span_ms",
    "message_deleted": "",
    "reaction": "side emoji",
    "poll": "action poll_id options text correct",
    "image_generated": "image_id url file_id data content_type prompt duration_ms error_type",
    "image_refresh": "image_id",
    "persona_selected": "persona_id name",
    "story_selected": "story_id name",
    "chat_cleared": "messages",
    "chat_continued": "idle_s",
    "chat_action": "action",
    "premium_action": "action plan amount currency minor_units subscription until reason charge_id",
    "command": "name arguments",
    "custom": "name properties",
    "bot_blocked": "",
    "bot_unblocked": "",
    "handler_failed": "error_type message handler",
}


def test_the_registry_is_the_vocabulary() -> None:
    known = {name: " ".join(attributes_of(event)) for name, event in EVENT_TYPES.items()}
    assert known == VOCABULARY


@pytest.mark.parametrize("event", EVENT_TYPES.values(), ids=EVENT_TYPES)
def test_a_type_follows_the_rules(event: type[Event]) -> None:
    assert event.__doc__
    assert event.when
    built = least(event)
    assert not hasattr(built, "__dict__")
    with pytest.raises((dataclasses.FrozenInstanceError, TypeError, AttributeError)):
        built.text = "x"  # type: ignore[attr-defined]
    for name, attribute in attributes_of(event).items():
        assert re.fullmatch(r"[a-z_]+(\.[a-z_]+)+(\.\*)?", attribute.name), name
        assert attribute.description.endswith(".")
        assert attribute.example is not None
        assert not attribute.private or name not in event.shown


def test_a_field_that_is_none_is_not_sent() -> None:
    assert list(AiMessage().values()) == []
    sent = {attribute.name: value for attribute, value in UserMessage(text="", length=0).values()}
    assert sent == {"chattrail.message.text": "", "chattrail.message.kind": "text", "chattrail.message.length": 0}
