"""A small web server on the loopback, for tests of catalogues."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Loopback:
    """A running server: `answer(method, path, body)` makes each answer, `hits` lists the requests."""

    url: str = ""
    answer: Callable[[str, str, Any], Any] = lambda method, path, body: (404, {}, b"")
    hits: list[tuple[str, str, Any]] = field(default_factory=list)

    def reply(self, method: str, path: str, raw: bytes) -> Answer:
        body = json.loads(raw) if raw else None
        self.hits.append((method, path, body))
        made = self.answer(method, path, body)
        if isinstance(made, dict):
            return 200, {"Content-Type": "application/json"}, json.dumps(made).encode()
        if isinstance(made, int):
            return made, {}, b"{}"
        return made


def _handler(server: Loopback) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, headers, body = server.reply(self.command, self.path, raw)
            asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
            if asked and status == 200 and self.command == "GET":
                first, last = int(asked[1]), min(int(asked[2]), len(body) - 1)
                headers = {**headers, "Content-Range": f"bytes {first}-{last}/{len(body)}"}
                status, body = 206, body[first : last + 1]
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_POST = do_HEAD = do_GET

        def log_message(self, *args: Any) -> None:
            pass

    return Handler


@pytest.fixture
def serve() -> Iterator[Callable[[], Loopback]]:
    """Start servers at will; all stop with the test."""
    running = []

    def start() -> Loopback:
        server = Loopback()
        http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(server))
        http.daemon_threads = True
        server.url = f"http://127.0.0.1:{http.server_port}"
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        running.append((http, thread))
        return server

    yield start
    for http, thread in running:
        http.shutdown()
        http.server_close()
        thread.join()
