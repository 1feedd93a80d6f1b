"""Signatures and secrets: put on at the moment of reading, kept out of everything that is written."""

import re
from urllib.parse import urlsplit, urlunsplit

from eomap.errors import MisuseError, TransientError

_SIGNATURE = re.compile(
    r"(?i)^(x-(amz|goog|ms)-.*|sig|signature|token|access_token|api_?key|subscription-key|expires|policy|"
    r"key-pair-id|awsaccesskeyid|googleaccessid|s[eprvtk]|sks|skv|skt|ske|skoid|sktid|sip|spr|ss|srt|sdd)$"
)


def strip_signature(href: str) -> str:
    """Return the href without the query fields by which providers sign; other fields stay."""
    parts = urlsplit(href)
    left = [f for f in parts.query.split("&") if f and not _SIGNATURE.match(f.partition("=")[0])]
    return urlunsplit(parts._replace(query="&".join(left)))


def sign(href: str, kind: str) -> str:
    """Return a href that opens now: signed by the provider's rule, at the moment of reading.

    The result is short-lived and secret: it is never stored, logged or put into a plan. Raises
    MisuseError when the package it takes is not installed, TransientError when the token service fails.
    """
    if not kind:
        return href
    if kind != "planetary-computer":
        raise MisuseError("signing", expected="'' or planetary-computer", got=repr(kind))
    try:
        import planetary_computer
    except ImportError:
        raise MisuseError(
            "Planetary Computer",
            expected="the planetary-computer package",
            got="none",
            hint="pip install eomap[pc]",
        ) from None
    try:
        return str(planetary_computer.sign(href))
    except OSError as error:  # requests' errors are OSErrors
        said = redact(str(error))[:200]
        raise TransientError("Planetary Computer token", expected="a token", got=said) from None


_QUERY = re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://[^\s'\"<>?#]*)\?[^\s'\"<>]*")
_USERINFO = re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)[^\s/'\"<>@]*@")
_SECRET = re.compile(
    r"(?i)(authorization['\"]?\s*[:=]\s*['\"]?(?:(?:bearer|basic|token)\s+)?|"
    r"\b(?:sig|signature|token|access_token|api_?key|password|secret|x-(?:amz|goog)-[a-z-]+|"
    r"aws_(?:secret_access_key|session_token|access_key_id)|(?:[a-z]+_)*(?:sas|token|secret)(?:_[a-z]+)*)"
    r"['\"]?\s*[=:]\s*['\"]?)[^\s'\"&,;}\]]+"
)


def redact(text: str) -> str:
    """Return a text without query strings, user names in addresses, and values of secrets.

    >>> redact("GET https://u:p@x.org/a.tif?sig=abc failed, Authorization: Bearer xyz")
    'GET https://x.org/a.tif failed, Authorization: Bearer [removed]'
    """
    return _SECRET.sub(r"\1[removed]", _USERINFO.sub(r"\1", _QUERY.sub(r"\1", text)))
