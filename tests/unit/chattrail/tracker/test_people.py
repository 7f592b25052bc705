"""What is remembered of people: their session, their persona and story."""

from datetime import UTC, datetime, timedelta

from chattrail.context import UpdateContext
from chattrail.events import ChatCleared, Command, PersonaSelected, StorySelected, UserMessage
from chattrail.session import IDLE_NS, UserStates
from tests.unit.chattrail.tracker.bench import ANN, BOB, Bench


def test_a_session_ends_after_half_an_hour_of_event_time(bench: Bench) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    minutes = [0, 29, 58, 88.1, 88.2, 40]
    for minute in minutes:
        bench.tracker.track(Command(name="help"), user=ANN, timestamp=start + timedelta(minutes=minute))
    bench.tracker.track(Command(name="help"), user=BOB, timestamp=start)
    sessions = [event["session.id"] for event in bench.events]
    assert sessions[0] == sessions[1] == sessions[2]
    assert sessions[2] != sessions[3] == sessions[4]
    assert len({*sessions}) == 4  # the one that came 48 minutes late, and Bob's
    assert sessions[6] != sessions[0]


def test_people_are_remembered_up_to_a_limit() -> None:
    people = UserStates(capacity=3)
    first = people.at("1", 0).session_id
    for other in ("2", "3"):
        people.at(other, 0)
    assert people.at("1", 1).session_id == first
    people.at("4", 1)  # pushes out 2, heard of least recently
    assert len(people) == 3
    assert people.at("1", 2).session_id == first
    assert people.at("1", 2 + IDLE_NS).session_id == first
    assert people.at("1", 3 + 2 * IDLE_NS).session_id != first


def test_a_choice_stays_with_the_person(bench: Bench) -> None:
    bench.tracker.track(PersonaSelected(persona_id="luna", name="Luna"), user=ANN)
    bench.tracker.track(StorySelected(story_id="sea", name="Sea"), user=ANN)
    bench.tracker.track(UserMessage(text="hi"), user=ANN)
    bench.tracker.track(UserMessage(text="hi"), user=BOB)
    chosen = [(event.get("chattrail.persona.id"), event.get("chattrail.story.id")) for event in bench.events]
    assert chosen == [("luna", None), ("luna", "sea"), ("luna", "sea"), (None, None)]


def test_an_empty_persona_ends_a_choice(bench: Bench) -> None:
    bench.tracker.track(PersonaSelected(persona_id="luna"), user=ANN)
    with bench.during(UpdateContext(bench.tracker, user=ANN)):
        bench.tracker.annotate(persona_id="")
        bench.tracker.track(ChatCleared())
    bench.tracker.track(UserMessage(), user=ANN)
    assert ["chattrail.persona.id" in event for event in bench.events] == [True, False, False]
