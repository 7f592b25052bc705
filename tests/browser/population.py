"""Realistic people for the pages: a fortnight of chats with every type of event, the same ones for the same seed."""

import io
import random
from datetime import datetime, timedelta

from PIL import Image, ImageDraw

from chattrail import events
from chattrail.context import Chat, Person
from chattrail.tracker import Tracker

NAMES = (
    "Ann Marlow", "Виктор Орлов", "Jean-Luc Petit", "Мария Ким", "Tom Okafor", "Léa Fontaine", "مريم حداد", "Noah Weiss",
    "Ольга Берг", "Priya Nair", "Mateo Cruz", "小林 葵", "Greta Lund", "Иван Соколов", "Sam", "Zoë van Dijk",
)  # fmt: skip
PERSONAS = {"luna": "Luna", "captain": "Captain Reyes", "mila": "Мила", "sage": "The Sage"}
STORIES = {"lighthouse": "The lighthouse", "train": "Night train", "garden": "Сад на крыше"}
LINES = (
    "Hi! How was your day?", "Tell me about the sea again.", "I could not sleep, the rain was so loud.",
    "Ha, you remembered!",
    "Что ты видишь из окна?", "Расскажи что-нибудь тёплое.", "What would you do in my place?",
    "Can you describe the harbour at night?",
    "I read the page you mentioned: https://example.org/tides?month=11.",
    "ok", "And then?", "That is beautiful.",
)  # fmt: skip
ANSWERS = (
    "The lamp turns slowly, and every eleven seconds the whole room is gold. Sit down, I kept the tea warm.",
    "Of course I remembered. You said the gulls sounded like a door that wants oil.",
    "Rain is only the sky typing. What did it write to you?",
    "Вижу мокрые крыши, одно жёлтое окно и кота, который уверен, что город построен для него.",
    "Then we wait for the tide. It comes in at four, and with it the boat I mentioned. Until then I can show you "
    "the map: here is the old pier, here the baker who lets me have the burnt rolls, and here is where you left your hat.",
    "Maybe. Ask me again tomorrow.",
)  # fmt: skip
PROMPTS = (
    "harbour at night, warm lamp light, oil painting",
    "rooftop garden after rain, a cat, morning",
    "night train, window seat",
)
COMMANDS = ("help", "premium", "clear", "language", "settings")


def drawn_image(random_: random.Random, size: tuple[int, int] = (384, 288)) -> bytes:
    """A small painted landscape as PNG."""
    image = Image.new("RGB", size)
    draw = ImageDraw.Draw(image)
    hue = random_.random() * 360
    for y in range(size[1]):
        draw.line((0, y, size[0], y), fill=f"hsl({(hue + y * 0.2) % 360:.0f}, 45%, {70 - y * 40 // size[1]}%)")
    for layer in range(4):
        base = size[1] * (0.5 + layer * 0.13)
        points = [(x, base + random_.uniform(-18, 18)) for x in range(0, size[0] + 48, 48)]
        draw.polygon([(0, size[1]), *points, (size[0], size[1])], fill=f"hsl({hue:.0f}, 30%, {38 - layer * 8}%)")
    left, top = random_.uniform(60, 320), random_.uniform(30, 110)
    draw.ellipse((left, top, left + 44, top + 44), fill=f"hsl({(hue + 40) % 360:.0f}, 85%, 85%)")
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()


