"""The simulated Bot API, driven by a real aiogram bot over HTTP: every method, and the wording of every refusal."""

import asyncio
import io
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest
from aiogram import Bot, Dispatcher, F
from aiogram.client.default import DefaultBotProperties
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import (
    TelegramBadRequest,
    TelegramConflictError,
    TelegramForbiddenError,
    TelegramNetworkError,
    TelegramNotFound,
    TelegramRetryAfter,
    TelegramServerError,
    TelegramUnauthorizedError,
)
from aiogram.filters import CommandStart
from aiogram.methods import GetUpdates, TelegramMethod
from aiogram.types import (
    BotCommand,
    BufferedInputFile,
    CallbackQuery,
    ForceReply,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputMediaPhoto,
    KeyboardButton,
    LabeledPrice,
    Message,
    MessageEntity,
    PreCheckoutQuery,
    ReplyKeyboardMarkup,
    ReplyParameters,
)
from PIL import Image

from bot.simulation.person import PaymentError
from bot.simulation.telegram_api import TelegramServer

TOKEN = "42:TEST"


def client(server: TelegramServer, token: str = TOKEN) -> Bot:
    session = AiohttpSession(api=TelegramAPIServer.from_base(server.url), timeout=15)
    return Bot(token, session=session, default=DefaultBotProperties())


def png(width: int = 640, height: int = 480, colour: str = "teal") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(out, "PNG")
    return out.getvalue()


def photo(**size: Any) -> BufferedInputFile:
    return BufferedInputFile(png(**size), "picture.png")


def keyboard(*buttons: tuple[str, str]) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup(inline_keyboard=[[InlineKeyboardButton(text=t, callback_data=d)] for t, d in buttons])


@pytest.fixture
async def telegram() -> AsyncIterator[TelegramServer]:
    async with TelegramServer(token=TOKEN) as server:
        yield server


@pytest.fixture
async def bot(telegram: TelegramServer) -> AsyncIterator[Bot]:
    async with client(telegram) as made:
        yield made


@pytest.fixture
async def ann(telegram: TelegramServer) -> Any:
    """A person the bot may write to."""
    person = telegram.person(1001, name="Ann Lee", username="ann", language_code="en", is_premium=True)
    await person.send("hello")
    return person


@pytest.fixture
async def polling(bot: Bot) -> AsyncIterator[Callable[[Dispatcher], None]]:
    """Run a dispatcher by long polling until the test ends."""
    running: list[tuple[Dispatcher, asyncio.Task[None]]] = []

    def start(dispatcher: Dispatcher) -> None:
        work = dispatcher.start_polling(bot, handle_signals=False, close_bot_session=False, polling_timeout=5)
        running.append((dispatcher, asyncio.create_task(work)))

    yield start
    for dispatcher, task in running:
        await dispatcher.stop_polling()
        await task


async def updates(bot: Bot, **parameters: Any) -> list[Any]:
    return await bot(GetUpdates(**parameters))


def labels(message: Message) -> list[tuple[str, str | None]]:
    rows = message.reply_markup.inline_keyboard if message.reply_markup else []
    return [(button.text, button.callback_data) for row in rows for button in row]


async def called(telegram: TelegramServer, method: str, times: int) -> None:
    """Wait until the server has got this many calls."""
    while telegram.calls.get(method, 0) < times:  # noqa: ASYNC110 - the server counts, it does not signal
        await asyncio.sleep(0.001)


# --- who is who ---------------------------------------------------------------------------------------------------


async def test_get_me_and_the_token(telegram: TelegramServer, bot: Bot) -> None:
    me = await bot.get_me()
    assert (me.id, me.is_bot, me.username) == (42, True, "persona_demo_bot")
    async with client(telegram, "42:WRONG") as stranger:
        with pytest.raises(TelegramUnauthorizedError, match="Unauthorized"):
            await stranger.get_me()


async def test_an_unknown_method_is_404(bot: Bot) -> None:
    class Nonsense(TelegramMethod[bool]):
        __returning__ = bool
        __api_method__ = "sendNonsense"

    with pytest.raises(TelegramNotFound, match="Not Found: method not found"):
        await bot(Nonsense())


