"""The history of the simulated people: plausible, in order, of every type of event, and the same for the same seed."""

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

import pytest

from chattrail import events
from chattrail.record import Counts, Record
from stack.simulators.population import script
from stack.simulators.population.deterministic_ids import DeterministicIds
from stack.simulators.population.history import History
from stack.simulators.population.history_writer import ANSWERS, HistoryEvent
from stack.simulators.population.population import population
from stack.simulators.population.visits import MIN_GAP, visits

ABOUT = (events.MessageEdited, events.MessageDeleted, events.Reaction, events.PollAction)
"""What is about an earlier message."""
UNTIL = datetime(2026, 3, 1, 12, tzinfo=UTC)
START = UNTIL - timedelta(days=40)


def past(people: int = 150, seed: int = 2) -> list[HistoryEvent]:
    return list(History(islice(population(seed), people), START, UNTIL))


@pytest.fixture(scope="module")
def history() -> list[HistoryEvent]:
    return past()


def test_a_seed_repeats_the_past() -> None:
    assert past(30) == past(30)
    assert past(30) != past(30, seed=3)


def test_everything_lies_in_the_past_and_in_order(history: list[HistoryEvent]) -> None:
    assert all(START <= one.at < UNTIL for one in history)
    assert [one.at for one in history] == sorted(one.at for one in history)
    assert len({one.member.id for one in history}) == 150


def test_every_type_of_event_occurs(history: list[HistoryEvent]) -> None:
    own = {"custom"}  # events that other bots name themselves
    assert {one.event.type for one in history} == set(events.EVENT_TYPES) - own
    assert {one.event.side for one in history if isinstance(one.event, events.MessageEdited)} == {"bot", "person"}
    actions = {one.event.action for one in history if isinstance(one.event, events.PremiumAction)}
    assert {"offered", "invoice_sent", "paid", "refunded"} <= actions
    kinds = {one.event.kind for one in history if isinstance(one.event, events.UserMessage)}
    assert {"text", "button", "photo", "voice", "sticker"} == kinds


def of_the_bot(event: events.Event) -> bool:
    if isinstance(event, events.PremiumAction):
        return event.action == "invoice_sent"
    return isinstance(event, events.MessageEdited) and event.side == "bot"


def test_each_chat_is_consistent(history: list[HistoryEvent]) -> None:
    chats: defaultdict[int, list[HistoryEvent]] = defaultdict(list)
    for one in history:
        chats[one.member.id].append(one)
    for chat in chats.values():
        assert isinstance(chat[0].event, events.StartCommand)
        assert chat[0].event.returning is False
        paid: set[str | None] = set()
        blocked = False
        numbers = [one.message_id for one in chat if one.message_id is not None and not isinstance(one.event, ABOUT)]
        assert numbers == sorted(numbers)
        new = [one.message_id for one in chat if isinstance(one.event, events.AiMessage | events.BotMessage)]
        assert len(set(new)) == len(new)
        assert {one.message_id for one in chat if isinstance(one.event, ABOUT)} <= set(numbers)
        assert [one.update for one in chat] == sorted(one.update for one in chat)
        asked = {one.update for one in chat if isinstance(one.event, events.UserMessage | events.StartCommand)}
        answered = {one.update for one in chat if isinstance(one.event, ANSWERS) or of_the_bot(one.event)}
        assert len(asked - answered) <= 1  # the end of the history may come before an answer
        for one in chat:
            event = one.event
            assert not blocked or isinstance(event, events.BotUnblocked)
            blocked = isinstance(event, events.BotBlocked)
            if isinstance(event, events.PremiumAction) and event.action == "paid":
                assert event.charge_id not in paid
                paid.add(event.charge_id)
            if isinstance(event, events.PremiumAction) and event.action == "refunded":
                assert event.charge_id in paid
            if isinstance(event, events.AiMessage) and event.response_model:
                assert one.persona_id
                assert one.story_id
            if isinstance(event, events.AiMessage | events.BotMessage):
                assert event.text
                assert "<b>" not in event.text
                assert "{" not in event.text


def test_images_have_their_bytes(history: list[HistoryEvent]) -> None:
    images: defaultdict[int, list[events.ImageGenerated]] = defaultdict(list)
    for one in history:
        if isinstance(one.event, events.ImageGenerated) and one.event.error_type is None:
            images[one.member.id].append(one.event)
    for made in images.values():
        assert all(one.data is not None and one.data.startswith(b"\xff\xd8\xff") for one in made)
    assert max(map(len, images.values())) > 20
    ids = [one.image_id for made in images.values() for one in made]
    assert len(set(ids)) == len(ids)
    failed = [one.event for one in history if isinstance(one.event, events.ImageGenerated) and one.event.error_type]
    assert failed
    assert all(one.data is None for one in failed)


def test_days_have_a_rhythm_and_the_bot_grows(history: list[HistoryEvent]) -> None:
    hours = Counter(one.at.hour for one in history)
    assert sum(hours[hour] for hour in (16, 17, 18, 19)) > 1.5 * sum(hours[hour] for hour in (3, 4, 5, 6))
    people: defaultdict[int, set[int]] = defaultdict(set)
    for one in history:
        people[(one.at - START).days // 10].add(one.member.id)
    assert len(people[3]) > len(people[0]) > 0


def test_who_left_stays_away_and_who_did_not_comes_to_the_end() -> None:
    for member in islice(population(1), 200):
        times = [at for at, _ in visits(member, START, UNTIL)]
        assert times == sorted(times)
        assert all(later - earlier >= MIN_GAP for earlier, later in pairwise(times))
        steps = [step.act for _, steps in visits(member, START, UNTIL) for step in steps]
        if not script.gone(member):
            assert script.Act.BLOCK not in steps


class Sink:
    def __init__(self) -> None:
        self.records: list[Record] = []

    def emit(self, record: Record) -> None:
        self.records.append(record)

    def lose(self, reason: str) -> None:
        raise AssertionError(reason)

    def counts(self) -> Counts:
        return Counts()

    def flush(self, timeout: float) -> bool:
        return True

    def shutdown(self, timeout: float) -> bool:
        return True


def test_ids_repeat_for_a_seed_and_sort_by_time() -> None:
    def ids(seed: str, session: str) -> list[tuple[object, object]]:
        sink = Sink()
        repeatable = DeterministicIds(sink, seed)
        for second in range(6):
            attributes = {"event.id": "chance", "user.id": str(second % 2), "session.id": f"{session}{second // 3}"}
            repeatable.emit(Record("chattrail.command", second * 10**9, dict(attributes)))
        return [(record.attributes["event.id"], record.attributes["session.id"]) for record in sink.records]

    first = ids("1", "a")
    assert first == ids("1", "b")
    assert len({event for event, _ in first}) == 6
    assert [event for event, _ in first] == sorted(str(event) for event, _ in first)
    assert len({session for _, session in first}) == 4
    assert {event for event, _ in first}.isdisjoint({event for event, _ in ids("2", "a")})
