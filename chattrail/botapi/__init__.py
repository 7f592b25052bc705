"""What Telegram's Bot API says, read without any framework: updates that come in, and calls with their results.

aiogram, python-telegram-bot and pyTelegramBotAPI name attributes as the Bot API does (`from` is `from_user`), so their
objects are read by name. An integration hands them to a `Recorder`.
"""
