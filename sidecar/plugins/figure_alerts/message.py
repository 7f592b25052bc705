"""The words of an alert, from a rule's state as `GET /api/analytics/alerts` gives it (docs/api.md)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {
        "begins": "Alert: {name}", "over": "Over: {name}",
        "up_to": "up to {high} is normal", "from": "{low} and more is normal", "between": "{low} to {high} is normal",
        "away": "Chattrail: figures are not watched, {reason}.", "back": "Chattrail: figures are watched again.",
        "people": "People", "new_people": "New people", "messages": "Messages", "bot_messages": "Bot messages",
        "answers": "AI answers", "pictures": "Pictures", "stars": "Stars", "payments": "Payments",
        "ai_failures": "Failed answers", "picture_failures": "Failed pictures", "failures": "Errors in the bot",
        "blocked": "Blocked the bot",
    },
    "ru": {
        "begins": "Оповещение: {name}", "over": "Закончилось: {name}",
        "up_to": "норма — до {high}", "from": "норма — от {low}", "between": "норма — от {low} до {high}",
        "away": "Chattrail: за показателями никто не следит, {reason}.", "back": "Chattrail: за показателями снова следят.",
        "people": "Люди", "new_people": "Новые люди", "messages": "Сообщения", "bot_messages": "Сообщения бота",
        "answers": "Ответы ИИ", "pictures": "Картинки", "stars": "Звёзды", "payments": "Платежи",
        "ai_failures": "Неудачные ответы", "picture_failures": "Неудачные картинки", "failures": "Ошибки в боте",
        "blocked": "Заблокировали бота",
    },
}  # fmt: skip


def alert(state: Mapping[str, Any], timezone: str, language: str, public_url: str | None) -> str:
    """The text of an alert that begins or is over. Raises KeyError, TypeError and ValueError for other JSON."""
    words, zone = WORDS[language], ZoneInfo(timezone)
    start, end = (datetime.fromisoformat(state[name]).astimezone(zone) for name in ("from", "to"))
    when = start.strftime("%d.%m.%Y" if language == "ru" else "%Y-%m-%d")
    if state["window"] == "1h":
        when += f" {start:%H:%M}–{end:%H:%M}"
    low, high = (None if state[name] is None else _number(state[name], language) for name in ("low", "high"))
    lines = [
        words["begins" if state["holds"] else "over"].format(name=state["name"]),
        f"{words[state['figure']]}: {_number(state['value'], language)} ({when})",
    ]
    if low is not None or high is not None:
        kind = "between" if low is not None and high is not None else "up_to" if low is None else "from"
        lines.append(words[kind].format(low=low, high=high))
    if public_url:
        day = start.date().isoformat()
        asked = {"from": day, "to": day, "bot": state["bot"], "filter": state["filter"]}
        shown = {name: value for name, value in asked.items() if value}
        lines.append(f"{public_url.rstrip('/')}/analytics?{urlencode(shown)}")
    return "\n".join(lines)


def _number(value: float, language: str) -> str:
    written = f"{round(value, 1):,}".removesuffix(".0")
    return written.replace(",", "\u00a0").replace(".", ",") if language == "ru" else written
