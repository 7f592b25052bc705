"""Photos and other files: sizes, downloads, albums, refusals."""

import io
from typing import Any

import aiohttp
import pytest
from aiogram import Bot
from aiogram.exceptions import (
    TelegramBadRequest,
)
from aiogram.types import (
    BufferedInputFile,
    InputMediaPhoto,
)
from PIL import Image

from stack.simulators.telegram.server import TelegramServer
from tests.integration.stack.simulators.telegram.support import TOKEN, keyboard, photo, png, updates


async def test_a_photo_gets_sizes_and_can_be_downloaded_and_sent_again(bot: Bot, ann: Any) -> None:
    sent = await bot.send_photo(1001, photo(width=1600, height=1200), caption="<i>sea</i>", parse_mode="HTML")
    assert sent.photo
    assert [(size.width, size.height) for size in sent.photo] == [(320, 240), (1280, 960)]
    assert sent.caption == "sea"
    file = await bot.get_file(sent.photo[-1].file_id)
    assert file.file_path is not None
    downloaded = await bot.download_file(file.file_path)
    assert downloaded is not None
    data = downloaded.read()
    assert len(data) == file.file_size == sent.photo[-1].file_size
    with Image.open(io.BytesIO(data)) as opened:
        assert (opened.format, opened.size) == ("JPEG", (1280, 960))
    again = await bot.send_photo(1001, sent.photo[-1].file_id)
    assert again.photo == sent.photo
    assert (await ann.wait(lambda m: m.photo, after=0)).caption == "sea"


async def test_people_send_files_that_come_back_byte_for_byte(bot: Bot, ann: Any) -> None:
    await ann.send_document(b"\0\1 bytes \xff", "notes.bin")
    await ann.send_voice(b"OggS voice", duration=4)
    await ann.send_sticker()
    await ann.send_photo(png(), caption="look")
    document, voice, sticker, image = [update.message for update in await updates(bot, offset=-4)]
    assert (document.document.file_name, voice.voice.duration, sticker.sticker.emoji) == ("notes.bin", 4, "👍")
    assert (image.caption, image.photo[-1].width) == ("look", 640)
    downloaded = await bot.download(document.document)
    assert downloaded is not None
    assert downloaded.read() == b"\0\1 bytes \xff"
    sent = await bot.send_document(1001, BufferedInputFile(b"exact", "a.txt"), caption="doc")
    assert sent.document
    again = await bot.download(sent.document)
    assert again is not None
    assert again.read() == b"exact"


async def test_bad_files_are_refused(bot: Bot, telegram: TelegramServer, ann: Any) -> None:
    with pytest.raises(TelegramBadRequest, match="IMAGE_PROCESS_FAILED"):
        await bot.send_photo(1001, BufferedInputFile(b"no picture", "x.png"))
    with pytest.raises(TelegramBadRequest, match="PHOTO_INVALID_DIMENSIONS"):
        await bot.send_photo(1001, photo(width=2100, height=100))
    with pytest.raises(TelegramBadRequest, match="file must be non-empty"):
        await bot.send_photo(1001, BufferedInputFile(b"", "x.png"))
    with pytest.raises(TelegramBadRequest, match="wrong file identifier/HTTP URL specified"):
        await bot.send_photo(1001, "AgACnonsense")
    with pytest.raises(TelegramBadRequest, match="failed to get HTTP URL content"):
        await bot.send_photo(1001, "https://example.com/picture.png")
    with pytest.raises(TelegramBadRequest, match="message caption is too long"):
        await bot.send_photo(1001, photo(), caption="x" * 1025)
    with pytest.raises(TelegramBadRequest, match="wrong file_id or the file is temporarily unavailable"):
        await bot.get_file("AgACnonsense")
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{telegram.url}/file/bot{TOKEN}/photos/file_999.jpg") as response:
            assert response.status == 404
        async with session.get(f"{telegram.url}/file/bot42:NO/photos/file_0.jpg") as response:
            assert response.status == 401


async def test_a_photo_may_lie_behind_an_address_of_this_machine(bot: Bot, telegram: TelegramServer, ann: Any) -> None:
    stored = await bot.send_photo(1001, photo(width=300, height=200))
    assert stored.photo
    path = (await bot.get_file(stored.photo[-1].file_id)).file_path
    sent = await bot.send_photo(1001, f"{telegram.url}/file/bot{TOKEN}/{path}")
    assert sent.photo
    assert (sent.photo[-1].width, sent.photo[-1].height) == (300, 200)


async def test_other_files_are_sent_as_they_are(bot: Bot, ann: Any) -> None:
    file = BufferedInputFile(b"bytes", "f.bin")
    voice = await bot.send_voice(1001, file, duration=4, caption="listen")
    assert voice.voice
    assert (voice.voice.duration, voice.caption) == (4, "listen")
    assert (await bot.send_audio(1001, file)).audio
    video = await bot.send_video(1001, file, width=20, height=10)
    assert video.video
    assert (video.video.width, video.video.height) == (20, 10)
    assert (await bot.send_animation(1001, file)).animation
    assert (await bot.send_video_note(1001, file)).video_note
    sticker = await bot.send_sticker(1001, file, emoji="👍")
    assert sticker.sticker
    again = await bot.send_sticker(1001, sticker.sticker.file_id)
    assert again.sticker
    assert (again.sticker.file_unique_id, again.sticker.emoji) == (sticker.sticker.file_unique_id, "👍")
    with pytest.raises(TelegramBadRequest, match="wrong file_id"):
        await bot.send_voice(1001, "nonsense")


async def test_messages_are_copied_forwarded_and_marked(bot: Bot, telegram: TelegramServer, ann: Any) -> None:
    bo = telegram.person(1002, name="Bo")
    await bo.send("hi")
    sent = await bot.send_photo(1001, photo(), caption="sea", reply_markup=keyboard(("A", "a")))
    copied = await bot.copy_message(1002, 1001, sent.message_id)
    seen = await bo.wait(lambda m: m.photo)
    assert (seen.message_id, seen.caption, seen.reply_markup) == (copied.message_id, "sea", None)
    forwarded = await bot.forward_message(1002, 1001, ann.history[0].message_id)
    assert forwarded.text == "hello"
    assert forwarded.forward_origin
    assert forwarded.forward_origin.type == "user"
    with pytest.raises(TelegramBadRequest, match="message to copy not found"):
        await bot.copy_message(1002, 1001, 999)
    assert await bot.pin_chat_message(1001, sent.message_id)
    assert await bot.unpin_chat_message(1001)
    with pytest.raises(TelegramBadRequest, match="message to react not found"):
        await bot.set_message_reaction(1001, 999)


async def test_an_album_has_one_group(bot: Bot, ann: Any) -> None:
    media = [InputMediaPhoto(media=photo(colour=c), caption=c) for c in ("red", "green", "blue")]
    sent = await bot.send_media_group(1001, media=list(media))
    assert [message.caption for message in sent] == ["red", "green", "blue"]
    assert len({message.media_group_id for message in sent}) == 1
    assert all(message.photo for message in sent)
    with pytest.raises(TelegramBadRequest, match="MEDIA_INVALID"):
        await bot.send_media_group(1001, media=list(media[:1]))
