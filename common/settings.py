"""Settings from environment variables: typed, frozen, checked once at start, errors that name the variable.

Each part declares pydantic models whose fields become `CHATTRAIL_<PREFIX>_<FIELD>`; a field with an alias (`BOT_TOKEN`)
is read from that name instead. A process answers only for the parts whose models it loads, so one `.env` can serve all
of them; a `CHATTRAIL_` name that belongs to no part is everybody's error.
"""

import difflib
import os
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Never, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, SecretStr, ValidationError

SECRET_MIN = 8
PARTS = ("BOT", "COLLECTOR", "EMBEDDED", "OTELCOL", "SIDECAR", "SIMULATION", "STACK", "WEB")


def _long_enough(secret: SecretStr) -> SecretStr:
    if len(secret.get_secret_value()) < SECRET_MIN:
        raise ValueError(
            f"is too short: {SECRET_MIN} characters or more are needed; make one with"
            " `python -c 'import secrets; print(secrets.token_urlsafe(32))'`"
        )
    return secret


# A token or password that opens a part of ours. Keys for other people's services are as those services make them.
GuardSecret = Annotated[SecretStr, AfterValidator(_long_enough)]


def _like_a_token(token: SecretStr) -> SecretStr:
    if not re.fullmatch(r"\d+:[A-Za-z0-9_-]{3,}", token.get_secret_value()):
        raise ValueError("is not a bot token; @BotFather gives one like 123456:AbC…")
    return token


BotToken = Annotated[SecretStr, AfterValidator(_like_a_token)]


class SettingsError(Exception):
    """One or more settings are wrong; the message has a line for each and says what to do."""


@dataclass(frozen=True, slots=True)
class Given:
    """A value that does not come from the environment, and where it stands, for errors."""

    where: str
    value: Any


class Settings(BaseModel):
    """Base of all settings. A subclass sets `prefix` ("WEB", "SIDECAR_IMAGES") and documents each field."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, hide_input_in_errors=True)
    prefix: ClassVar[str]

    @classmethod
    def variables(cls) -> dict[str, str]:
        """Map each environment variable to the key that pydantic knows its field by."""
        return {
            field.alias or f"CHATTRAIL_{cls.prefix}_{name.upper()}": field.alias or name
            for name, field in cls.model_fields.items()
        }

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read and check this one model. An empty variable counts as unset. Raises SettingsError with every fault."""
        loaded = load_all([cls], environ)[0]
        assert isinstance(loaded, cls)
        return loaded

    @classmethod
    def load_or_exit(cls) -> Self:
        """Read the settings for a command: on a fault print it and leave with exit code 2."""
        try:
            return cls.load()
        except SettingsError as error:
            exit_with(error)


def load_all(
    models: list[type[Settings]], environ: Mapping[str, str] | None = None, beneath: Mapping[str, Given] | None = None
) -> list[Settings]:
    """Read several models together, in order; a part's unknown names are compared with the names of all of them.

    `beneath` holds values, by the variable that would set them, for what the environment leaves unset.
    """
    environ, beneath = os.environ if environ is None else environ, beneath or {}
    known = [name for model in models for name in model.variables()]
    faults = [_unknown(name, known) for name in sorted(environ) if _is_unknown(name, known, models)]
    loaded = []
    for model in models:
        names = model.variables()
        lower = {name: beneath[name] for name in names if name in beneath and not environ.get(name)}
        given: dict[str, Any] = {key: environ[name] for name, key in names.items() if environ.get(name)}
        given |= {names[name]: one.value for name, one in lower.items()}
        try:
            loaded.append(model.model_validate(given))
        except ValidationError as error:
            variable_of = {key: lower[name].where if name in lower else name for name, key in names.items()}
            for fault in error.errors(include_url=False, include_context=False, include_input=False):
                where = variable_of.get(str(fault["loc"][0])) if fault["loc"] else None
                faults.append(f"{where or f'CHATTRAIL_{model.prefix}_*'}: {fault['msg'].removeprefix('Value error, ')}")
    if faults:
        raise SettingsError("\n".join(faults))
    return loaded


def exit_with(error: SettingsError) -> Never:
    """Print the faults for a person at a terminal and leave with exit code 2."""
    sys.stderr.write(f"Settings are wrong:\n{error}\nEvery setting is described in docs/settings.md.\n")
    raise SystemExit(2) from None


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the known name that is most like a wrong one, for `did you mean …?`; "" when none is known."""
    return next(iter(difflib.get_close_matches(name, list(known), n=1, cutoff=0.0)), "")


def comma_list(value: object) -> object:
    """Split "a, b" into ("a", "b"); anything but a string is left to pydantic."""
    return tuple(part for item in value.split(",") if (part := item.strip())) if isinstance(value, str) else value


CommaList = Annotated[tuple[str, ...], BeforeValidator(comma_list)]


def _is_unknown(name: str, known: list[str], models: list[type[Settings]]) -> bool:
    if not name.startswith("CHATTRAIL_") or name in known:
        return False
    part = name.removeprefix("CHATTRAIL_").partition("_")[0]
    return part not in PARTS or part in {model.prefix.partition("_")[0] for model in models}


def _unknown(name: str, known: list[str]) -> str:
    hint = f"; did you mean {nearest(name, known)}?" if known else ""
    return f"{name}: there is no such setting{hint}"
