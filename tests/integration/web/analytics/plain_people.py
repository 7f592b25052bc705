"""Who matches a filter, by going through the raw events of each person for each condition."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from tests.integration.web.analytics.plain_count import stars
from tests.support.web_chats import Sent
from web.analytics.filters.tree import And, Condition, Days, Not, Or, Property, Tree

DEEDS: dict[str, Callable[[Sent], bool]] = {
    "start": lambda e: e.type == "start_command",
    "persona": lambda e: e.type == "persona_selected",
    "story": lambda e: e.type == "story_selected",
    "answer": lambda e: e.type in ("ai_message", "bot_message") and not e.failed,
    "paid": lambda e: bool(e.get("chattrail.premium.action") == "paid"),
    "message": lambda e: e.type == "user_message",
    "command": lambda e: e.type in ("command", "start_command"),
    "picture": lambda e: e.type == "image_generated" and not e.failed,
    "refresh": lambda e: e.type == "image_refresh",
    "clear": lambda e: e.type == "chat_cleared",
    "reaction": lambda e: e.type == "reaction" and e.own and bool(e.get("chattrail.reaction.emoji")),
    "vote": lambda e: bool(e.get("chattrail.poll.action") == "voted"),
    "failure": lambda e: e.type == "handler_failed",
    "block": lambda e: e.type == "bot_blocked",
}
NUMBERS: dict[str, Callable[[Sent], bool]] = {
    "messages": DEEDS["message"],
    "bot_messages": lambda e: e.type == "bot_message",
    "answers": lambda e: e.type == "ai_message" and not e.failed,
    "pictures": DEEDS["picture"],
    "refreshes": DEEDS["refresh"],
    "clears": DEEDS["clear"],
    "commands": DEEDS["command"],
    "payments": DEEDS["paid"],
    "failures": DEEDS["failure"],
}


def first_source(events: list[Sent]) -> str:
    """What the deep link of the first /start carried."""
    return next((str(e.get("chattrail.start.payload")) for e in events if e.type == "start_command"), "")


def first_event(events: list[Sent]) -> str:
    """What somebody did first: a command, a custom event or a type."""
    first = next((e for e in events if e.own), None)
    if first is None:
        return ""
    named = {
        "start_command": "/start",
        "command": f"/{first.get('chattrail.command.name')}",
        "custom": f"event:{first.get('chattrail.custom.name')}",
    }
    return named.get(first.type, first.type)


FIRST: dict[str, Callable[[list[Sent]], str]] = {
    "source": first_source,
    "first_event": first_event,
    "first_persona": lambda events: next(
        (e.get("chattrail.persona.id") for e in events if e.get("chattrail.persona.id")), ""
    ),
    "plan": lambda events: next(
        (
            e.get("chattrail.premium.plan")
            for e in reversed(events)
            if DEEDS["paid"](e) and e.get("chattrail.premium.plan")
        ),
        "",
    ),
    "model": lambda events: next(
        (
            e.get("gen_ai.request.model")
            for e in reversed(events)
            if e.type == "ai_message" and not e.failed and e.get("gen_ai.request.model")
        ),
        "",
    ),
}
LATEST = {
    "language": "telegram.user.language_code",
    "persona": "chattrail.persona.id",
    "story": "chattrail.story.id",
}


class Everybody:
    """People by their events, as the owner's clock and zone are."""

    def __init__(self, events: list[Sent], zone: ZoneInfo, now: datetime) -> None:
        self._events: dict[str, list[Sent]] = {}
        for event in sorted(events, key=lambda e: e.at):
            self._events.setdefault(event.user, []).append(event)
        self._zone, self._now = zone, now

    def who(self, tree: Tree | None) -> set[str]:
        """The ids of those who match."""
        return {user for user, events in self._events.items() if tree is None or self._holds(tree, events)}

    def _holds(self, tree: Tree, events: list[Sent]) -> bool:
        match tree:
            case And(parts):
                return all(self._holds(part, events) for part in parts)
            case Or(parts):
                return any(self._holds(part, events) for part in parts)
            case Not(part):
                return not self._holds(part, events)
            case Condition():
                return self._condition(tree, events)

    def _condition(self, condition: Condition, events: list[Sent]) -> bool:
        name, values, days = condition.name, condition.values, condition.days
        own = [e.at for e in events if e.own]
        if name == "source":
            source = first_source(events)
            return any(source.startswith(each[:-1]) if each.endswith("*") else source == each for each in values)
        if name == "stayed":
            return _compared(_days_stayed(own), condition.operator, values)
        if name in FIRST:
            return FIRST[name](events) in values
        if name in LATEST:
            return next((e.get(LATEST[name]) for e in reversed(events) if e.get(LATEST[name])), "") in values
        if name in NUMBERS or name in ("stars", "sessions"):
            number = (
                sum(map(NUMBERS[name], events))
                if name in NUMBERS
                else 0
                if name == "sessions"
                else sum(map(stars, events))
            )
            return _compared(number, condition.operator, values)
        if name in ("paid", "blocked", "telegram_premium"):
            turns = [e.type for e in events if e.type in ("bot_blocked", "bot_unblocked")]
            holds = {
                "paid": any(map(DEEDS["paid"], events)),
                "blocked": turns[-1:] == ["bot_blocked"],
                "telegram_premium": any(e.get("telegram.user.is_premium") for e in events),
            }
            return holds[name] == (values == ("yes",))
        if name in ("new", "active", "last_seen"):
            moments = {"new": own[:1], "active": own, "last_seen": own[-1:] or [events[-1].at]}[name]
            return any(self._lies_in(at, days) for at in moments)
        during = [e for e in events if days is None or self._lies_in(e.at, days)]
        if name == "did":
            return any(DEEDS[deed](e) for deed in values for e in during)
        if name == "command":
            sent = [
                "start" if e.type == "start_command" else e.get("chattrail.command.name")
                for e in during
                if DEEDS["command"](e)
            ]
            return not set(values).isdisjoint(sent)
        return any(
            e.type == "custom"
            and e.get("chattrail.custom.name") in values
            and all(_has(e, each) for each in condition.properties)
            for e in during
        )

    def _lies_in(self, at: datetime, days: Days | None) -> bool:
        assert days is not None
        day = at.astimezone(self._zone).date()
        today = self._now.astimezone(self._zone).date()
        if days.count:
            return 0 <= (today - day).days < days.count
        return (days.first is None or days.first <= day) and (days.last is None or day <= days.last)


def _days_stayed(own: list[datetime]) -> int:
    """From the quarter of an hour of the first one."""
    return (own[-1] - datetime.fromtimestamp(own[0].timestamp() // 900 * 900, UTC)).days if own else 0


def _has(event: Sent, wanted: Property) -> bool:
    value: Any = event.extra.get(f"chattrail.property.{wanted.name}")
    if value is None:
        return False
    if wanted.operator == ":":
        return str(value) in wanted.values
    try:
        return _compared(float(value), wanted.operator, wanted.values)
    except ValueError:
        return False


def _compared(number: float, operator: str, values: tuple[str, ...]) -> bool:
    wanted = [float(value) for value in values]
    compare: dict[str, Callable[[float], bool]] = {
        ":": lambda n: n in wanted,
        ">": lambda n: n > wanted[0],
        ">=": lambda n: n >= wanted[0],
        "<": lambda n: n < wanted[0],
        "<=": lambda n: n <= wanted[0],
    }
    return compare[operator](number)
