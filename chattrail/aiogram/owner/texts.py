"""What owners read, in English and Russian; numbers as each language writes them."""

from dataclasses import dataclass
from typing import Literal

Span = Literal["7d", "30d", "90d", "all"]


@dataclass(frozen=True, slots=True)
class Texts:
    """The texts of one language, as HTML."""

    spans: dict[str, str]
    figures: dict[str, str]
    lines: dict[str, str]
    stats_usage: str
    dashboard: str
    find_usage: str
    nobody: str
    person: str
    more: str
    no_answer: str
    thousands: str
    point: str

    def number(self, value: float, digits: int = 0) -> str:
        """Write a number with so many digits behind the point."""
        return f"{value:,.{digits}f}".translate({ord(","): self.thousands, ord("."): self.point})

    def change(self, value: float, previous: float | None) -> str:
        """Write a figure, and by how much it changed where that can be said."""
        if not previous:
            return self.number(value)
        return f"{self.number(value)} ({round((value - previous) / previous * 100):+,d} %)".replace("(+0 %)", "(0 %)")


ENGLISH = Texts(
    spans={"7d": "The last 7 days", "30d": "The last 30 days", "90d": "The last 90 days", "all": "Ever"},
    figures={
        "people": "People",
        "new_people": "New",
        "messages": "Messages",
        "bot_messages": "Bot messages",
        "answers": "AI answers",
        "pictures": "Pictures",
        "stars": "Stars",
    },
    lines={"messages": "from people", "sent": "from the bot", "pictures": "pictures"},
    stats_usage="Usage: /stats, or /stats 30d (7d, 30d, 90d, all).",
    dashboard="The link below opens the dashboard once, until {until} UTC.\n\n{link}",
    find_usage="Usage: /find and a part of a name, a username or an id (up to 100 characters).",
    nobody="Nobody's name, username or id has “{name}” in it.",
    person="messages: {messages}, last seen {seen}",
    more='<a href="{link}">All {total} on the dashboard</a>',
    no_answer="The dashboard at {api} gave no answer ({reason}). Does it run, and are api and token of owner_router right?",
    thousands=",",
    point=".",
)
RUSSIAN = Texts(
    spans={"7d": "Последние 7 дней", "30d": "Последние 30 дней", "90d": "Последние 90 дней", "all": "За всё время"},
    figures={
        "people": "Люди",
        "new_people": "Новые",
        "messages": "Сообщения",
        "bot_messages": "Сообщения бота",
        "answers": "Ответы ИИ",
        "pictures": "Изображения",
        "stars": "Звёзды",
    },
    lines={"messages": "от людей", "sent": "от бота", "pictures": "изображения"},
    stats_usage="Как пользоваться: /stats или /stats 30d (7d, 30d, 90d, all).",
    dashboard="Ссылка ниже откроет панель один раз, до {until} UTC.\n\n{link}",
    find_usage="Как пользоваться: /find и часть имени, имени пользователя или номера (до 100 знаков).",
    nobody="Ни в одном имени, имени пользователя или номере нет «{name}».",
    person="сообщений: {messages}, последний раз {seen}",
    more='<a href="{link}">Все {total} на панели</a>',
    no_answer="Панель по адресу {api} не ответила ({reason}). Запущена ли она, верны ли api и token у owner_router?",
    thousands="\xa0",
    point=",",
)


def texts_for(language_code: str | None) -> Texts:
    """Return the texts for the language of a person's Telegram."""
    return RUSSIAN if (language_code or "").lower().startswith("ru") else ENGLISH
