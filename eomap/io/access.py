"""What it takes to open an href now: a token, or keys for a bucket. Put on in the reader, never stored.

A scene says *how* its hrefs are opened (`Scene.signing`): empty for public ones, else `planetary-computer`
or `cdse`. What that takes is a secret and comes from the token service or the environment of the worker.
"""

import logging
import os
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any
from urllib.parse import urlsplit

from eomap.errors import MisuseError
from eomap.io.catalog_entry import named_catalogs
from eomap.io.signing import redact
from eomap.io.tokens import TOKENS

KINDS = ("", "planetary-computer", "cdse")
OWN_KEYS = ("EOMAP_CDSE_ACCESS_KEY_ID", "EOMAP_CDSE_SECRET_ACCESS_KEY", "EOMAP_CDSE_ENDPOINT")
"""Come before AWS_*, which may be the keys of the bucket that the cube is written to."""


def signed(href: str, kind: str) -> str:
    """Return an href that opens now; short-lived and secret, so never stored, logged or put into a plan.

    Raises TransientError when the token service fails, MisuseError for a kind that is none.
    """
    if kind not in KINDS:
        raise MisuseError("signing", expected=f"one of {', '.join(KINDS[1:])}, or empty", got=repr(kind))
    return TOKENS.sign(href) if kind == "planetary-computer" else href


def refused(href: str, kind: str) -> None:
    """Take note that a host refused a signed href."""
    if kind == "planetary-computer":
        TOKENS.refused(href)


def environment(href: str, kind: str) -> AbstractContextManager[Any]:
    """Return the context in which an href can be opened and read: keys and endpoint of its bucket.

    Raises MisuseError, naming what to set, where keys are missing.
    """
    if kind != "cdse" or not href.startswith("s3://"):
        return nullcontext()
    import rasterio

    session, options = _bucket(os.environ)
    return rasterio.Env(session=session, **options)


def _bucket(variables: Mapping[str, str]) -> tuple[Any, dict[str, str]]:
    """Return rasterio's session and GDAL's options for the buckets of the Copernicus Data Space."""
    from types import SimpleNamespace

    from botocore.credentials import Credentials
    from rasterio.session import AWSSession

    key, secret, _ = (variables.get(name) for name in OWN_KEYS)
    token = None
    if not (key and secret):
        key, secret = variables.get("AWS_ACCESS_KEY_ID"), variables.get("AWS_SECRET_ACCESS_KEY")
        token = variables.get("AWS_SESSION_TOKEN")
    if not (key and secret):
        raise MisuseError(
            "catalogue cdse",
            expected=f"S3 keys of the Copernicus Data Space in {OWN_KEYS[0]} and {OWN_KEYS[1]}",
            got="none there, and none in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
            hint="make a pair at https://eodata-s3keysmanager.dataspace.copernicus.eu and export both",
        )
    address = urlsplit(variables.get(OWN_KEYS[2]) or named_catalogs()["cdse"].s3_endpoint)
    if address.scheme not in ("https", "http") or not address.netloc:
        raise MisuseError(OWN_KEYS[2], expected="an address with https://", got="another text")
    found = Credentials(key, secret, token)
    region = variables.get("AWS_DEFAULT_REGION") or "default"
    session = AWSSession(
        session=SimpleNamespace(region_name=region, get_credentials=lambda: found),
        endpoint_url=address.netloc,
    )
    return session, {
        "AWS_HTTPS": "YES" if address.scheme == "https" else "NO",
        "AWS_VIRTUAL_HOSTING": "FALSE",
    }


def check_keys(kind: str) -> None:
    """Raise MisuseError where pixels will need keys that this environment lacks: before anything is read."""
    if kind == "cdse":
        _bucket(os.environ)


def keep_out_of_logs() -> None:
    """Let rasterio's own log say nothing of what is behind the question mark of an address."""
    import rasterio  # noqa: F401  # so that its loggers are there

    for name in list(logging.root.manager.loggerDict):
        if name.partition(".")[0] == "rasterio":
            logging.getLogger(name).addFilter(_without_signature)


def _without_signature(record: logging.LogRecord) -> bool:
    record.msg, record.args = redact(record.getMessage()), ()
    return True
