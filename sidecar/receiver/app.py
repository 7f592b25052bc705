"""The OTLP/HTTP receiver: POST /v1/logs, and two questions about the process. Answers follow sidecar.receiver.responses."""

import asyncio
import logging
import re

from aiohttp import web
from aiohttp.typedefs import Handler

from chattrail.rate_limited_log import RateLimitedLog
from common.body_time import Pace
from common.error_location import error_location
from common.http_runner import add_refusals, expect, make_runner
from sidecar.errors import MalformedError, PermanentError, RetryableError
from sidecar.pipeline.pipeline import Pipeline
from sidecar.plugin import Clock
from sidecar.receiver.bearer import Token
from sidecar.receiver.cors import Cors
from sidecar.receiver.decoding import Decoder
from sidecar.receiver.inflate import ENCODINGS, TooLargeError
from sidecar.receiver.memory_limiter import MemoryLimiter, Reservation
from sidecar.receiver.responses import JSON, PROTOBUF, RefusedError, refused, stored
from sidecar.receiver.storing import Storing
from sidecar.settings import SidecarSettings
from sidecar.telemetry import loop_guard
from sidecar.telemetry import metrics as telemetry
from sidecar.telemetry.metrics import Metrics
from sidecar.telemetry.prometheus import CONTENT_TYPE, exposition

# However many slashes: an endpoint that ends in one, or a whole address with one, is what people write.
LOGS = "/{_first:/*}v1/{_second:/*}logs{_third:/*}"
OTHERS = "/{_first:/*}v1/{_second:/*}{signal:traces|metrics}{_third:/*}"
_IS_LOGS = re.compile(r"/+v1/+logs/*")
NOT_KEPT = {
    "traces": "Chattrail keeps logs only: send traces elsewhere, or switch the sender's trace exporter off",
    "metrics": "Chattrail keeps logs only: send metrics elsewhere, or switch the sender's metric exporter off",
}