async def test_method_names_are_read_without_case_and_from_query_form_and_json(
    telegram: TelegramServer, ann: Any
) -> None:
    url = f"{telegram.url}/bot{TOKEN}/SENDmessage"
    async with aiohttp.ClientSession() as session:
        async with session.get(url, params={"chat_id": 1001, "text": "query"}) as response:
            assert (await response.json())["result"]["text"] == "query"
        async with session.post(url, data={"chat_id": 1001, "text": "form"}) as response:
            assert (await response.json())["result"]["text"] == "form"
        async with session.post(url, json={"chat_id": 1001, "text": "json"}) as response:
            assert (await response.json())["result"]["text"] == "json"
        async with session.post(url, data=b"{", headers={"Content-Type": "application/json"}) as response:
            assert response.status == 400
            assert await response.json() == {
                "ok": False,
                "error_code": 400,
                "description": "Bad Request: can't parse JSON object",
            }
        async with session.get(f"{telegram.url}/elsewhere") as response:
            assert (response.status, (await response.json())["ok"]) == (404, False)


async def test_the_bot_describes_itself(bot: Bot) -> None:
    commands = [BotCommand(command="start", description="begin"), BotCommand(command="help", description="help")]
    assert await bot.set_my_commands(commands)
    assert await bot.set_my_commands(commands[:1], language_code="ru")
    assert [command.command for command in await bot.get_my_commands()] == ["start", "help"]
    assert [command.description for command in await bot.get_my_commands(language_code="ru")] == ["begin"]
    assert await bot.delete_my_commands()
    assert await bot.get_my_commands() == []
    assert await bot.set_my_description("A bot", language_code="en")
    assert (await bot.get_my_description(language_code="en")).description == "A bot"
    assert (await bot.get_my_description()).description == ""
    assert await bot.set_my_short_description("short")
    assert (await bot.get_my_short_description()).short_description == "short"
    assert (await bot.get_my_name()).name == "Persona Demo"
    with pytest.raises(TelegramBadRequest, match="BOT_COMMAND_INVALID"):
        await bot.set_my_commands([BotCommand(command="No Spaces", description="x")])
    with pytest.raises(TelegramBadRequest, match="description is too long"):
        await bot.set_my_description("x" * 513)


# --- updates ------------------------------------------------------------------------------------------------------


async def test_updates_stay_until_an_offset_confirms_them(bot: Bot, telegram: TelegramServer, ann: Any) -> None:
    await ann.send("/start promo")
    first, second = await updates(bot)
    assert [first.message.text, second.message.text] == ["hello", "/start promo"]
    assert second.update_id == first.update_id + 1
    assert second.message.message_id == first.message.message_id + 1
    assert [entity.model_dump(exclude_none=True) for entity in second.message.entities] == [
        {"type": "bot_command", "offset": 0, "length": 6}
    ]
    sender = second.message.from_user
    assert (sender.id, sender.full_name, sender.username, sender.language_code, sender.is_premium) == (
        1001,
        "Ann Lee",
        "ann",
        "en",
        True,
    )
    assert second.message.chat.type == "private"
    assert len(await updates(bot)) == 2
    assert len(await updates(bot, limit=1)) == 1
    assert await updates(bot, offset=second.update_id) == [second]
    assert await updates(bot, offset=second.update_id + 1) == []
    assert telegram.pending_updates == 0


async def test_a_negative_offset_keeps_the_newest(bot: Bot, ann: Any) -> None:
    await ann.send("two")
    await ann.send("three")
    assert [update.message.text for update in await updates(bot, offset=-1)] == ["three"]
    assert [update.message.text for update in await updates(bot)] == ["three"]


async def test_a_long_poll_ends_when_something_happens(bot: Bot, telegram: TelegramServer) -> None:
    poll = asyncio.create_task(updates(bot, timeout=10))
    await called(telegram, "getUpdates", 1)
    started = asyncio.get_running_loop().time()
    await telegram.person(7, name="Bo").send("now")
    assert [update.message.text for update in await poll] == ["now"]
    assert asyncio.get_running_loop().time() - started < 5


