"""Photos and other files: sending one or an album, and downloading by file_id."""

import ipaddress
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from stack.simulators.telegram.entities import checked_entities, parse
from stack.simulators.telegram.files import LARGEST_PHOTO
from stack.simulators.telegram.methods.messages import read_extras
from stack.simulators.telegram.wire import Json, Params, Upload, bad_request
from stack.simulators.telegram.world import World, check_length

LONGEST_CAPTION = 1024


def read_caption(caption: str | None, mode: str | None, given: Any) -> Json:
    """Return `caption` and `caption_entities`, checked; empty when there is no caption."""
    given = checked_entities(given)
    text, entities = parse(caption or "", None if given else mode)
    text = text.rstrip() if (given or entities) else text.strip()
    check_length(text, LONGEST_CAPTION, "message caption is too long")
    content: Json = {}
    if text:
        content["caption"] = text
        if given or entities:
            content["caption_entities"] = given or entities
    return content


async def photo_sizes(world: World, upload: Upload | None, reference: str | None) -> list[Json]:
    """Return the sizes of an uploaded photo, of one known by file_id, or of one behind an address."""
    if upload is not None:
        if not upload.data:
            raise bad_request("file must be non-empty")
        return await world.files.add_photo(upload.data)
    if reference is None:
        raise bad_request("there is no photo in the request")
    if reference.startswith(("http://", "https://")):
        return await world.files.add_photo(await _download(reference))
    return world.files.photo(reference)


async def send_photo(world: World, params: Params) -> Json:
    """`sendPhoto`."""
    chat = world.writable_chat(params)
    caption = read_caption(params.text("caption"), params.text("parse_mode"), params.structure("caption_entities"))
    extras = read_extras(world, params, chat.id)
    sizes = await photo_sizes(world, params.upload("photo"), params.text("photo"))
    spoiler: Json = {"has_media_spoiler": True} if params.flag("has_spoiler") else {}
    return world.from_bot(chat, {"photo": sizes, **caption, **spoiler, **extras})


@dataclass(frozen=True, slots=True)
class FileKind:
    """A kind of file that is sent as it is: its folder in download paths, and the facts that go with it."""

    field: str
    folder: str
    facts: Callable[[Params, Upload], Json]
    captioned: bool = True


def _duration(params: Params, upload: Upload) -> Json:
    return {"duration": params.integer("duration") or 0, "mime_type": upload.content_type}


def _picture_size(params: Params, upload: Upload) -> Json:
    return {
        "width": params.integer("width") or 320,
        "height": params.integer("height") or 240,
        **_duration(params, upload),
    }


def _named(params: Params, upload: Upload) -> Json:
    return {"file_name": upload.name, "mime_type": upload.content_type}


def _sticker(params: Params, upload: Upload) -> Json:
    sticker: Json = {"type": "regular", "width": 512, "height": 512, "is_animated": False, "is_video": False}
    return sticker | ({"emoji": params.text("emoji")} if params.text("emoji") else {})


def _round(params: Params, upload: Upload) -> Json:
    return {"length": params.integer("length") or 240, "duration": params.integer("duration") or 0}


KINDS = {
    "sendDocument": FileKind("document", "documents", _named),
    "sendVoice": FileKind("voice", "voice", _duration),
    "sendAudio": FileKind("audio", "music", _duration),
    "sendVideo": FileKind("video", "videos", _picture_size),
    "sendAnimation": FileKind("animation", "animations", _picture_size),
    "sendVideoNote": FileKind("video_note", "video_notes", _round, captioned=False),
    "sendSticker": FileKind("sticker", "stickers", _sticker, captioned=False),
}


def _sender(kind: FileKind) -> Callable[[World, Params], Awaitable[Json]]:
    async def send_file(world: World, params: Params) -> Json:
        chat = world.writable_chat(params)
        upload, reference = params.upload(kind.field), params.text(kind.field)
        if upload is not None:
            extension = upload.name.rpartition(".")[2] or "bin"
            file = world.files.add(upload.data, kind.folder, extension, kind.facts(params, upload))
        elif reference is not None:
            file = world.files.get(reference)
        else:
            raise bad_request(f"there is no {kind.field.replace('_', ' ')} in the request")
        content: Json = {kind.field: file.as_json}
        if kind.captioned:
            given = params.structure("caption_entities")
            content |= read_caption(params.text("caption"), params.text("parse_mode"), given)
        return world.from_bot(chat, {**content, **read_extras(world, params, chat.id)})

    return send_file


async def send_media_group(world: World, params: Params) -> list[Json]:
    """`sendMediaGroup`: an album of 2 to 10 photos."""
    chat = world.writable_chat(params)
    media = params.array("media")
    if media is None or not 2 <= len(media) <= 10:
        raise bad_request("MEDIA_INVALID" if media else "there are no messages to send")
    contents = [await photo_content(world, params, item) for item in media]
    extras = read_extras(world, params, chat.id)
    group = str(world.message_id() + 10_000_000_000)
    return [world.from_bot(chat, {"media_group_id": group, **content, **extras}) for content in contents]


async def photo_content(world: World, params: Params, item: Any) -> Json:
    """Return photo and caption of an InputMediaPhoto."""
    if not isinstance(item, dict) or not item.get("media"):
        raise bad_request("can't parse InputMedia: Can't find field \"media\"")
    if item.get("type") != "photo":
        raise bad_request(f"can't parse InputMedia: type {item.get('type')} is not simulated")
    fields = Params(item)
    media = fields.text("media") or ""
    caption = read_caption(fields.text("caption"), fields.text("parse_mode"), item.get("caption_entities"))
    return {"photo": await photo_sizes(world, params.attached(media), media), **caption}


async def get_file(world: World, params: Params) -> Json:
    """`getFile`: the path under `/file/bot<token>/`."""
    stored = world.files.get(params.text("file_id") or "")
    return {
        "file_id": stored.file_id,
        "file_unique_id": stored.unique_id,
        "file_size": len(stored.data),
        "file_path": stored.path,
    }


async def _download(address: str) -> bytes:
    """Fetch a photo by address, from this machine only: a simulation has no business on the internet."""
    try:
        if not ipaddress.ip_address(urlsplit(address).hostname or "").is_loopback:
            raise ValueError(address)
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session,
            session.get(address, allow_redirects=False) as response,
        ):
            response.raise_for_status()
            return await response.content.read(LARGEST_PHOTO + 1)
    except (ValueError, TimeoutError, aiohttp.ClientError):
        raise bad_request("failed to get HTTP URL content") from None


METHODS: dict[str, Any] = {
    "sendPhoto": send_photo,
    **{name: _sender(kind) for name, kind in KINDS.items()},
    "sendMediaGroup": send_media_group,
    "getFile": get_file,
}
