"""The events that the bot would have recorded when a person plays a script, as its handlers track them."""

from dataclasses import replace
from datetime import datetime, timedelta

from bot.content.images import CONTENT_TYPE
from bot.content.personas import load_personas
from bot.content.plans import PLANS
from bot.content.texts import Html
from chattrail import events
from stack.simulators.population.history_writer import POLLED, HistoryWriter
from stack.simulators.population.script import Act, Step

IDLE = timedelta(hours=6)
PROVIDER, MODEL = "scripted", "scripted-1"
ANSWER_FAILS, IMAGE_FAILS, HANDLER_FAILS = 0.012, 0.05, 0.002
ERRORS = ("timeout", "timeout", "rate_limited", "server_error")
IMAGE_ERRORS = ("timeout", "content_policy", "server_error")
VIEWS = ("wide view", "close view")
RECORDED_AS: dict[Act, type[events.Event]] = {Act.BLOCK: events.BotBlocked, Act.UNBLOCK: events.BotUnblocked}


class HistoryGenerator(HistoryWriter):
    """Generates one person's chat, script after script. The method `_on_<act>` plays the steps of an act."""

    def play(self, at: datetime, steps: list[Step]) -> None:
        """Play the steps of a visit that begins at a time, or when the visit before is over."""
        self._now = max(at, self._now)
        for step in steps:
            if step.act in RECORDED_AS:
                self._record(RECORDED_AS[step.act]())
            elif step.act != Act.DECLINE:  # Telegram sends the bot nothing about a closed payment form
                getattr(self, f"_on_{step.act}")(step)
            self._wait(step)

    def _on_start(self, step: Step) -> None:
        returning = bool(self.history)
        self._record(events.StartCommand(payload=step.text or None, returning=returning), message=True)
        name = self._member.name.partition(" ")[0]
        if self._persona and self._story:
            self._answer("start.back", name=name, **self._say.names(self._persona, self._story))
        else:
            self._answer("start.again" if returning else "start.welcome", name=name)
            self._offered_personas = True

    def _on_persona(self, step: Step) -> None:
        if not self._offered_personas:
            self._command("personas")
            self._answer("persona.choose")
            self._wait(step)
        personas = load_personas().all
        # Squaring makes some personas more popular than others.
        persona = personas[int(step.pick**2 * len(personas))]
        self._press(persona.name[self._say.language])
        self._persona = persona
        self._story, self._messages, self._offered_personas = None, 0, False
        self._record(events.PersonaSelected(persona_id=persona.id, name=persona.name["en"]), tracked=True)
        self._answer("persona.card", name=persona.name[self._say.language], tagline=persona.tagline[self._say.language])

    def _on_story(self, step: Step) -> None:
        if self._persona is None:
            return
        story = self._persona.stories[int(step.pick**1.5 * len(self._persona.stories))]
        self._press(story.title[self._say.language])
        self._story = story
        self._record(events.StorySelected(story_id=story.id, name=story.title["en"]), tracked=True)
        language = self._say.language
        self._answer("story.opening", title=story.title[language], opening=Html(story.opening[language]))
        if self._besides.random() < POLLED:
            self._ask_which_story()

    def _on_say(self, step: Step) -> None:
        before = self.history[-1].at if self.history else self._now
        message = events.UserMessage(text=step.text, length=len(step.text))
        self._record(message, message=True)
        if self._persona is None or self._story is None:
            self._answer("chat.choose_first")
            self._offered_personas = True
            self._on_persona(step)
            self._on_story(step)
            self._record(message, message=True)
        elif (idle := self._now - before) > IDLE:
            away = self._say("away.days", n=idle.days) if idle.days else self._say("away.hours", n=idle.seconds // 3600)
            self._answer("continue.ask", away=away, **self._say.names(self._persona, self._story))
            self._now += timedelta(seconds=self._chance.uniform(2, 20))
            self._press(self._say.plain("continue.button_continue"))
            self._record(events.ChatContinued(idle_s=round(idle.total_seconds(), 1)), tracked=True)
        said = self._message_id
        self._answer_as_persona(step)
        self._say_besides(step, said)

    def _answer_as_persona(self, step: Step) -> None:
        assert self._persona
        chance, language = self._chance, self._say.language
        answer = events.AiMessage(provider=PROVIDER, request_model=MODEL, duration_ms=self._takes(6.7, 0.45))
        if chance.random() < HANDLER_FAILS:
            error = events.HandlerFailed(error_type="TelegramNetworkError", message="Request timeout error")
            self._record(replace(error, handler="bot.handlers.chat.talk"))
            self._answer("errors.unhandled")
            return
        text = step.answer
        if chance.random() < ANSWER_FAILS:
            text = self._say("chat.failed")
            answer = replace(answer, error_type=chance.choice(ERRORS))
        else:
            if chance.random() < 0.45:
                text = f"{chance.choice(self._persona.gestures[language]).strip('*')}\n{text}"
            if chance.random() < 0.3:
                text = f"{text} {chance.choice(self._persona.questions[language])}"
            self._messages += 2
            read, written = self._messages * 9 + len(step.text.split()), len(text.split())
            answer = replace(answer, response_model=MODEL, input_tokens=read, output_tokens=written)
        self._record(replace(answer, text=text, length=len(text)), message=True)

    def _on_show(self, step: Step) -> None:
        # without an image's id: nothing is kept of what people send here, so nothing is to be shown
        self._record(events.UserMessage(kind=step.text, length=0), message=True)
        self._answer("chat.only_text")

    def _on_image(self, step: Step) -> None:
        self._request_image("image.button")

    def _on_again(self, step: Step) -> None:
        if self._image_id is not None:
            self._request_image("image.again", events.ImageRefresh(image_id=self._image_id))

    def _request_image(self, button: str, tracked: events.Event | None = None) -> None:
        if self._persona is None or self._story is None:
            return
        self._press(self._say.plain(button))
        if tracked is not None:
            self._record(tracked, tracked=True)
        took = self._takes(8.1, 0.4)
        moment, view = self._chance.choice(self._story.moments), self._chance.choice(VIEWS)
        prompt = f"{moment}, {view}, {self._story.setting}; {self._persona.look}"
        image = events.ImageGenerated(prompt=prompt, duration_ms=took)
        if self._chance.random() < IMAGE_FAILS:
            self._record(replace(image, error_type=self._chance.choice(IMAGE_ERRORS)))
            self._answer("image.failed")
            return
        self._images += 1
        self._image_id = f"{self._member.id:x}{self._images:06x}"
        self._record(replace(image, image_id=self._image_id, content_type=CONTENT_TYPE), message=True)

    def _on_clear(self, step: Step) -> None:
        self._command("clear")
        if not self._messages:
            self._answer("clear.nothing")
            return
        self._answer("clear.ask", n=self._messages)
        forgets = step.pick < 0.8
        self._press(self._say.plain("clear.button_yes" if forgets else "clear.button_no"))
        if forgets:
            self._record(events.ChatCleared(messages=self._messages), tracked=True)
        outcome = self._say("clear.done" if forgets else "clear.kept")
        edited = events.MessageEdited(side="bot", text=outcome, kind="text", length=len(outcome), edits=1)
        self._record(edited, tracked=True)
        if forgets:
            self._persona, self._story, self._messages, self._image_id = None, None, 0, None
            self._answer("persona.choose")
            self._offered_personas = True

    def _on_help(self, step: Step) -> None:
        self._command("help")
        self._answer("help.text")

    def _on_offer(self, step: Step) -> None:
        self._command("premium")
        self._record(events.PremiumAction(action="offered"), tracked=True)
        self._answer("premium.intro")
        self._wait(step)
        # The most expensive plan is rarely chosen.
        self._plan = list(PLANS)[int(step.pick**2.5 * len(PLANS))]
        plan = PLANS[self._plan]
        self._press(self._say.plain("premium.button", title=self._say.plain(f"premium.{plan.id}"), amount=plan.stars))
        self._record(self._premium("invoice_sent"), message=True, tracked=True)

    def _on_pay(self, step: Step) -> None:
        charge = f"stx{self._member.chance('charge', self._now).getrandbits(128):032x}"
        self._payment = replace(self._premium("paid"), charge_id=charge)
        self._record(self._payment, message=True)
        self._answer("premium.thanks", date=f"{self._now + timedelta(days=PLANS[self._plan].days):%Y-%m-%d}")

    def _on_refund(self, step: Step) -> None:
        if self._payment is None:
            return
        payment, self._payment = self._payment, None
        self._now += timedelta(minutes=self._chance.uniform(2, 25))
        self._record(replace(payment, action="refunded"), message=True)
        self._answer("premium.refunded", amount=int(payment.amount or 0))

    def _premium(self, action: str) -> events.PremiumAction:
        plan = PLANS[self._plan]
        return events.PremiumAction(action=action, plan=plan.id, amount=float(plan.stars), currency="XTR")
