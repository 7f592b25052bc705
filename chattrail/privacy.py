"""The privacy switches: message texts off, and people known by a keyed hash only."""

import hmac
from dataclasses import dataclass

from chattrail.context import Chat, Person
from chattrail.sanitize import AttributeValue, sanitize

MIN_KEY = 16


@dataclass(frozen=True, slots=True)
class Privacy:
    """What may leave the bot. `key` turns user ids into HMAC-SHA256, so a trail holds together but names nobody."""

    message_text: bool = True
    key: bytes | None = None

    def __post_init__(self) -> None:
        if self.key is not None and len(self.key) < MIN_KEY:
            raise ValueError(
                f"hash_user_ids_with is {len(self.key)} bytes long: a key needs {MIN_KEY} or more, or the few billion "
                "Telegram ids can be tried out; make one with secrets.token_bytes(32) and keep it"
            )

    def user_id(self, person: Person) -> str:
        """Return what stands for the person in `user.id`."""
        plain = str(sanitize(person.id))
        return plain if self.key is None else hmac.digest(self.key, plain.encode(), "sha256").hex()

    def describe(self, person: Person, attributes: dict[str, AttributeValue]) -> None:
        """Add the attributes about the person that may be sent."""
        if self.key is None:
            if person.username is not None and person.username != "":
                attributes["telegram.user.username"] = sanitize(person.username)
            if person.name is not None and person.name != "":
                attributes["telegram.user.name"] = sanitize(person.name)
        if person.language_code is not None and person.language_code != "":
            attributes["telegram.user.language_code"] = sanitize(person.language_code)
        if person.is_premium is not None:
            attributes["telegram.user.is_premium"] = sanitize(person.is_premium)

    def hides(self, chat: Chat) -> bool:
        """Tell whether the chat's id must stay here: a private chat's id is the person's."""
        return self.key is not None and chat.type == "private"
