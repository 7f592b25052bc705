"""What one can react with (https://core.telegram.org/bots/api#reactiontypeemoji)."""

from collections.abc import Sequence

from stack.simulators.telegram.wire import Json

BOT_MOST = 1
EMOJI = frozenset(
    """
    ❤ 👍 👎 🔥 🥰 👏 😁 🤔 🤯 😱 🤬 😢 🎉 🤩 🤮 💩 🙏 👌 🕊 🤡 🥱 🥴 😍 🐳 ❤‍🔥
    🌚 🌭 💯 🤣 ⚡ 🍌 🏆 💔 🤨 😐 🍓 🍾 💋 🖕 😈 😴 😭 🤓 👻 👨‍💻 👀 🎃 🙈 😇 😨
    🤝 ✍ 🤗 🫡 🎅 🎄 ☃ 💅 🤪 🗿 🆒 💘 🙉 🦄 😘 💊 🙊 😎 👾 🤷‍♂ 🤷 🤷‍♀ 😡
    """.split()  # noqa: SIM905 - a list of 73 strings is no better to read
)


def reaction(emoji: str) -> Json:
    """Return the ReactionType object of an emoji, or of `custom:<id>`."""
    if emoji.startswith("custom:"):
        return {"type": "custom_emoji", "custom_emoji_id": emoji.removeprefix("custom:")}
    return {"type": "emoji", "emoji": emoji}


def words(reactions: Sequence[Json]) -> str:
    """Return reactions as they stand in a record: emoji, or `custom:<id>`, separated by spaces."""
    return " ".join(one.get("emoji") or f"custom:{one.get('custom_emoji_id')}" for one in reactions)
