"""What is said of an exception that a handler raised."""

import re
from types import TracebackType

from chattrail.events import HandlerFailed

_BOT_TOKEN = re.compile(r"\d{3,}:[A-Za-z0-9_-]{10,}")


def failure_of(error: BaseException, handler: str | None) -> HandlerFailed:
    """Return the event. A bot's token is taken out of the message: Telegram's addresses hold it."""
    return HandlerFailed(error_type=type(error).__name__, message=_message(error), handler=handler)


def handler_of(error: BaseException, framework: str) -> str | None:
    """Return the first function of the traceback that is neither the framework's nor ours: the handler, where it ran."""
    trace: TracebackType | None = error.__traceback__
    while trace is not None:
        module = str(trace.tb_frame.f_globals.get("__name__"))
        if module.split(".")[0] not in (framework, "chattrail", "asyncio"):
            return f"{module}.{trace.tb_frame.f_code.co_qualname}"
        trace = trace.tb_next
    return None


def _message(error: BaseException) -> str | None:
    try:
        return _BOT_TOKEN.sub("<token>", str(error)) or None
    except Exception:
        return None