async def test_a_long_poll_ends_empty_after_its_time(bot: Bot) -> None:
    assert await updates(bot, timeout=1) == []


async def test_a_second_poller_ends_the_first(bot: Bot, telegram: TelegramServer, ann: Any) -> None:
    await updates(bot, offset=(await updates(bot))[-1].update_id + 1)
    first = asyncio.create_task(updates(bot, timeout=10))
    await called(telegram, "getUpdates", 3)
    async with client(telegram) as rival:
        second = asyncio.create_task(updates(rival, timeout=10))
        with pytest.raises(TelegramConflictError, match="terminated by other getUpdates request"):
            await first
        await ann.send("for the second")
        assert [update.message.text for update in await second] == ["for the second"]


async def test_only_the_allowed_kinds_are_queued_from_then_on(bot: Bot, ann: Any) -> None:
    await updates(bot, allowed_updates=["my_chat_member"])
    await ann.send("not wanted")
    await ann.block()
    kinds = [update.event_type for update in await updates(bot)]
    assert kinds == ["message", "my_chat_member"]  # the first one was there before
    await updates(bot, allowed_updates=[], offset=-1)


# --- texts --------------------------------------------------------------------------------------------------------


async def test_a_sent_message_comes_back_and_reaches_the_person(bot: Bot, ann: Any) -> None:
    sent = await bot.send_message(
        1001, "<b>Hi</b> 😀 <i>you</i> &amp; me", parse_mode="HTML", reply_markup=keyboard(("A", "a"))
    )
    assert sent.text == "Hi 😀 you & me"
    assert [(e.type, e.offset, e.length) for e in sent.entities or []] == [("bold", 0, 2), ("italic", 6, 3)]
    assert labels(sent) == [("A", "a")]
    assert sent.from_user is not None
    assert sent.from_user.id == 42
    assert (await ann.wait(lambda m: m.text)).message_id == sent.message_id
    assert [message.text for message in ann.history] == ["hello", "Hi 😀 you & me"]


async def test_replies_entities_and_keyboards_that_are_not_echoed(bot: Bot, ann: Any) -> None:
    first = await bot.send_message(1001, "one", entities=[MessageEntity(type="bold", offset=0, length=3)])
    assert first.entities is not None
    reply = await bot.send_message(1001, "two", reply_parameters=ReplyParameters(message_id=first.message_id))
    assert reply.reply_to_message is not None
    assert reply.reply_to_message.text == "one"
    with pytest.raises(TelegramBadRequest, match="message to be replied not found"):
        await bot.send_message(1001, "x", reply_parameters=ReplyParameters(message_id=99999))
    keys = ReplyKeyboardMarkup(keyboard=[[KeyboardButton(text="Menu")]])
    assert (await bot.send_message(1001, "three", reply_markup=keys)).reply_markup is None
    await ann.press("Menu")
    assert (await updates(bot))[-1].message.text == "Menu"
    assert (await bot.send_message(1001, "four", reply_markup=ForceReply())).reply_markup is None


