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

    def describe(self, person: Person) -> dict[str, AttributeValue]:
        """Return the attributes about the person that may be sent."""
        named: dict[str, object] = {"telegram.user.username": person.username, "telegram.user.name": person.name}
        common: dict[str, object] = {
            "telegram.user.language_code": person.language_code,
            "telegram.user.is_premium": person.is_premium,
        }
        sent = common if self.key is not None else named | common
        return {name: sanitize(value) for name, value in sent.items() if value is not None and value != ""}

    def hides(self, chat: Chat) -> bool:
        """Tell whether the chat's id must stay here: a private chat's id is the person's."""
        return self.key is not None and chat.type == "private"
