"""Signatures and secrets, kept out of everything that is written; `io.access` puts them on."""

import re
from urllib.parse import urlsplit, urlunsplit

_SIGNATURE = re.compile(
    r"(?i)^(x-(amz|goog|ms)-.*|sig|signature|token|access_token|api_?key|subscription-key|expires|policy|"
    r"key-pair-id|awsaccesskeyid|googleaccessid|s[eprvtk]|sks|skv|skt|ske|skoid|sktid|sip|spr|ss|srt|sdd)$"
)


def strip_signature(href: str) -> str:
    """Return the href without the query fields by which providers sign; other fields stay."""
    parts = urlsplit(href)
    left = [f for f in parts.query.split("&") if f and not _SIGNATURE.match(f.partition("=")[0])]
    return urlunsplit(parts._replace(query="&".join(left)))


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
