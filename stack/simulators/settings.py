"""Settings of the simulated Telegram, `CHATTRAIL_SIMULATION_*`."""

from typing import ClassVar

from pydantic import Field, SecretStr

from common.settings import BotToken, Settings


class SimulationSettings(Settings):
    """What `python -m stack.simulators` reads from its environment."""

    prefix: ClassVar[str] = "SIMULATION"

    host: str = Field("127.0.0.1", description="Address the simulated Bot API listens on.")
    port: int = Field(8081, ge=0, le=65535, description="Port of the simulated Bot API; 0 takes a free one.")
    token: BotToken = Field(
        SecretStr("42:SIMULATED"), description="Token the bot must use; there is no such bot outside this machine."
    )
    people: int = Field(300, ge=0, le=100_000, description="How many people there are; 0 only serves the API.")
    seed: int = Field(1, ge=0, description="Seed of the people, their habits and what they say.")
    pace: float = Field(2.0, gt=0, le=200, description="Things that people do per second, all together, on average.")
    admin_id: int | None = Field(
        None, description="Telegram id of the owner, who gives refunds people ask for; must be among the bot's admins."
    )
