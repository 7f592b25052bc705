"""The words of a digest, from the figures of a day as `GET /api/analytics/stats` gives them (docs/api.md)."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Final

Stats = Mapping[str, Any]

# What each line is called; a line that has nothing to tell is left out.
WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {
        "title": "Chattrail, {day}",
        "people": "People", "new_people": "New people", "messages": "Messages", "answers": "AI answers",
        "pictures": "Pictures", "payments": "Payments", "revenue": "Revenue", "failed_answers": "Failed answers",
        "blocked": "Blocked the bot", "failures": "Errors in the bot", "dropped": "Events that are lost",
        "nothing": "Nobody did anything.",
    },
    "ru": {
        "title": "Chattrail, {day}",
        "people": "Люди", "new_people": "Новые люди", "messages": "Сообщения", "answers": "Ответы ИИ",
        "pictures": "Картинки", "payments": "Платежи", "revenue": "Выручка", "failed_answers": "Неудачные ответы",
        "blocked": "Заблокировали бота", "failures": "Ошибки в боте", "dropped": "Потерянные события",
        "nothing": "Никто ничего не делал.",
    },
}  # fmt: skip
HEADLINE: Final = ("people", "new_people", "messages", "answers", "pictures")
MOST_GROWTH: Final = 9.99  # beyond it a percentage says no more


def digest(stats: Stats, day: date, language: str, link: str | None) -> str:
    """The text of a day's digest: figures with the change to the day before. Raises KeyError and TypeError for other JSON."""
    words = WORDS[language]
    told = [f"{words[name]}: {value}" for name, value in _lines(stats, language)]
    title = words["title"].format(day=day.strftime("%d.%m.%Y") if language == "ru" else day.isoformat())
    return "\n".join([title, *(told or [words["nothing"]]), *([link] if link else [])])


def _lines(stats: Stats, language: str) -> Iterator[tuple[str, str]]:
    for name in HEADLINE:
        figure = stats["figures"][name]
        if figure["value"] or figure["previous"]:
            yield name, _number(figure["value"], language) + _change(figure["value"], figure["previous"])
    premium = stats["premium"]
    if premium["payments"]:
        yield "payments", _number(premium["payments"], language)
    if sums := [each for each in premium["revenue"] if each["amount"]]:
        yield "revenue", ", ".join(_money(each, language) for each in sums)
    counts = {
        "failed_answers": stats["ai"]["failures"],
        "blocked": stats["blocks"]["blocked"],
        "failures": stats["failures"],
        "dropped": stats["delivery"]["dropped"],
    }
    for name, count in counts.items():
        if count:
            yield name, _number(count, language)


def _number(value: float, language: str, digits: int = 0) -> str:
    written = f"{value:,.{digits}f}"
    return written.replace(",", "\u00a0").replace(".", ",") if language == "ru" else written


def _money(revenue: Mapping[str, Any], language: str) -> str:
    code = "★" if revenue["currency"] == "XTR" else revenue["currency"]
    return f"{_number(revenue['amount'], language, int(revenue['minor_digits']))}\u00a0{code}"


def _change(value: float, before: float | None) -> str:
    """How a figure has changed since the day before; nothing where that had none."""
    if not before:
        return ""
    share = value / before - 1
    if share > MOST_GROWTH:
        return f" (> +{MOST_GROWTH:.0%})"
    return f" ({share:+.0%})".replace("-", "−")
