"""The offline backends: small talk from a corpus in the persona's manner, and landscapes. A seed repeats their answers."""

import asyncio
import hashlib
import random

from bot.content.images import CONTENT_TYPE, image_for
from bot.llm.base import Completion, GeneratedImage, Step, Turn
from bot.llm.corpus import answers_to, words

_VIEWS = ("wide view", "close view", "seen from above", "quiet moment", "soft focus", "long shadows", "after the rain")


class Scripted:
    """Answers without a network. It costs no money, so it counts words as tokens."""

    provider = "scripted"
    model = "scripted-1"

    def __init__(self, seed: int) -> None:
        self._seed = seed

    async def complete(self, step: Step, turn: Turn, *, scene: str = "") -> Completion:
        """Do one step from the corpus and the persona's own lines."""
        match step:
            case Step.DIALOGUE:
                text = await asyncio.to_thread(self._dialogue, turn)
            case Step.SCENE:
                text = self._scene(turn)
            case Step.IMAGE_PROMPT:
                text = f"{scene}; {turn.persona.look}"
        read = sum(len(words(line.text)) for line in turn.history)
        return Completion(text, response_model=self.model, input_tokens=read, output_tokens=len(words(text)))

    def _dialogue(self, turn: Turn) -> str:
        language, persona = turn.language, turn.persona
        said = turn.history[-1].text if turn.history else ""
        chance = self._chance("dialogue", persona.id, str(len(turn.history)), said)
        spoken = [line.text for line in turn.history if line.role == "assistant"]
        if answers := answers_to(said, language):
            core = _sentence(chance.choice(answers))
        else:
            core = _unused(chance, persona.musings[language], spoken)
        parts = [core]
        if chance.random() < 0.5:
            parts.insert(0, _unused(chance, persona.gestures[language], spoken))
        if "?" not in core and chance.random() < 0.6:
            parts.append(_unused(chance, persona.questions[language], spoken))
        return " ".join(parts)

    def _scene(self, turn: Turn) -> str:
        chance = self._chance("scene", turn.story.id, str(len(turn.history)))
        moment, view = (
            options[(chance.randrange(len(options)) + turn.variation) % len(options)]
            for options in (turn.story.moments, _VIEWS)
        )
        return f"{moment}, {view}, {turn.story.setting}, moment {len(turn.history)}.{turn.variation}"

    def _chance(self, *of: str) -> random.Random:
        # hash() differs between processes; this does not.
        digest = hashlib.sha256("\x1f".join((str(self._seed), *of)).encode("utf-8", "replace")).digest()
        return random.Random(digest)


def _unused(chance: random.Random, lines: list[str], spoken: list[str]) -> str:
    """Choose a line that is not in this chat yet, if any is left."""
    unused = [line for line in lines if not any(line in earlier for earlier in spoken)]
    return chance.choice(unused or lines)


def _sentence(text: str) -> str:
    """Give a line a capital and a full stop, which the corpus often lacks."""
    text = text.strip()
    text = text[:1].upper() + text[1:]
    return text if text[-1:] in ".?!…\"'" else f"{text}."


async def offline_image(prompt: str, *, seed: int) -> GeneratedImage:
    """Return the landscape that fits the prompt best, the same for the same prompt and seed."""
    return GeneratedImage(await asyncio.to_thread(image_for, prompt, seed), CONTENT_TYPE)
