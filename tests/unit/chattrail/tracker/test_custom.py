"""Events that a bot names itself: what they send, and what a wrong name or property costs."""

import enum
from collections.abc import Mapping
from typing import Any

import pytest

from chattrail import Person
from chattrail.custom import MAX_PROPERTIES, MAX_TEXT
from chattrail.events import Command, Custom, StartCommand
from tests.unit.chattrail.tracker.bench import ANN, HOME, Bench
from tests.unit.chattrail.tracker.test_updates import update

CANARY = "My secret diary"


class Level(enum.StrEnum):
    B1 = "b1"


def properties(event: Mapping[str, Any]) -> dict[str, Any]:
    start = "chattrail.property."
    return {name.removeprefix(start): value for name, value in event.items() if name.startswith(start)}


def test_a_name_and_properties_are_an_event(bench: Bench) -> None:
    with bench.during(update(bench)):
        bench.tracker.track(
            "quiz_finished", score=3, level="b1", share=0.5, passed=True, event="x", name="y", hint=None
        )
    (event,) = bench.events
    assert (event["type"], event["chattrail.custom.name"], event["user.id"]) == ("custom", "quiz_finished", "1001")
    assert properties(event) == {
        "score": 3, "level": "b1", "share": 0.5, "passed": True, "event": "x", "name": "y"
    }  # fmt: skip
    assert [type(value) for value in properties(event).values()] == [int, str, float, bool, str, str]
    assert bench.records[0].body == "custom quiz_finished"


def test_the_arguments_of_track_are_no_properties(bench: Bench) -> None:
    bench.tracker.track("quiz_finished", user=ANN, chat=HOME, message_id=7, persona_id="luna", score=3)
    (event,) = bench.events
    assert properties(event) == {"score": 3}
    assert (event["telegram.message.id"], event["chattrail.persona.id"]) == (7, "luna")


def test_an_event_may_be_made_first(bench: Bench) -> None:
    given: dict[str, Any] = {"user": "yes", "score": 3}
    bench.tracker.track(Custom(name="asked", properties=given), user=ANN)
    given["score"] = 4
    bench.tracker.track(Custom(name="asked"), user=ANN)
    assert [properties(event) for event in bench.events] == [{"user": "yes", "score": 3}, {}]


def test_an_update_that_comes_again_has_the_same_ids_by_name(bench: Bench) -> None:
    for names in (("quiz_started", "quiz_finished", "quiz_finished"), ("quiz_finished", "quiz_finished")):
        with bench.during(update(bench)):
            for name in names:
                bench.tracker.track(name)
    started, *finished = [event["event.id"] for event in bench.events]
    assert finished[:2] == finished[2:]
    assert len({started, *finished}) == 3


def test_texts_of_properties_are_private() -> None:
    bench = Bench(message_text=False)
    bench.tracker.track("searched", user=ANN, text=CANARY, level=Level.B1, results=3, found=True)
    assert properties(bench.events[0]) == {"results": 3, "found": True}
    assert CANARY not in repr(bench.events)
    bench.tracker.shutdown()


@pytest.mark.parametrize(
    ("name", "why"),
    [
        (CANARY, "a text of 15 characters"),
        ("Quiz", "a text of 4 characters"),
        ("quiz.finished", "a text of 13 characters"),
        ("quiz\n", "a text of 5 characters"),
        ("quizé", "a text of 5 characters"),
        ("9_lives", "a text of 7 characters"),
        ("q" * 65, "a text of 65 characters"),
        ("", "empty"),
    ],
)
def test_a_wrong_name_costs_its_event_and_one_line(
    bench: Bench, name: str, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    bench.tracker.track(name, user=ANN, score=3)
    bench.tracker.track(Custom(name=name), user=ANN)
    bench.tracker.track("q" * 64, user=ANN)
    assert [event["event.sequence"] for event in bench.events] == [3]
    assert dict(bench.tracker.counts().losses) == {"invalid": 2}
    (line,) = [record.getMessage() for record in caplog.records if "left out" in record.message]
    assert f"its name is {why}: a name is 1 to 64 of a-z, 0-9 and _, and begins with a letter ({__file__}:" in line
    assert CANARY not in caplog.text


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({CANARY: 1}, "the name of a property is a text of 15 characters: a name is"),
        ({5: 1}, "the name of a property is of type int: a name is"),
        ({"at": [CANARY]}, "the property at is of type list: it can be a text, a number, True or False"),
        ({"at": b"x"}, "the property at is of type bytes: it can be"),
        ({f"p{n}": n for n in range(MAX_PROPERTIES)}, "it has more than 32 properties: the first 32 are kept"),
    ],
)
def test_a_wrong_property_costs_itself_alone(
    bench: Bench, given: dict[Any, Any], why: str, caplog: pytest.LogCaptureFixture
) -> None:
    bench.tracker.track("quiz", user=ANN, **{str(key): value for key, value in given.items() if key != 5}, score=3)
    bench.tracker.track(Custom(name="quiz", properties={"score": 3, **given}), user=ANN)
    assert [event["event.sequence"] for event in bench.events] == [1, 2]
    assert properties(bench.events[1])["score"] == 3
    assert max(len(properties(event)) for event in bench.events) <= MAX_PROPERTIES
    assert f"properties of the event quiz were left out: {why}" in caplog.text
    assert CANARY not in caplog.text
    assert bench.tracker.dropped == 0


def test_values_are_safe(bench: Bench) -> None:
    bench.tracker.track("odd", user=ANN, far=float("inf"), big=2**70, long="x" * 5000, half="\ud800", level=Level.B1)
    sent = properties(bench.events[0])
    assert (sent["far"], sent["big"], sent["level"]) == ("Infinity", str(2**70), "b1")
    assert sent["long"] == f"{'x' * MAX_TEXT}… [cut: 5,000 characters]"
    sent["half"].encode()


def test_properties_of_another_event_are_left_out(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.tracker.track(StartCommand(payload="ad"), user=ANN, payload2=CANARY)
    assert bench.types == ["start_command"]
    assert "properties were left out: only an event that is given by its name has them" in caplog.text
    assert CANARY not in caplog.text


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"user": CANARY}, "user= takes a Person, not a str"),
        ({"user": ANN, "chat": 5}, "chat= takes a Chat, not a int"),
    ],
)
@pytest.mark.parametrize("event", ["quiz", Command(name="help")])
def test_an_argument_of_another_type_is_named(
    bench: Bench, event: Any, wrong: dict[str, Any], why: str, caplog: pytest.LogCaptureFixture
) -> None:
    bench.tracker.track(event, **wrong)
    bench.tracker.track("quiz", user=Person(5))
    assert [each["event.sequence"] for each in bench.events] == [2]
    assert f"an event was left out: {why} (" in caplog.text
    assert CANARY not in caplog.text


def test_what_cannot_even_be_read_costs_one_event(bench: Bench) -> None:
    class Broken(dict[str, Any]):
        def items(self) -> Any:
            raise RuntimeError(CANARY)

    bench.tracker.track(Custom(name="quiz", properties=Broken(a=1)), user=ANN)
    bench.tracker.track("quiz", user=ANN)
    assert [event["event.sequence"] for event in bench.events] == [2]
