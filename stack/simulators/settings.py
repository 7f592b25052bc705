"""Settings of the simulated Telegram, `CHATTRAIL_SIMULATION_*`."""

import re
from typing import ClassVar

from pydantic import Field, SecretStr, field_validator

from common.settings import Settings

_TOKEN = re.compile(r"\d+:[A-Za-z0-9_-]{3,}")


class SimulationSettings(Settings):
    """What `python -m stack.simulators` reads from its environment."""

    prefix: ClassVar[str] = "SIMULATION"

    host: str = Field("127.0.0.1", description="Address the simulated Bot API listens on.")
    port: int = Field(8081, ge=0, le=65535, description="Port of the simulated Bot API; 0 takes a free one.")
    token: SecretStr = Field(
        SecretStr("42:SIMULATED"), description="Token the bot must use; there is no such bot outside this machine."
    )
    people: int = Field(300, ge=0, le=100_000, description="How many people there are; 0 only serves the API.")
    seed: int = Field(1, ge=0, description="Seed of the people, their habits and what they say.")
    pace: float = Field(2.0, gt=0, le=200, description="Things that people do per second, all together, on average.")
    admin_id: int | None = Field(
        None, description="Telegram id of the owner, who gives refunds people ask for; must be among the bot's admins."
    )

    @field_validator("token")
    @classmethod
    def _looks_like_a_token(cls, token: SecretStr) -> SecretStr:
        if not _TOKEN.fullmatch(token.get_secret_value()):
            raise ValueError("is not a bot token; it looks like 42:SIMULATED")
        return token
