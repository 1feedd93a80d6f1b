"""HTTP for catalogues: the catalogue's own host only, patient with busy servers, plain about failures."""

from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import Retry

from eomap.errors import BrokenInputError, EomapError, MisuseError, TransientError
from eomap.io.catalog_entry import Patience
from eomap.io.documents import LARGEST_BYTES, parse_json
from eomap.io.signing import redact

TIMEOUT_S = (10.0, 60.0)
_AGAIN = (408, 429, 500, 502, 503, 504)


class PatientRetry(Retry):
    """Repeats on 429, 5xx and resets, POST too, heeding Retry-After up to a bound."""

    longest_wait_s = 60.0

    @classmethod
    def of(cls, patience: Patience) -> "PatientRetry":
        """Return the retry rule for a patience."""
        retry = cls(
            total=patience.retries,
            backoff_factor=patience.backoff_s,
            backoff_max=patience.longest_wait_s,
            status_forcelist=_AGAIN,
            allowed_methods=None,
            respect_retry_after_header=True,
            raise_on_status=False,
        )
        retry.longest_wait_s = patience.longest_wait_s
        return retry

    def new(self, **changes: Any) -> "PatientRetry":
        """Return the rule for the next attempt."""
        following = super().new(**changes)
        following.longest_wait_s = self.longest_wait_s
        return following

    def get_retry_after(self, response: Any) -> float | None:
        """Return the seconds that the server asks to wait, bounded."""
        asked = super().get_retry_after(response)
        return None if asked is None else min(asked, self.longest_wait_s)


class OwnHostAdapter(HTTPAdapter):
    """Sends requests to one host only, so that no link or redirect leads elsewhere."""

    def __init__(self, url: str, patience: Patience) -> None:
        self._own = urlsplit(url)
        super().__init__(max_retries=PatientRetry.of(patience))

    def send(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Send the request, or raise BrokenInputError when it goes to another host."""
        asked, own = urlsplit(request.url), self._own
        same_port = asked.port in (own.port, None if own.port else 443)
        secure = asked.scheme == "https" or own.scheme == "http"
        if asked.hostname != own.hostname or not same_port or not secure:
            raise BrokenInputError(
                f"catalogue {own.netloc}",
                expected="links and redirects to its own host",
                got=redact(request.url)[:120],
                hint="name that address as the catalogue if you trust it",
            )
        return super().send(request, *args, **kwargs)


def own_host_session(url: str, patience: Patience) -> requests.Session:
    """Return a session that can reach the host of `url` only."""
    session = requests.Session()
    for prefix in ("http://", "https://"):
        session.mount(prefix, OwnHostAdapter(url, patience))
    return session


def fetch_json(session: requests.Session, url: str) -> Any:
    """Return the JSON document at a URL.

    Raises TransientError when the host keeps failing, MisuseError where access is refused,
    BrokenInputError for what is missing, too large or no JSON.
    """
    try:
        with session.get(url, timeout=TIMEOUT_S, stream=True) as answer:
            if answer.status_code != 200:
                raise failure(url, answer.status_code, answer.reason or "")
            body = answer.raw.read(LARGEST_BYTES + 1, decode_content=True)
    except requests.RequestException as error:
        raise failure(url, None, str(error)) from None
    except OSError as error:
        raise failure(url, None, str(error)) from None
    if len(body) > LARGEST_BYTES:
        raise BrokenInputError(redact(url), expected=f"at most {LARGEST_BYTES >> 20} MiB", got="more")
    return parse_json(body, url)


def failure(url: str, status: int | None, text: str) -> EomapError:
    """Return the error for a failed request, by its remedy; `status` is None where no answer came."""
    where, said = redact(url), redact(text)[:200]
    if status is None:
        return TransientError(
            where, expected="an answer", got=said, hint="check the network and the address, then run again"
        )
    if status in _AGAIN or status >= 500:
        return TransientError(
            where,
            expected="an answer",
            got=f"HTTP {status} again and again {said}",
            hint="wait, then run again",
        )
    if status in (401, 403):
        return MisuseError(where, expected="access", got=f"HTTP {status}", hint="check your credentials")
    if status in (404, 410):
        return BrokenInputError(where, expected="a document", got=f"HTTP {status}")
    return MisuseError(where, expected="an answer", got=f"HTTP {status} {said}")
