"""What a person can send, and change afterwards."""

from collections.abc import Sequence

from stack.simulators.telegram.chat_observer import ChatObserver
from stack.simulators.telegram.entities import typed_entities
from stack.simulators.telegram.wire import Json

FOLDERS = {
    "voice": "voice",
    "video": "videos",
    "video_note": "video_notes",
    "audio": "music",
    "animation": "animations",
}


class PersonMessages(ChatObserver):
    """The messages of a person; each method returns the message id."""

    async def send(self, text: str, *, reply_to: int | None = None, entities: Sequence[Json] = ()) -> int:
        """Type a text or a command; formatting is given as entities, as apps send it."""
        found = [*entities, *typed_entities(text)]
        return self._post({"text": text, **({"entities": found} if found else {}), **self._reply(reply_to)})

    async def send_photo(self, data: bytes, caption: str | None = None) -> int:
        """Send a photo, caption optional."""
        content: Json = {"photo": await self._state.files.add_photo(data)}
        return self._post(content | ({"caption": caption} if caption else {}))

    async def send_album(self, photos: Sequence[bytes], caption: str | None = None) -> list[int]:
        """Send photos as one album: as many messages with one media_group_id, the caption under the first."""
        album = {"media_group_id": self._state.album_id()}
        contents = [{"photo": await self._state.files.add_photo(data), **album} for data in photos]
        return [self._post(one | ({"caption": caption} if caption and not n else {})) for n, one in enumerate(contents)]

    async def send_voice(self, data: bytes, duration: int = 3) -> int:
        """Send a voice message (OGG)."""
        return self._send_file("voice", data, "voice", "oga", duration=duration, mime_type="audio/ogg")

    async def send_file(self, kind: str, data: bytes, caption: str | None = None, **facts: object) -> int:
        """Send a video, a video note, music or an animation; `facts` are fields of the file's object."""
        sizes: Json = (
            {"length": 240} if kind == "video_note" else {} if kind == "audio" else {"width": 320, "height": 240}
        )
        file = self._state.files.add(data, FOLDERS[kind], "mp4", {"duration": 3, **sizes, **facts}).as_json
        content: Json = {kind: file, **({"document": file} if kind == "animation" else {})}
        return self._post(content | ({"caption": caption} if caption else {}))

    async def send_document(self, data: bytes, name: str, mime_type: str = "application/octet-stream") -> int:
        """Send a file as it is."""
        extension = name.rpartition(".")[2]
        return self._send_file("document", data, "documents", extension, file_name=name, mime_type=mime_type)

    async def send_sticker(self, data: bytes = b"RIFF\0\0\0\0WEBP", emoji: str = "👍") -> int:
        """Send a sticker."""
        facts: Json = {"type": "regular", "width": 512, "height": 512, "is_animated": False, "is_video": False}
        return self._send_file("sticker", data, "stickers", "webp", **facts, emoji=emoji)

    async def send_dice(self, emoji: str = "🎲", value: int = 4) -> int:
        """Throw a die."""
        return self._post({"dice": {"emoji": emoji, "value": value}})

    async def send_contact(self, phone_number: str, first_name: str) -> int:
        """Share a contact."""
        return self._post({"contact": {"phone_number": phone_number, "first_name": first_name}})

    async def send_location(self, latitude: float, longitude: float) -> int:
        """Share a place."""
        return self._post({"location": {"latitude": latitude, "longitude": longitude}})

    async def send_venue(self, latitude: float, longitude: float, title: str, address: str) -> int:
        """Share a place with a name."""
        location = {"latitude": latitude, "longitude": longitude}
        return self._post({"venue": {"location": location, "title": title, "address": address}, "location": location})

    async def send_poll(self, question: str, options: Sequence[str]) -> int:
        """Send a poll of one's own."""
        return self._post({"poll": self._state.polls.add(question, options, is_anonymous=False).as_json})

    async def send_web_app_data(self, button: str, data: str) -> int:
        """Send what the web app behind a key of the keyboard returns."""
        keys = [key for row in (self.chat.keyboard or {}).get("keyboard", []) for key in row]
        if not any(isinstance(key, dict) and key["text"] == button and "web_app" in key for key in keys):
            raise LookupError(f"no key {button!r} that opens a web app")
        return self._post({"web_app_data": {"data": data, "button_text": button}})

    async def edit(self, message_id: int, text: str) -> None:
        """Change the text or caption of one's message."""
        message = self.chat.messages[message_id]
        if message["from"]["id"] != self.id:
            raise ValueError(f"message {message_id} is not from person {self.id}")
        field = "text" if "text" in message else "caption"
        changed = {name: value for name, value in message.items() if name not in {"entities", "caption_entities"}}
        entities = typed_entities(text)
        changed |= {
            field: text,
            **({"entities" if field == "text" else "caption_entities": entities} if entities else {}),
        }
        self._from_here = self.chat.position
        self._state.edit(self.chat, changed)
        self._state.updates.put(f"edited_{self.chat.update_kind}", changed)

    def _send_file(self, field: str, data: bytes, folder: str, extension: str, **facts: object) -> int:
        return self._post({field: self._state.files.add(data, folder, extension, facts).as_json})

    def _reply(self, message_id: int | None) -> Json:
        if message_id is None:
            return {}
        replied = self.chat.messages[message_id]
        return {"reply_to_message": {k: v for k, v in replied.items() if k != "reply_to_message"}}

    def _post(self, content: Json) -> int:
        self._require_unblocked("write")
        self._from_here = self.chat.position
        return int(self._state.from_person(self.chat, content)["message_id"])

    def _require_unblocked(self, action: str) -> None:
        if self.chat.blocked:
            raise RuntimeError(f"person {self.id} has blocked the bot and must unblock it to {action}")
