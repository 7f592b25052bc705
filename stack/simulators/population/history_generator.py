"""What the bot would have recorded when a person plays a script: the events of each act, as its handlers track them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bot.content.personas import Persona, Story, load_cast
from bot.content.plans import PLANS
from bot.content.texts import Html, Say
from chattrail import events
from stack.simulators.population.history_event import ANSWERS, Happening
from stack.simulators.population.population import Member
from stack.simulators.population.script import Act, Step
from stack.simulators.telegram.entities import parse

IDLE = timedelta(hours=6)
PERSON_SECONDS = 16.0
"""What a pause of 1 in a script means in the past."""
PROVIDER, MODEL = "scripted", "scripted-1"
ANSWER_FAILS, PICTURE_FAILS, HANDLER_FAILS = 0.012, 0.05, 0.002
ERRORS = ("timeout", "timeout", "rate_limited", "server_error")
PICTURE_ERRORS = ("timeout", "content_policy", "server_error")
VIEWS = ("wide view", "close view")


class Retelling:
    """One person's chat as it goes on, script after script."""

    def __init__(self, member: Member) -> None:
        self.happened: list[Happening] = []
        self._member = member
        self._say = Say(member.language)
        self._chance = member.chance("past")
        self._now = datetime.min.replace(tzinfo=UTC)
        self._message_id = member.number % 7 * 31
        self._update = 0
        self._persona: Persona | None = None
        self._story: Story | None = None
        self._messages = 0
        self._pictures = 0
        self._image_id: str | None = None
        self._plan = ""
        self._charge: tuple[str, float, str] | None = None
        self._offered_personas = False
        self._acts: dict[Act, Callable[[Step], None]] = {
            Act.START: self._start, Act.PERSONA: self._choose_persona, Act.STORY: self._choose_story,
            Act.SAY: self._talk, Act.SHOW: self._show, Act.PICTURE: self._ask_picture, Act.AGAIN: self._another,
            Act.CLEAR: self._clear, Act.HELP: self._help, Act.OFFER: self._offer, Act.PAY: self._pay,
            Act.DECLINE: lambda step: None, Act.REFUND: self._refund,
            Act.BLOCK: lambda step: self._note(events.BotBlocked()),
            Act.UNBLOCK: lambda step: self._note(events.BotUnblocked()),
        }  # fmt: skip

    def play(self, at: datetime, steps: list[Step]) -> None:
        """Do the steps of a visit that begins at a moment, or when the visit before is over."""
        self._now = max(at, self._now)
        for step in steps:
            self._acts[step.act](step)
            self._now += timedelta(seconds=step.pause * PERSON_SECONDS)

    def _note(self, event: events.Event, *, message: bool = False, pressed: bool = False) -> None:
        """Write an event down: of a new `message`, of a button `pressed` under the newest one, or of none."""
        self._message_id += message
        answers = isinstance(event, ANSWERS) or (isinstance(event, events.PremiumAction) and event.action == "offered")
        self._update += not answers
        self.happened.append(
            Happening(
                at=self._now,
                member=self._member,
                event=event,
                update=self._update,
                message_id=self._message_id if message or pressed else None,
                persona_id=self._persona.id if self._persona else "",
                story_id=self._story.id if self._story else "",
            )
        )
        self._now += timedelta(milliseconds=1)

    def _answer(self, key: str, **values: object) -> None:
        self._now += timedelta(milliseconds=self._chance.uniform(60, 220))
        text, _ = parse(self._say(key, **values), "HTML")
        self._note(events.AiMessage(text=text, length=len(text)), message=True)

    def _start(self, step: Step) -> None:
        returning = bool(self.happened)
        self._note(events.StartCommand(payload=step.text or None, returning=returning), message=True)
        name = self._member.name.partition(" ")[0]
        if self._persona and self._story:
            title, persona = self._story.title[self._say.language], self._persona.name[self._say.language]
            self._answer("start.back", name=name, persona=persona, story=title)
        else:
            self._answer("start.again" if returning else "start.welcome", name=name)
            self._offered_personas = True

    def _choose_persona(self, step: Step) -> None:
        if not self._offered_personas:
            self._note(events.Command(name="personas"), message=True)
            self._answer("persona.choose")
            self._now += timedelta(seconds=step.pause * PERSON_SECONDS)
        personas = load_cast().personas
        # Squaring makes some personas better liked than others.
        self._persona = persona = personas[int(step.pick**2 * len(personas))]
        self._story, self._messages, self._offered_personas = None, 0, False
        self._note(events.PersonaSelected(persona_id=persona.id, name=persona.name["en"]), pressed=True)
        self._answer("persona.card", name=persona.name[self._say.language], tagline=persona.tagline[self._say.language])

    def _choose_story(self, step: Step) -> None:
        if self._persona is None:
            return
        self._story = story = self._persona.stories[int(step.pick**1.5 * len(self._persona.stories))]
        self._note(events.StorySelected(story_id=story.id, name=story.title["en"]), pressed=True)
        language = self._say.language
        self._answer("story.opening", title=story.title[language], opening=Html(story.opening[language]))

    def _talk(self, step: Step) -> None:
        before = self.happened[-1].at if self.happened else self._now
        self._note(events.UserMessage(text=step.text, length=len(step.text)), message=True)
        if self._persona is None or self._story is None:
            self._answer("chat.choose_first")
            self._offered_personas = True
            self._choose_persona(step)
            self._choose_story(step)
            self._note(events.UserMessage(text=step.text, length=len(step.text)), message=True)
        elif self._now - before > IDLE:
            self._continue(self._now - before)
        self._answer_as_persona(step)

    def _continue(self, idle: timedelta) -> None:
        assert self._persona is not None
        assert self._story is not None
        language = self._say.language
        persona, story = self._persona.name[language], self._story.title[language]
        away = self._say("away.days", n=idle.days) if idle.days else self._say("away.hours", n=idle.seconds // 3600)
        self._answer("continue.ask", away=away, persona=persona, story=story)
        self._now += timedelta(seconds=self._chance.uniform(2, 20))
        self._note(events.ChatContinued(idle_s=round(idle.total_seconds(), 1)), pressed=True)

    def _answer_as_persona(self, step: Step) -> None:
        assert self._persona
        chance, took = self._chance, self._chance.lognormvariate(6.7, 0.45)
        self._now += timedelta(milliseconds=took)
        asked = events.AiMessage(provider=PROVIDER, request_model=MODEL, duration_ms=round(took, 1))
        if chance.random() < HANDLER_FAILS:
            error = events.HandlerFailed(error_type="TelegramNetworkError", message="Request timeout error")
            self._note(replace(error, handler="bot.handlers.chat.talk"))
            self._answer("errors.unhandled")
            return
        if chance.random() < ANSWER_FAILS:
            text = self._say("chat.failed")
            self._note(replace(asked, text=text, length=len(text), error_type=chance.choice(ERRORS)), message=True)
            return
        text = step.answer
        if chance.random() < 0.45:
            text = f"{chance.choice(self._persona.gestures[self._say.language]).strip('*')}\n{text}"
        if chance.random() < 0.3:
            text = f"{text} {chance.choice(self._persona.questions[self._say.language])}"
        self._messages += 2
        read = self._messages * 9 + len(step.text.split())
        answered = replace(asked, text=text, length=len(text), response_model=MODEL)
        self._note(replace(answered, input_tokens=read, output_tokens=len(text.split())), message=True)

    def _show(self, step: Step) -> None:
        self._note(events.UserMessage(kind=step.text, length=0), message=True)
        self._answer("chat.only_text")

    def _ask_picture(self, step: Step) -> None:
        if self._story is None:
            return
        label = self._say.plain("image.button")
        self._note(events.UserMessage(text=label, kind="button", length=len(label)), pressed=True)
        self._paint()

    def _another(self, step: Step) -> None:
        if self._story is None or self._image_id is None:
            return
        self._note(events.ImageRefresh(image_id=self._image_id), pressed=True)
        self._paint()

    def _paint(self) -> None:
        assert self._persona is not None
        assert self._story is not None
        took = self._chance.lognormvariate(8.1, 0.4)
        self._now += timedelta(milliseconds=took)
        moment, view = self._chance.choice(self._story.moments), self._chance.choice(VIEWS)
        prompt = f"{moment}, {view}, {self._story.setting}; {self._persona.look}"
        picture = events.ImageGenerated(prompt=prompt, duration_ms=round(took, 1))
        if self._chance.random() < PICTURE_FAILS:
            self._note(replace(picture, error_type=self._chance.choice(PICTURE_ERRORS)))
            self._answer("image.failed")
            return
        self._pictures += 1
        self._image_id = f"{self._member.id:x}{self._pictures:06x}"
        self._note(replace(picture, image_id=self._image_id, content_type="image/png"), message=True)

    def _clear(self, step: Step) -> None:
        self._note(events.Command(name="clear"), message=True)
        if not self._messages:
            self._answer("clear.nothing")
            return
        self._answer("clear.ask", n=self._messages)
        if step.pick < 0.8:
            self._note(events.ChatCleared(messages=self._messages), pressed=True)
            self._persona, self._story, self._messages, self._image_id = None, None, 0, None
            self._answer("persona.choose")
            self._offered_personas = True

    def _help(self, step: Step) -> None:
        self._note(events.Command(name="help"), message=True)
        self._answer("help.text")

    def _offer(self, step: Step) -> None:
        self._note(events.Command(name="premium"), message=True)
        self._note(events.PremiumAction(action="offered"))
        self._answer("premium.intro")
        self._now += timedelta(seconds=step.pause * PERSON_SECONDS)
        # The dearest plan is rarely chosen.
        self._plan = list(PLANS)[int(step.pick**2.5 * len(PLANS))]
        self._note(self._premium("invoice_sent"), message=True)

    def _pay(self, step: Step) -> None:
        plan = PLANS[self._plan]
        charge = f"stx{self._member.chance('charge', self._now).getrandbits(128):032x}"
        self._charge = (charge, float(plan.stars), plan.id)
        self._note(replace(self._premium("paid"), charge_id=charge), message=True)
        self._answer("premium.thanks", date=f"{self._now + timedelta(days=plan.days):%Y-%m-%d}")

    def _refund(self, step: Step) -> None:
        if self._charge is None:
            return
        charge, stars, plan = self._charge
        self._charge = None
        self._now += timedelta(minutes=self._chance.uniform(2, 25))
        refund = events.PremiumAction(action="refunded", plan=plan, amount=stars, currency="XTR", charge_id=charge)
        self._note(refund, message=True)
        self._answer("premium.refunded", amount=int(stars))

    def _premium(self, action: str) -> events.PremiumAction:
        plan = PLANS[self._plan]
        return events.PremiumAction(action=action, plan=plan.id, amount=float(plan.stars), currency="XTR")
