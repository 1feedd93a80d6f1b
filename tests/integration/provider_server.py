"""A provider on the loopback: a built catalogue behind range requests, short-lived tokens and bad days."""

import json
import re
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit


@dataclass
class Provider:
    """What is served and how; change it while it runs."""

    folder: Path
    url: str = ""
    guarded: bool = False
    """Whether pixels take a token."""
    page_items: int = 2
    busy: Iterator[int] = field(default_factory=lambda: iter(()))
    """Statuses to answer with before anything else, one per request of pixels; below 400 is no refusal."""
    tokens: set[str] = field(default_factory=set)
    """Those given out that are still good; clear it, and they have run out."""
    log: list[tuple[int, str]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    life_s: float = 60.0
    """How long tokens last, as the token service says; the host goes by `tokens` alone."""
    crowded: Iterator[int] = field(default_factory=lambda: iter(()))
    """Statuses that the token service answers with before anything else."""
    given: list[str] = field(default_factory=list)
    """Every token ever given out: secrets that must be found nowhere."""

    def token(self) -> tuple[int, dict]:
        """Return status and JSON of the token service."""
        with self.lock:
            if status := next(self.crowded, 0):
                return status, {}
            token, until = secrets.token_hex(8), datetime.fromtimestamp(time.time() + self.life_s, UTC)
            self.tokens.add(token)
            self.given.append(token)
        text = f"st=2020-01-01&se={until:%Y-%m-%dT%H:%M:%SZ}&sp=rl&sig={token}"
        return 200, {"msft:expiry": until.isoformat().replace("+00:00", "Z"), "token": text}

    def refusal(self, query: str) -> int:
        """Return the status that a request of pixels is refused with, or 0."""
        with self.lock:
            if (status := next(self.busy, 0)) >= 400:
                return status
            good = parse_qs(query).get("sig", [""])[0] in self.tokens
            return 0 if good or not self.guarded else 403

    def search(self, body: dict) -> dict:
        """Return a page of items; the last page is empty, as with real servers."""
        paths = sorted((self.folder / body["collections"][0]).glob("*/*.json"))
        start = int(body.get("token", 0))
        page = [json.loads(p.read_text()) for p in paths[start : start + self.page_items]]
        for item in page:
            for asset in item["assets"].values():
                asset["href"] = f"{self.url}/{item['collection']}/{item['id']}/{asset['href'][2:]}"
        more = {"rel": "next", "href": f"{self.url}/v1/search", "method": "POST", "merge": True}
        links = [{**more, "body": {"token": start + self.page_items}}] if page else []
        return {"type": "FeatureCollection", "features": page, "links": links, "numberMatched": len(paths)}

    def landing(self) -> dict:
        search = {"rel": "search", "href": f"{self.url}/v1/search", "method": "POST"}
        return {
            "type": "Catalog",
            "id": "loopback",
            "stac_version": "1.0.0",
            "description": "made up",
            "conformsTo": [
                "https://api.stacspec.org/v1.0.0/core",
                "https://api.stacspec.org/v1.0.0/item-search",
            ],
            "links": [{"rel": "self", "href": f"{self.url}/v1"}, search],
        }


@contextmanager
def served(folder: Path) -> Iterator[Provider]:
    """Serve a built catalogue until the block ends."""
    provider = Provider(folder)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path == "/v1":
                return self.answer(200, json.dumps(provider.landing()).encode(), "application/json")
            if parts.path.startswith("/token/"):
                status, said = provider.token()
                return self.answer(status, json.dumps(said).encode(), "application/json")
            path = (folder / parts.path.lstrip("/")).resolve()
            if not path.is_relative_to(folder) or not path.is_file():
                return self.answer(404, b"")
            if path.suffix != ".json" and (status := provider.refusal(parts.query)):
                return self.answer(status, b"")
            return self.answer(200, path.read_bytes())

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.answer(200, json.dumps(provider.search(body)).encode(), "application/geo+json")

        do_HEAD = do_GET

        def answer(self, status: int, body: bytes, kind: str = "application/octet-stream") -> None:
            with provider.lock:
                provider.log.append((status, self.path))
            asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
            headers = {"Content-Type": kind, "Accept-Ranges": "bytes"}
            if status == 429:
                headers["Retry-After"] = "1"
            if asked and status == 200:
                first, last = int(asked[1]), min(int(asked[2] or len(body) - 1), len(body) - 1)
                headers["Content-Range"] = f"bytes {first}-{last}/{len(body)}"
                status, body = 206, body[first : last + 1]
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    provider.url = f"http://127.0.0.1:{http.server_port}"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        http.shutdown()
        http.server_close()
        thread.join()