@pytest.mark.parametrize(
    ("parameters", "complaint"),
    [
        ({"chat_id": 5, "text": "x"}, "Bad Request: chat not found"),
        ({"text": " "}, "Bad Request: message text is empty"),
        ({"text": "x" * 4097}, "Bad Request: message is too long"),
        ({"text": "😀" * 2049}, "Bad Request: message is too long"),
        ({"text": "x", "parse_mode": "Word"}, "Bad Request: unsupported parse_mode"),
        (
            {"text": "<b>x", "parse_mode": "HTML"},
            "can't parse entities: Can't find end tag corresponding to start tag \"b\"",
        ),
        ({"text": "é<x>1</x>", "parse_mode": "HTML"}, 'Unsupported start tag "x" at byte offset 2'),
        ({"text": "1</b>", "parse_mode": "HTML"}, "Unexpected end tag at byte offset 1"),
        (
            {"text": "<b><i>1</b></i>", "parse_mode": "HTML"},
            'Unmatched end tag at byte offset 7, expected "</i>", found "</b>"',
        ),
        ({"text": "1 < 2", "parse_mode": "HTML"}, 'Unsupported start tag "" at byte offset 2'),
        ({"text": "x", "reply_markup": keyboard(("A", "я" * 33))}, "BUTTON_DATA_INVALID"),
        (
            {"text": "x", "reply_markup": InlineKeyboardMarkup(inline_keyboard=[[InlineKeyboardButton(text="A")]])},
            "Text buttons are unallowed in the inline keyboard",
        ),
    ],
)
async def test_a_bad_text_is_refused(bot: Bot, ann: Any, parameters: dict[str, Any], complaint: str) -> None:
    with pytest.raises(TelegramBadRequest) as refused:
        await bot.send_message(**{"chat_id": 1001, **parameters})
    assert complaint in refused.value.message


async def test_limits_are_exact(bot: Bot, ann: Any) -> None:
    assert await bot.send_message(1001, "x" * 4096)
    assert await bot.send_message(1001, "x", reply_markup=keyboard(("A", "я" * 32)))


async def test_who_blocked_the_bot_or_never_wrote_gets_nothing(bot: Bot, telegram: TelegramServer, ann: Any) -> None:
    telegram.person(1002, name="Silent")
    with pytest.raises(TelegramForbiddenError, match="bot can't initiate conversation with a user"):
        await bot.send_message(1002, "hi")
    await ann.block()
    with pytest.raises(TelegramForbiddenError, match="Forbidden: bot was blocked by the user"):
        await bot.send_message(1001, "hi")
    with pytest.raises(RuntimeError, match="has blocked the bot"):
        await ann.send("hi")
    await ann.unblock()
    assert await bot.send_message(1001, "hi again")
    changes = [update.my_chat_member for update in await updates(bot) if update.my_chat_member]
    assert [(c.old_chat_member.status, c.new_chat_member.status) for c in changes] == [
        ("member", "kicked"),
        ("kicked", "member"),
    ]


async def test_chat_actions_and_deleting(bot: Bot, ann: Any) -> None:
    assert await bot.send_chat_action(1001, "upload_photo")
    assert ann.actions == ["upload_photo"]
    with pytest.raises(TelegramBadRequest, match="wrong parameter action"):
        await bot.send_chat_action(1001, "dance")
    sent = await bot.send_message(1001, "soon gone")
    assert await bot.delete_message(1001, sent.message_id)
    with pytest.raises(TelegramBadRequest, match="message to delete not found"):
        await bot.delete_message(1001, sent.message_id)
    assert [message.text for message in ann.history] == ["hello"]


# --- edits --------------------------------------------------------------------------------------------------------


async def test_edits_change_the_message_in_place(bot: Bot, ann: Any) -> None:
    sent = await bot.send_message(1001, "draft", reply_markup=keyboard(("A", "a")))
    edited = await bot.edit_message_text("final", chat_id=1001, message_id=sent.message_id)
    assert isinstance(edited, Message)
    assert (edited.text, edited.reply_markup) == ("final", None)
    assert edited.edit_date
    assert (await ann.wait(lambda m: m.text == "final")).message_id == sent.message_id
    with pytest.raises(TelegramBadRequest, match="message is not modified"):
        await bot.edit_message_text("final", chat_id=1001, message_id=sent.message_id)
    marked = await bot.edit_message_reply_markup(
        chat_id=1001, message_id=sent.message_id, reply_markup=keyboard(("B", "b"))
    )
    assert isinstance(marked, Message)
    assert (marked.text, labels(marked)) == ("final", [("B", "b")])
    with pytest.raises(TelegramBadRequest, match="message to edit not found"):
        await bot.edit_message_text("x", chat_id=1001, message_id=999)
    with pytest.raises(TelegramBadRequest, match="message can't be edited"):
        await bot.edit_message_text("x", chat_id=1001, message_id=ann.history[0].message_id)
    with pytest.raises(TelegramBadRequest, match="there is no caption in the message to edit"):
        await bot.edit_message_caption(caption="x", chat_id=1001, message_id=sent.message_id)


