"""What the simulated servers share: an aiohttp application on a port, as an async context manager."""

from typing import Self

from aiohttp import web

from common.net import in_url


class LoopbackServer:
    """Serves an application between `async with` and its end. Port 0 takes a free one."""

    def __init__(self, host: str, port: int, *, shutdown_s: float) -> None:
        self._host, self._port, self._shutdown_s = host, port, shutdown_s
        self._runner: web.AppRunner | None = None

    def _application(self) -> web.Application:
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        self._runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=self._shutdown_s)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self._port, reuse_address=True).start()
        except OSError:
            await self._runner.cleanup()
            raise
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def url(self) -> str:
        """The base address, without a slash at the end."""
        return f"http://{in_url(self._host)}:{self._port}"
