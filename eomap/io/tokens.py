"""Tokens of the Planetary Computer: one a container, fetched when pixels are to be read, kept in memory only.

A token opens every file of one container of one storage account for the better part of an hour. It is
renewed when a fifth of its life is left, and at once when a host refuses it. It lives in this process only:
never in a plan, a ledger, a table, a log or an argument of a task.
Source: the token service's description, https://planetarycomputer.microsoft.com/docs/concepts/sas/
"""

import os
import re
import threading
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from eomap.errors import BrokenInputError
from eomap.io.catalog_entry import Patience

SERVICE = "https://planetarycomputer.microsoft.com/api/sas/v1/token"
STORAGE = re.compile(r"([a-z0-9]{3,24})\.blob\.core\.windows\.net")
"""Hosts that a token is for; no other host is ever shown one."""
KEY_VARIABLE = "PC_SDK_SUBSCRIPTION_KEY"
"""Environment variable of a subscriber's key; without one the service answers less often."""
RENEWED_AT = 0.8
"""Share of its life after which a token is replaced."""


@dataclass(frozen=True, slots=True)
class _Token:
    text: str = field(repr=False)
    until_s: float
    """When to replace it, seconds since 1970."""


@dataclass
class Tokens:
    """The tokens of this process. Threads may share it; two of them never fetch the same token twice."""

    patience: Patience = field(default_factory=Patience)
    _kept: dict[str, _Token] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _session: Any = field(default=None, repr=False)

    def sign(self, href: str) -> str:
        """Return the href with a token that is good now; hrefs of other hosts come back as they are.

        Waits where the service asks to (429 with Retry-After). Raises TransientError when it keeps
        failing, BrokenInputError for a container that it does not know, MisuseError for a refused key.
        """
        container = _container(href)
        if not container:
            return href
        with self._lock:
            token = self._kept.get(container)
            if token is None or time.time() >= token.until_s:
                token = self._kept[container] = self._fetched(container)
        return f"{href}?{token.text}"

    def refused(self, signed: str) -> None:
        """Forget the token of a signed href that a host refused, unless it was replaced meanwhile."""
        href, _, text = signed.partition("?")
        container = _container(href)
        with self._lock:
            if container in self._kept and self._kept[container].text == text:
                del self._kept[container]

    def _fetched(self, container: str) -> _Token:
        from eomap.io.web import fetch_json, own_host_session  # here, so that files on disk need no requests

        if self._session is None:
            self._session = own_host_session(SERVICE, self.patience)
            if key := os.environ.get(KEY_VARIABLE):
                self._session.headers["Ocp-Apim-Subscription-Key"] = key
        now = time.time()
        said = fetch_json(self._session, f"{SERVICE}/{container}")
        try:
            text, end_s = str(said["token"]), _seconds(said["msft:expiry"])
        except (KeyError, TypeError, ValueError):
            raise BrokenInputError(
                f"Planetary Computer {container}", expected="a token and its end", got="other JSON"
            ) from None
        return _Token(text, now + RENEWED_AT * (end_s - now))


def _container(href: str) -> str:
    """Return account/container of an href, empty where it is none of theirs.

    >>> _container("https://sentinel2l2a01.blob.core.windows.net/sentinel2-l2/32/U/B02.tif")
    'sentinel2l2a01/sentinel2-l2'
    >>> _container("https://example.com/sentinel2-l2/B02.tif")
    ''
    """
    parts = urlsplit(href)
    match = STORAGE.fullmatch(parts.netloc)
    container = parts.path.lstrip("/").partition("/")[0]
    return f"{match[1]}/{container}" if match and container else ""


def _seconds(expiry: Any) -> float:
    from eomap.io.stac_items import parse_time

    return parse_time(str(expiry)).timestamp()


TOKENS = Tokens()
