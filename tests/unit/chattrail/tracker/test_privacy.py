"""Message texts and people's ids that stay at home."""

import pytest

from chattrail import Chat, Person
from chattrail.events import AiMessage, Command, HandlerFailed, ImageGenerated, UserMessage
from tests.unit.chattrail.tracker.bench import ANN, BOB, HOME, Bench


def test_texts_stay_at_home() -> None:
    bench = Bench(message_text=False)
    secret = "canary"
    bench.tracker.track(UserMessage(text=secret, length=6), user=ANN)
    bench.tracker.track(AiMessage(text=secret, length=6), user=ANN)
    bench.tracker.track(ImageGenerated(prompt=secret, image_id="i"), user=ANN)
    bench.tracker.track(HandlerFailed(message=secret, error_type="E"), user=ANN)
    bench.tracker.track(Command(name="imagine", arguments=secret), user=ANN)
    bench.tracker.track(UserMessage(text=secret), chat=Chat(-5, "group"))  # about no person: a plain log
    assert secret not in repr([(record.body, dict(record.attributes)) for record in bench.records])
    assert [event.get("chattrail.message.length") for event in bench.events] == [6, 6, None, None, None, None]
    bench.tracker.shutdown()


def test_people_become_a_hash_that_holds_their_trail_together() -> None:
    bench = Bench(hash_user_ids_with=b"k" * 32)
    bench.tracker.track(UserMessage(text="a"), user=ANN, chat=HOME)
    bench.tracker.track(UserMessage(text="b"), user=Person("1001"), chat=Chat(-5, "group"))
    bench.tracker.track(UserMessage(text="b"), user=BOB)
    first, second, other = bench.events
    assert first["user.id"] == first["user.hash"] == second["user.id"] != other["user.id"]
    assert first["session.id"] == second["session.id"]
    assert len(first["user.id"]) == 64
    sent = repr([dict(record.attributes) for record in bench.records])
    assert "1001" not in sent.replace(first["user.id"], "")
    assert "Ann" not in sent
    assert "ann" not in sent
    assert "telegram.chat.id" not in first
    assert second["telegram.chat.id"] == -5
    bench.tracker.shutdown()


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="16 or more"):
        Bench(hash_user_ids_with=b"short")