class Chatter:
    """One person talking to the bot through a tracker."""

    def __init__(self, tracker: Tracker, number: int, seed: int) -> None:
        self.random = random.Random(f"{seed}-{number}")
        name = NAMES[number % len(NAMES)] + (f" {number // len(NAMES) + 1}" if number >= len(NAMES) else "")
        nick = f"user{number}" if self.random.random() < 0.7 else None
        language = self.random.choice(("en", "en", "ru", "ru", "fr", "pt-br", "ar"))
        self.person = Person(10_000 + number * 7, nick, name, language, self.random.random() < 0.15)
        self.tracker, self.number, self.message_id = tracker, number, 100
        self.persona: str | None = None
        self.story: str | None = None

    def live(self, start: datetime, until: datetime) -> None:
        """Begin at `start` and chat in sittings until `until`."""
        self.at = start
        self._do(events.StartCommand(payload="autumn" if self.number % 4 == 0 else None, returning=False))
        if self.random.random() < 0.2:
            return
        self._choose()
        while self.at < until:
            self._sit(until)
            self.at += timedelta(hours=self.random.uniform(6, 60))
        if self.number % 11 == 3:
            self.at = min(self.at, until) - timedelta(minutes=1)
            self._do(events.BotBlocked())

    def _choose(self) -> None:
        self.persona = self.random.choice(list(PERSONAS))
        self._do(events.PersonaSelected(persona_id=self.persona, name=PERSONAS[self.persona]), 8)
        self.story = self.random.choice(list(STORIES))
        self._do(events.StorySelected(story_id=self.story, name=STORIES[self.story]), 6)

    def _sit(self, until: datetime) -> None:
        if self.message_id > 130:
            self._do(events.ChatContinued(idle_s=self.random.uniform(20_000, 200_000)), 4)
        for _ in range(self.random.randint(3, 12)):
            if self.at >= until:
                return
            self._do(events.UserMessage(text=self.random.choice(LINES)), self.random.uniform(5, 90))
            if self.random.random() < 0.2:
                self._do(events.UserMessage(text=self.random.choice(LINES)), 3)
            self._answer()
            chance = self.random.random()
            if chance < 0.14:
                self._image()
            elif chance < 0.18:
                self._do(events.Command(name=self.random.choice(COMMANDS)), 15)
            elif chance < 0.21:
                self._do(events.UserMessage(kind=self.random.choice(("photo", "voice", "sticker"))), 20)
            elif chance < 0.23:
                self._do(events.ChatCleared(messages=self.random.randint(4, 60)), 20)
                self._choose()
            elif chance < 0.27:
                self._premium()
            elif chance < 0.28:
                self._do(
                    events.HandlerFailed(error_type="KeyError", message="'scene'", handler="bot.handlers.image"), 2
                )

    def _answer(self) -> None:
        took = self.random.lognormvariate(7.1, 0.5)
        if self.random.random() < 0.03:
            self._do(events.AiMessage(request_model="gpt-5-mini", error_type="timeout", duration_ms=20_000), 20)
            return
        answer = events.AiMessage(
            text=self.random.choice(ANSWERS),
            request_model="gpt-5-mini",
            input_tokens=self.random.randint(300, 2400),
            output_tokens=self.random.randint(20, 220),
            duration_ms=took,
        )
        self._do(answer, took / 1000)

    def _image(self) -> None:
        prompt = self.random.choice(PROMPTS)
        if self.random.random() < 0.1:
            self._do(events.ImageGenerated(prompt=prompt, error_type="content_policy"), 9)
            return
        data = drawn_image(self.random)
        made = events.ImageGenerated(image_id=f"p{self.number}-{self.message_id}", data=data, prompt=prompt)
        self._do(made, 9)
        if self.random.random() < 0.4:
            self._do(events.ImageRefresh(image_id=made.image_id), 12)

    def _premium(self) -> None:
        def action(name: str) -> events.PremiumAction:
            charge = f"ch{self.number}-{self.message_id}" if name in ("paid", "refunded") else None
            return events.PremiumAction(action=name, plan="month", amount=250, currency="XTR", charge_id=charge)

        self._do(action("offered"), 5)
        if self.random.random() < 0.6:
            self._do(action("invoice_sent"), 8)
            if self.random.random() < 0.7:
                self._do(action("paid"), 14)
                if self.random.random() < 0.1:
                    self._do(action("refunded"), 60)

    def _do(self, event: events.Event, seconds: float = 2.0) -> None:
        self.at += timedelta(seconds=seconds)
        self.message_id += 1
        chat = Chat(int(self.person.id))
        place = {"persona_id": self.persona, "story_id": self.story, "message_id": self.message_id}
        self.tracker.track(event, user=self.person, chat=chat, timestamp=self.at, **place)  # type: ignore[arg-type]


def populate(tracker: Tracker, now: datetime, *, people: int = 70, days: int = 14, seed: int = 7) -> None:
    """Let `people` live through the last `days`; the newest events are a few seconds old."""
    chance = random.Random(seed)
    for number in range(people):
        start = now - timedelta(days=chance.uniform(0.05, days))
        Chatter(tracker, number, seed).live(start, now)


def populate_notes(tracker: Tracker, now: datetime) -> None:
    """Three people of a bot without AI, personas and images: it sends notes, takes money, and edits what it sent."""
    for number in range(3):
        person = Person(90_000 + number, f"notes{number}", NAMES[number], "en", False)
        told: tuple[events.Event, ...] = (
            events.StartCommand(),
            events.UserMessage(text="a note"),
            events.BotMessage(text="Kept."),
            events.MessageEdited(text="Kept: a note", side="bot"),
            events.Reaction(emoji="👍", side="person"),
            events.PremiumAction(action="paid", amount=4.99, minor_units=499, currency="USD", charge_id=f"n{number}"),
        )
        for second, event in enumerate(told):
            at = now - timedelta(hours=5, seconds=-second)
            tracker.track(event, user=person, chat=Chat(int(person.id)), timestamp=at, message_id=second)