async def test_photos_can_change_caption_and_picture(bot: Bot, ann: Any) -> None:
    sent = await bot.send_photo(1001, photo(), caption="one")
    edited = await bot.edit_message_caption(caption="two", chat_id=1001, message_id=sent.message_id)
    assert isinstance(edited, Message)
    assert (edited.caption, edited.photo) == ("two", sent.photo)
    media = InputMediaPhoto(media=photo(colour="red"), caption="three")
    other = await bot.edit_message_media(media, chat_id=1001, message_id=sent.message_id)
    assert isinstance(other, Message)
    assert sent.photo
    assert other.photo
    assert other.photo[-1].file_unique_id != sent.photo[-1].file_unique_id
    assert other.caption == "three"
    with pytest.raises(TelegramBadRequest, match="there is no text in the message to edit"):
        await bot.edit_message_text("x", chat_id=1001, message_id=sent.message_id)


# --- buttons ------------------------------------------------------------------------------------------------------


async def test_a_press_is_answered_once(bot: Bot, ann: Any) -> None:
    sent = await bot.send_message(1001, "choose", reply_markup=keyboard(("Yes", "y"), ("No", "n")))
    assert [(button.text, button.data) for button in ann.buttons] == [("Yes", "y"), ("No", "n")]
    query_id = await ann.press("No")
    query = (await updates(bot))[-1].callback_query
    assert (query.id, query.data, query.message.message_id, query.from_user.id) == (
        query_id,
        "n",
        sent.message_id,
        1001,
    )
    assert await bot.answer_callback_query(query.id, text="Noted", show_alert=True)
    answer = await ann.answered(query_id)
    assert (answer.text, answer.show_alert) == ("Noted", True)
    with pytest.raises(
        TelegramBadRequest, match="query is too old and response timeout expired or query ID is invalid"
    ):
        await bot.answer_callback_query(query.id)
    with pytest.raises(LookupError, match="no button 'Maybe' in sight"):
        await ann.press("Maybe")
    with pytest.raises(TelegramBadRequest, match="MESSAGE_TOO_LONG"):
        await bot.answer_callback_query("1", text="x" * 201)


# --- files --------------------------------------------------------------------------------------------------------


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
    document, voice, sticker, picture = [update.message for update in await updates(bot, offset=-4)]
    assert (document.document.file_name, voice.voice.duration, sticker.sticker.emoji) == ("notes.bin", 4, "👍")
    assert (picture.caption, picture.photo[-1].width) == ("look", 640)
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
    with pytest.raises(TelegramBadRequest, match="message not found"):
        await bot.set_message_reaction(1001, 999)


async def test_an_album_has_one_group(bot: Bot, ann: Any) -> None:
    media = [InputMediaPhoto(media=photo(colour=c), caption=c) for c in ("red", "green", "blue")]
    sent = await bot.send_media_group(1001, media=list(media))
    assert [message.caption for message in sent] == ["red", "green", "blue"]
    assert len({message.media_group_id for message in sent}) == 1
    assert all(message.photo for message in sent)
    with pytest.raises(TelegramBadRequest, match="MEDIA_INVALID"):
        await bot.send_media_group(1001, media=list(media[:1]))


# --- faults -------------------------------------------------------------------------------------------------------


async def test_ordered_faults_come_once(bot: Bot, telegram: TelegramServer, ann: Any) -> None:
    telegram.fail_next("sendMessage", retry_after=7)
    with pytest.raises(TelegramRetryAfter) as flood:
        await bot.send_message(1001, "x")
    assert flood.value.retry_after == 7
    telegram.fail_next("sendMessage", code=502, description="Bad Gateway", times=2)
    for _ in range(2):
        with pytest.raises(TelegramServerError, match="Bad Gateway"):
            await bot.send_message(1001, "x")
    telegram.fail_next("sendPhoto", code=400, description="Bad Request: chat not found")
    assert await bot.send_message(1001, "another method is not touched")
    with pytest.raises(TelegramBadRequest, match="chat not found"):
        await bot.send_photo(1001, photo())
    telegram.fail_next("*", hang_up=True)
    with pytest.raises(TelegramNetworkError):
        await bot.send_message(1001, "x")
    telegram.faults.delay_next("getMe", 0.2)
    started = asyncio.get_running_loop().time()
    await bot.get_me()
    assert asyncio.get_running_loop().time() - started >= 0.2


