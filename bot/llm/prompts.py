"""The words in which a language model is asked for each step."""

from bot.llm.base import Step, Turn, encodable

Message = dict[str, str]
_LANGUAGES = {"en": "English", "ru": "Russian"}


def messages(step: Step, turn: Turn, scene: str) -> list[Message]:
    """Build the chat messages for a step."""
    match step:
        case Step.DIALOGUE:
            return [{"role": "system", "content": _role(turn)}, *_history(turn)]
        case Step.SCENE:
            return [
                {"role": "system", "content": _role(turn)},
                *_history(turn),
                {
                    "role": "user",
                    "content": "Step out of the role. In one English sentence, describe what a camera would see at this "
                    f"moment of the story: place, light, weather, people. Give view number {turn.variation + 1} of it.",
                },
            ]
        case Step.PICTURE_PROMPT:
            return [
                {
                    "role": "system",
                    "content": "You write prompts for an image model. Answer with the prompt only: at most 60 words, "
                    "concrete nouns, light and colours, no names of living people or artists, nothing unsafe.",
                },
                {"role": "user", "content": f"Scene: {scene}\nThe main character: {turn.persona.look}"},
            ]


def _role(turn: Turn) -> str:
    return (
        f"You are {turn.persona.name['en']}, {turn.persona.manner}. "
        f"The story: {turn.story.setting}. It began with your words: {turn.story.opening[turn.language]}\n"
        f"Stay in the role, answer in {_LANGUAGES[turn.language]} in one to four sentences, without markup except *gestures* "
        "between asterisks. Keep it friendly and suitable for everyone; if somebody is in danger, leave the role and "
        "point to real help."
    )


def _history(turn: Turn) -> list[Message]:
    return [{"role": line.role, "content": encodable(line.text)} for line in turn.history]
