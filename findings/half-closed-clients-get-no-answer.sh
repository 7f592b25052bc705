#!/usr/bin/env bash
# tornado 6.6.1 and aiohttp 3.14.5: a client that closes its sending side after its request, and waits for the answer,
# gets none.
#
# TCP lets each side close by itself, and `nc -N`, some health checks and small devices do so when they have sent a
# request. Python's own http.server answers. aiohttp leaves eof_received to asyncio's Protocol, whose default closes the
# transport; tornado takes the end of what it reads for the end of the connection. Both notice at once, and the answer
# that the handler is still making is written to nobody. The client sees a connection that was closed in good order; the
# handler may have changed a database meanwhile.
#
# Source: asyncio.Protocol.eof_received in Python's documentation (None lets the transport close itself),
# RequestHandler.eof_received in aiohttp/web_protocol.py; BaseIOStream._read_to_buffer (no bytes: close) in
# tornado/iostream.py.
# Met with `nc -N` on the dashboard: docs/adr/0024-slow-clients.md. The dashboard and the sidecar live with it.
#
# Output seen (a handler that takes half a second; the client closed its sending side before that):
#   http.server b'HTTP/1.0 200 OK'
#   tornado     b''
#   aiohttp     b''
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check tornado==6.6.1 aiohttp==3.14.5
"$folder/venv/bin/python" - <<'PYTHON'
import asyncio
import http.server
import socket
import sys
import threading
import time

import tornado.httpserver
import tornado.web
from aiohttp import web

TAKES_S = 0.5


class Plain(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        time.sleep(TAKES_S)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


class Tornado(tornado.web.RequestHandler):
    async def get(self):
        await asyncio.sleep(TAKES_S)


async def aiohttp_handler(_):
    await asyncio.sleep(TAKES_S)
    return web.Response()


def ask(port, half_close):
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        if half_close:
            client.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := client.recv(4096):
            answer += piece
        return answer.partition(b"\r\n")[0]


async def main():
    plain = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Plain)
    threading.Thread(target=plain.serve_forever, daemon=True).start()
    listening = [tornado.netutil.bind_sockets(0, "127.0.0.1")[0] for _ in range(2)]
    tornado.httpserver.HTTPServer(tornado.web.Application([("/", Tornado)])).add_sockets(listening[:1])
    application = web.Application()
    application.router.add_get("/", aiohttp_handler)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.SockSite(runner, listening[1]).start()
    ports = {"http.server": plain.server_port, "tornado": listening[0].getsockname()[1], "aiohttp": listening[1].getsockname()[1]}
    whole = {name: await asyncio.to_thread(ask, port, False) for name, port in ports.items()}
    assert all(b" 200 OK" in line for line in whole.values()), whole
    seen = {name: await asyncio.to_thread(ask, port, True) for name, port in ports.items()}
    for name, line in seen.items():
        print(name.ljust(11), line)
    await runner.cleanup()
    return [bool(line) for line in seen.values()] == [True, False, False]


sys.exit(not asyncio.run(main()))
PYTHON