async def test_a_flood_limit_counts_for_each_chat(bot: Bot, telegram: TelegramServer, ann: Any) -> None:
    await telegram.person(1002, name="Bo").send("hi")
    telegram.faults.limit("sendMessage", calls=2, seconds=60)
    for _ in range(2):
        await bot.send_message(1001, "x")
    with pytest.raises(TelegramRetryAfter) as flood:
        await bot.send_message(1001, "x")
    assert 55 <= flood.value.retry_after <= 60
    assert await bot.send_message(1002, "another chat")
    telegram.faults.clear()
    assert await bot.send_message(1001, "x")


# --- payments -----------------------------------------------------------------------------------------------------


async def send_invoice(bot: Bot, **changes: Any) -> Message:
    invoice: dict[str, Any] = {
        "chat_id": 1001,
        "title": "Month",
        "description": "A month of premium",
        "payload": "month",
        "currency": "XTR",
        "prices": [LabeledPrice(label="Month", amount=250)],
    }
    return await bot.send_invoice(**(invoice | changes))


async def test_paying_with_stars_and_getting_them_back(
    bot: Bot, ann: Any, polling: Callable[[Dispatcher], None]
) -> None:
    dispatcher = Dispatcher()
    seen: list[Message] = []

    @dispatcher.pre_checkout_query()
    async def agree(query: PreCheckoutQuery) -> None:
        assert (query.currency, query.total_amount, query.invoice_payload) == ("XTR", 250, "month")
        await query.answer(ok=True)

    @dispatcher.message(F.successful_payment | F.refunded_payment)
    async def note(message: Message) -> None:
        seen.append(message)
        await message.answer("noted")

    polling(dispatcher)
    invoice = await send_invoice(bot)
    assert invoice.invoice
    assert (invoice.invoice.total_amount, invoice.invoice.currency) == (250, "XTR")
    assert invoice.reply_markup
    assert invoice.reply_markup.inline_keyboard[0][0].pay
    charge_id = await ann.pay()
    await ann.wait(lambda m: m.text == "noted")
    paid = seen[0].successful_payment
    assert paid
    assert (paid.telegram_payment_charge_id, paid.total_amount, paid.currency) == (charge_id, 250, "XTR")
    with pytest.raises(LookupError, match="no unpaid invoice"):
        await ann.pay()

    with pytest.raises(TelegramBadRequest, match="CHARGE_NOT_FOUND"):
        await bot.refund_star_payment(user_id=1001, telegram_payment_charge_id="nonsense")
    assert await bot.refund_star_payment(user_id=1001, telegram_payment_charge_id=charge_id)
    await ann.wait(lambda m: m.text == "noted")
    refunded = seen[1].refunded_payment
    assert refunded
    assert (refunded.telegram_payment_charge_id, refunded.total_amount) == (charge_id, 250)
    with pytest.raises(TelegramBadRequest, match="CHARGE_ALREADY_REFUNDED"):
        await bot.refund_star_payment(user_id=1001, telegram_payment_charge_id=charge_id)
    transactions = (await bot.get_star_transactions()).transactions
    assert [(t.id, t.amount, t.source is not None) for t in transactions] == [
        (charge_id, 250, True),
        (charge_id, 250, False),
    ]


