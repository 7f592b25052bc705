"""A backend for any server that speaks OpenAI's chat completions: OpenAI, vLLM, Ollama, llama.cpp, OpenRouter…"""

from typing import Any

from bot.llm.base import Completion, LlmError, Step, Turn, encodable
from bot.llm.prompts import messages
from bot.llm.provider import Provider

_TEMPERATURE = {Step.DIALOGUE: 0.9, Step.SCENE: 0.7, Step.IMAGE_PROMPT: 0.5}


class OpenAiCompatible:
    """Calls `chat/completions` below the base URL."""

    def __init__(self, provider: Provider, *, model: str, max_tokens: int) -> None:
        self.provider, self.model = provider.name, model
        self._http, self._max_tokens = provider, max_tokens

    async def complete(self, step: Step, turn: Turn, *, scene: str = "") -> Completion:
        """Do one step by the model."""
        request = {"messages": messages(step, turn, scene), "temperature": _TEMPERATURE[step]}
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

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

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
