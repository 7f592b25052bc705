"""What is remembered of people: their session, their persona and story."""

import time
from datetime import UTC, datetime, timedelta

from chattrail.context import EventTarget, UpdateContext
from chattrail.events import AiMessage, ChatCleared, Command, PersonaSelected, StorySelected, UserMessage
from chattrail.session import IDLE_NS, UserState, UserStates
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
    assert sessions[5] == sessions[0], "it came 48 minutes late"
    assert len({*sessions}) == 3  # and Bob's


def test_people_are_remembered_up_to_a_limit() -> None:
    people = UserStates(capacity=3)
    first = people.of("1")
    for other in ("2", "3", "1", "4"):  # 4 pushes out 2, heard of least recently
        people.of(other)
    assert len(people) == 3
    assert people.of("1") is first


def test_sessions_are_found_by_time_and_few_are_kept() -> None:
    person = UserState()
    first = person.session_at(0)
    assert person.session_at(IDLE_NS) is person.session_at(2 * IDLE_NS) is first
    later = person.session_at(10 * IDLE_NS)
    assert later is not first
    assert person.session_at(3 * IDLE_NS) is first, "a backlog and jobs take turns"
    assert person.session_at(10 * IDLE_NS + 1) is later
    for hour in range(20, 40, 4):
        person.session_at(hour * IDLE_NS)
    assert len(person.sessions) == 4
    assert first not in person.sessions


def test_an_update_is_in_one_session(bench: Bench) -> None:
    hours_ago = time.time_ns() - 3 * 3600 * 10**9
    for minute in range(10):  # what waited while the bot was away: each is answered now
        at = hours_ago + minute * 60 * 10**9
        context = UpdateContext(bench.tracker, user=ANN, update_id=minute, at=at)
        bench.tracker.arrive(UserMessage(text="hi"), context)
        bench.tracker.record(AiMessage(text="sorry"), EventTarget(), context)
    bench.tracker.track(Command(name="help"), user=ANN)
    sessions = [event["session.id"] for event in bench.events]
    assert len(set(sessions[:20])) == 1
    assert sessions[20] != sessions[0], "what is answered late does not make the session longer"


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


def test_what_is_remembered_of_a_person_is_the_bots(bench: Bench) -> None:
    """One tracker may have several bots: whom Ann talks to with one of them says nothing of the other."""
    for bot_id, event in ((1, PersonaSelected(persona_id="luna")), (2, UserMessage()), (1, UserMessage())):
        bench.tracker.track(event, user=ANN, bot_id=bot_id)
    first, other, again = bench.events
    assert (other.get("chattrail.persona.id"), again["chattrail.persona.id"]) == (None, "luna")
    assert other["session.id"] != again["session.id"] == first["session.id"]