async def test_a_bot_may_refuse_a_payment_or_be_too_late(bot: Bot, telegram: TelegramServer, ann: Any) -> None:
    await send_invoice(bot)
    paying = asyncio.create_task(ann.pay())
    query = (await updates(bot, offset=-1, timeout=5))[-1].pre_checkout_query
    while query is None:
        query = (await updates(bot, offset=-1, timeout=5))[-1].pre_checkout_query
    with pytest.raises(TelegramBadRequest, match="error message must be non-empty"):
        await bot.answer_pre_checkout_query(query.id, ok=False)
    await bot.answer_pre_checkout_query(query.id, ok=False, error_message="Sold out")
    with pytest.raises(PaymentError, match="Sold out"):
        await paying
    telegram.payment_answer_seconds = 0.1
    with pytest.raises(PaymentError, match="did not answer the pre-checkout query within"):
        await ann.pay()
    late = (await updates(bot, offset=-1))[-1].pre_checkout_query
    with pytest.raises(TelegramBadRequest, match="query is too old"):
        await bot.answer_pre_checkout_query(late.id, ok=True)
    await ann.decline()
    with pytest.raises(LookupError, match="no unpaid invoice"):
        await ann.pay()


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"currency": "USD"}, "PAYMENT_PROVIDER_INVALID"),
        ({"prices": []}, "STARS_INVOICE_INVALID"),
        ({"prices": [LabeledPrice(label="a", amount=0)]}, "CURRENCY_TOTAL_AMOUNT_INVALID"),
        ({"payload": "x" * 129}, "INVOICE_PAYLOAD_INVALID"),
        ({"title": "x" * 33}, "invoice title is invalid"),
        ({"reply_markup": keyboard(("A", "a"))}, "must be a Pay button"),
    ],
)
async def test_a_bad_invoice_is_refused(bot: Bot, ann: Any, changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(TelegramBadRequest, match=complaint):
        await send_invoice(bot, **changes)


async def test_an_invoice_link_can_be_paid(bot: Bot, ann: Any, polling: Callable[[Dispatcher], None]) -> None:
    dispatcher = Dispatcher()

    @dispatcher.pre_checkout_query()
    async def agree(query: PreCheckoutQuery) -> None:
        await query.answer(ok=True)

    polling(dispatcher)
    prices = [LabeledPrice(label="Month", amount=5)]
    link = await bot.create_invoice_link("Month", "A month", "month", "XTR", prices)
    assert link.startswith("https://t.me/$")
    assert await ann.pay(link)
    successful = ann.history[-1].successful_payment
    assert successful is not None
    assert successful.total_amount == 5


# --- a whole bot --------------------------------------------------------------------------------------------------


async def test_a_polling_bot_talks_with_many_people(
    telegram: TelegramServer, polling: Callable[[Dispatcher], None]
) -> None:
    dispatcher = Dispatcher()

    @dispatcher.message(CommandStart())
    async def start(message: Message) -> None:
        await message.answer("Welcome", reply_markup=keyboard(("Go on", "go")))

    @dispatcher.callback_query(F.data == "go")
    async def go(query: CallbackQuery) -> None:
        await query.answer("ok")
        assert isinstance(query.message, Message)
        await query.message.edit_text("Gone")

    @dispatcher.message(F.text)
    async def echo(message: Message) -> None:
        await message.answer(f"You said {message.text}")

    polling(dispatcher)

    async def talk(number: int) -> None:
        person = telegram.person(2000 + number, name=f"Person {number}")
        await person.send("/start")
        await person.wait(lambda m: m.text == "Welcome")
        query = await person.press("Go on")
        assert (await person.answered(query)).text == "ok"
        await person.wait(lambda m: m.text == "Gone")
        await person.send(f"number {number}")
        assert (await person.wait()).text == f"You said number {number}"

    await asyncio.gather(*(talk(number) for number in range(20)))


async def test_waiting_in_vain_tells_what_came_instead(bot: Bot, ann: Any) -> None:
    await bot.send_message(1001, "something else")
    with pytest.raises(
        TimeoutError, match=r"person 1001 waited 0.1 s for a matching message; the bot sent \['something else'\]"
    ):
        await ann.wait(lambda m: m.photo, timeout=0.1)


def test_a_token_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="looks like"):
        TelegramServer(token="nonsense")
