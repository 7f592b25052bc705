"""The prompts for each step of the pipeline."""

from bot.llm.base import Step, Turn, encodable

Message = dict[str, str]
_LANGUAGES = {"en": "English", "ru": "Russian"}


def messages(step: Step, turn: Turn, scene: str) -> list[Message]:
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


def _message(role: str, content: str) -> Message:
    return {"role": role, "content": content}


def _role(turn: Turn) -> str:
    return (
        f"You are {turn.persona.name['en']}, {turn.persona.manner}. "
        f"The story: {turn.story.setting}. It began with your words: {turn.story.opening[turn.language]}\n"
        f"Stay in the role, answer in {_LANGUAGES[turn.language]} in one to four sentences, without markup except *gestures* "
        "between asterisks. Keep it friendly and suitable for everyone; if somebody is in danger, leave the role and "
        "point to real help."
    )
