"""A provider to ask, and a turn of a conversation to answer."""

from bot.content.personas import load_personas
from bot.llm.base import Line, Turn
from bot.llm.provider import Provider
from tests.support.fakes.openai_server import KEY


def provider(url: str, *, key: str | None = KEY, timeout: float = 10, attempts: int = 3) -> Provider:
    return Provider(
        base_url=url,
        key=key,
        timeout=timeout,
        attempts=attempts,
        variables="CHATTRAIL_BOT_AI_KEY",
        wait_initial=0.01,
    )


def turn(said: str = "How are you doing?", language: str = "en") -> Turn:
    persona = load_personas().all[0]
    story = persona.stories[0]
    return Turn(persona, story, language, (Line("assistant", story.opening[language]), Line("user", said)))