class Receiver:
    """Takes requests in, within bounds, and hands each to the pipeline as a Batch."""

    def __init__(
        self, pipeline: Pipeline, settings: SidecarSettings, clock: Clock, metrics: Metrics, logger: logging.Logger
    ) -> None:
        self._pipeline = pipeline
        self.settings = settings
        self._clock = clock
        self._metrics = metrics
        self._logger = logger
        self._memory_limiter = MemoryLimiter(settings.max_in_flight_bytes, metrics, clock)
        self._decoder = Decoder(settings)
        self._storing = Storing(pipeline, self._decoder, clock, logger)
        self._log = RateLimitedLog(logger)
        self._cors = Cors(settings.cors_origins)
        self._token = Token(settings.token, self._log)

    def application(self) -> web.Application:
        """Build the aiohttp application; its runner must not decompress bodies itself (`auto_decompress=False`)."""
        app = web.Application(middlewares=[self._answer])
        app.router.add_post(LOGS, self._logs, expect_handler=expect)
        if self._cors.is_on:
            app.router.add_options(LOGS, self._cors.preflight, expect_handler=expect)
        app.router.add_route("*", OTHERS, self._not_kept, expect_handler=expect)
        app.router.add_get("/healthz", self._healthz, expect_handler=expect)
        app.router.add_get("/readyz", self._readyz, expect_handler=expect)
        app.router.add_get("/metrics", self._own_metrics, expect_handler=expect)
        add_refusals(app.router)
        return app

    @web.middleware
    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        with loop_guard.work():
            return await self._answer_errors(request, handler)

    async def _answer_errors(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        headers: dict[str, str] = {}
        try:
            response = await handler(request)
        except RefusedError as error:
            response = refused(request.content_type, error)
        except web.HTTPException as error:
            if error.status == 405:
                headers["Allow"] = error.headers.get("Allow", "")
                message = f"{request.path} takes {headers['Allow']} only"
            else:
                message = "there is nothing here; logs go to POST /v1/logs"
            response = refused(request.content_type, RefusedError(error.status, message))
        except Exception as error:
            # never 500: senders drop a batch for good on it. The exception's text may hold contents of events.
            self._logger.error("unexpected %s at %s", type(error).__name__, error_location(error))
            response = refused(request.content_type, RefusedError(503, "unexpected failure; send this again", after=1))
        response.headers.update(headers)
        if _IS_LOGS.fullmatch(request.path):
            response.headers.update(self._cors.headers(request))
        response.headers["Server"] = "chattrail"
        if self._pipeline.draining:
            response.force_close()
        self._metrics.add(telemetry.REQUESTS, status=str(response.status))
        return response

    async def _logs(self, request: web.Request) -> web.Response:
        self._token.require(request, final=False)
        if request.content_type not in (PROTOBUF, JSON):
            raise RefusedError(415, f"Content-Type must be {PROTOBUF} or {JSON}")
        encoding = request.headers.get("Content-Encoding", "").strip().lower()
        if encoding not in ENCODINGS:
            raise RefusedError(415, "Content-Encoding must be one of gzip, zstd, deflate, identity")
        try:
            with self._memory_limiter.book() as reservation:
                try:
                    body = await self._read(request, reservation)
                    opening = self._decoder.opened(body, encoding, request.content_type, reservation)
                    del body
                    # no name for what is opened: a request that waits for another's work does not hold it
                    rejected = await self._storing.store(await opening, reservation, request)
                finally:
                    self._decoder.trimmer.freed(reservation.most)
        except MalformedError as error:
            # the sender drops it: without this line only the sender would know
            self._log.warning("a request was refused for good: %s", str(error))
            raise RefusedError(400, str(error)) from None
        except TooLargeError:
            raise RefusedError(
                413,
                f"the body inflates to more than {self.settings.max_inflated_bytes} bytes; send smaller batches, or "
                "raise CHATTRAIL_SIDECAR_MAX_INFLATED_BYTES",
            ) from None
        except PermanentError as error:
            raise RefusedError(400, error.reason) from None
        except RetryableError as error:
            room_s = self._memory_limiter.wait_s(self.settings.max_in_flight_bytes // 2)  # until it is half empty
            raise RefusedError(503, error.reason, after=max(error.after, room_s)) from None
        return stored(request.content_type, rejected)

    async def _read(self, request: web.Request, reservation: Reservation) -> bytes:
        limit = self.settings.max_body_bytes
        announced = request.content_length or 0
        if announced > limit:
            raise self._too_long()
        body, pace = bytearray(), Pace(self.settings.read_timeout_s)
        try:
            async with asyncio.timeout(None) as timeout:
                with reservation.arriving(announced, lambda: timeout.reschedule(0)):
                    while chunk := await pace.take(request.content.readany()):
                        if len(body) + len(chunk) > limit:
                            raise self._too_long()
                        reservation.hold(len(body) + len(chunk))
                        body += chunk
        except TimeoutError:
            raise RefusedError(503, "the body did not arrive in time; send this again", after=1) from None
        except (web.RequestPayloadError, ConnectionError):
            raise RefusedError(400, "the body could not be read to its end") from None
        return bytes(body)

    def _too_long(self) -> RefusedError:
        return RefusedError(
            413,
            f"the body is longer than {self.settings.max_body_bytes} bytes; send smaller batches, or raise "
            "CHATTRAIL_SIDECAR_MAX_BODY_BYTES",
        )

    async def _not_kept(self, request: web.Request) -> web.Response:
        self._token.require(request)
        raise RefusedError(404, NOT_KEPT[request.match_info["signal"]])

    async def _healthz(self, _request: web.Request) -> web.Response:
        return web.json_response({"alive": True})

    async def _readyz(self, request: web.Request) -> web.Response:
        reasons = self._pipeline.reasons()
        plugins = [
            {"name": stage.name, "required": stage.required, "ready": not reasons[stage.name]}
            for stage in self._pipeline.stages
        ]
        ready = self._pipeline.ready
        answer: dict[str, object] = {"ready": ready, "draining": self._pipeline.draining, "plugins": plugins}
        dead_letter_alarm = self._pipeline.dead_letter_alarm.reason()
        if self._token.is_known(request):  # reasons name hosts and folders
            answer["plugins"] = [{**plugin, "reason": reasons[str(plugin["name"])]} for plugin in plugins]
            answer["alarms"] = [dead_letter_alarm] if dead_letter_alarm else []
        return web.json_response(answer, status=200 if ready else 503)

    async def _own_metrics(self, request: web.Request) -> web.Response:
        self._token.require(request)
        self._pipeline.dead_letter_alarm.reason()  # a window that has passed is noticed when it is read
        return web.Response(body=exposition(self._metrics).encode(), headers={"Content-Type": CONTENT_TYPE})


def runner(receiver: Receiver) -> web.AppRunner:
    """Wrap the application in the runner settings it relies on."""
    return make_runner(
        receiver.application(),
        idle_s=receiver.settings.idle_timeout_s,
        connections=receiver.settings.max_connections,
        auto_decompress=False,  # the receiver inflates under its own cap
        shutdown_timeout=2.0,
    )
