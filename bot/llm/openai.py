"""Backends for any server that speaks OpenAI's API: OpenAI, vLLM, Ollama, llama.cpp, OpenRouter…"""

import asyncio
import base64
import io
from typing import Any

from PIL import Image

from bot.llm.base import Completion, GeneratedImage, LlmError, Step, Turn, encodable
from bot.llm.provider import Provider

_MAX_PROMPT = 4000
_MAX_BYTES = 10_000_000  # Telegram takes no larger photo
_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}
_LANGUAGES = {"en": "English", "ru": "Russian"}
_TEMPERATURE = {Step.DIALOGUE: 0.9, Step.SCENE: 0.7, Step.IMAGE_PROMPT: 0.5}


class OpenAiCompatible:
    """Calls `chat/completions` below the base URL."""

    def __init__(self, provider: Provider, *, model: str, max_tokens: int) -> None:
        self.provider, self.model = provider.name, model
        self._http, self._max_tokens = provider, max_tokens

    async def complete(self, step: Step, turn: Turn, *, scene: str = "") -> Completion:
        """Do one step by the model."""
        request = {"messages": _messages(step, turn, scene), "temperature": _TEMPERATURE[step]}
        answer = await self._http.post(
            "chat/completions", {"model": self.model, "max_tokens": self._max_tokens, **request}
        )
        usage, model = answer.get("usage"), answer.get("model")
        usage = usage if isinstance(usage, dict) else {}
        return Completion(
            text=self._text(answer),
            response_model=model if isinstance(model, str) else None,
            input_tokens=_count(usage.get("prompt_tokens")),
            output_tokens=_count(usage.get("completion_tokens")),
        )

    def _text(self, answer: dict[str, Any]) -> str:
        try:
            choice = answer["choices"][0]
            text = choice["message"]["content"]
        except (KeyError, IndexError, TypeError):
            raise LlmError("malformed_response", f"{self.provider} answered without a message") from None
        if isinstance(text, str) and text.strip():
            return encodable(text.strip())
        if choice.get("finish_reason") == "content_filter":
            raise LlmError("content_filter", f"{self.provider} filtered its answer")
        raise LlmError("empty_response", f"{self.provider} answered with an empty message")


def _count(value: object) -> int | None:
    return value if type(value) is int and value >= 0 else None


async def openai_image(prompt: str, *, provider: Provider, model: str, size: str) -> GeneratedImage:
    """Request one image from `images/generations` below the base URL, as base64 or an address, and check that it is one."""
    request = {"model": model, "prompt": prompt[:_MAX_PROMPT], "n": 1, "size": size}
    answer = await provider.post("images/generations", request)
    try:
        entry = answer["data"][0]
        encoded, url = entry.get("b64_json"), entry.get("url")
        data = base64.b64decode(encoded, validate=True) if isinstance(encoded, str) else await provider.get(url)
    except (KeyError, IndexError, TypeError, AttributeError):
        raise LlmError("malformed_response", f"{provider.name} answered without an image") from None
    except ValueError:
        raise LlmError("malformed_response", f"{provider.name} sent broken base64") from None
    if len(data) > _MAX_BYTES:
        raise LlmError("too_large", f"{provider.name} made an image larger than Telegram takes")
    try:
        return GeneratedImage(data, await asyncio.to_thread(_content_type, data))
    except (Image.DecompressionBombError, OSError, SyntaxError, ValueError):
        raise LlmError("malformed_response", f"{provider.name} sent bytes that are not an image") from None


def _content_type(data: bytes) -> str:
    with Image.open(io.BytesIO(data), formats=list(_TYPES)) as image:
        image.verify()
        return _TYPES[str(image.format)]


def _messages(step: Step, turn: Turn, scene: str) -> list[dict[str, str]]:
    """Build the chat messages for a step."""
    chat = [_message("system", _role(turn)), *(_message(line.role, encodable(line.text)) for line in turn.history)]
    match step:
        case Step.DIALOGUE:
            return chat
        case Step.SCENE:
            ask = (
                "Step out of the role. In one English sentence, describe what a camera would see at this moment of the "
                f"story: place, light, weather, people. Give view number {turn.variation + 1} of it."
            )
            return [*chat, _message("user", ask)]
        case Step.IMAGE_PROMPT:
            system = (
                "You write prompts for an image model. Answer with the prompt only: at most 60 words, "
                "concrete nouns, light and colours, no names of living people or artists, nothing unsafe."
            )
            ask = f"Scene: {scene}\nThe main character: {turn.persona.look}"
            return [_message("system", system), _message("user", ask)]


def _message(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def _role(turn: Turn) -> str:
    return (
        f"You are {turn.persona.name['en']}, {turn.persona.manner}. "
        f"The story: {turn.story.setting}. It began with your words: {turn.story.opening[turn.language]}\n"
        f"Stay in the role, answer in {_LANGUAGES[turn.language]} in one to four sentences, without markup except *gestures* "
        "between asterisks. Keep it friendly and suitable for everyone; if somebody is in danger, leave the role and "
        "point to real help."
    )
