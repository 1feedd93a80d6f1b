"""Which addresses may be opened.

A catalogue is somebody else's text. Whatever it calls an asset or a link is vetted here before
anything opens it, because GDAL opens files of this machine and hosts of this network as readily as
pictures: `/vsicurl/`, `vrt://`, `file://`, bare paths and inline XML all work there.
"""

import ipaddress
import re
import socket
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from eomap.errors import BrokenInputError, TransientError
from eomap.io.names import confine
from eomap.io.signing import redact, strip_signature

__all__ = [
    "HrefRules",
    "confine",
    "gdal_path",
    "is_loopback",
    "is_public",
    "redact",
    "strip_signature",
    "vet_href",
]

LONGEST = 2048
_CONTROL = re.compile(r"[\x00-\x1f\x7f\\]")
_POINTER = re.compile(r"\.(vrt|gti|wms)(\W|$)")
_BUCKETS = {"s3": "/vsis3/", "gs": "/vsigs/", "az": "/vsiaz/", "abfs": "/vsiaz/"}
_LOCAL_NAMES = (".localhost", ".local", ".internal", ".localdomain", ".home.arpa")


@dataclass(frozen=True, slots=True)
class HrefRules:
    """What the hrefs of one catalogue may point to."""

    roots: tuple[Path, ...] = ()
    """Folders of a local catalogue; no local file outside them is ever opened."""
    hosts: tuple[str, ...] | None = None
    """Hosts ('x.org', '*.x.org') and buckets ('s3://name') allowed; None allows any public one."""
    own_hosts: tuple[str, ...] = ()
    """Host or host:port of the catalogue itself, which a person named: may be private or loopback."""

    def vet(self, href: str) -> str:
        """Return the href, or raise BrokenInputError; see `vet_href`."""
        return vet_href(href, allowed_roots=self.roots, allowed_hosts=self.hosts, own_hosts=self.own_hosts)


def vet_href(
    href: str,
    *,
    allowed_roots: Collection[Path] = (),
    allowed_hosts: Collection[str] | None = None,
    own_hosts: Collection[str] = (),
    resolve: bool = False,
) -> str:
    """Return a href that may be opened, local ones as absolute paths; raise BrokenInputError otherwise.

    Allowed are https, s3, gs, az and abfs addresses at public hosts, and paths below `allowed_roots`
    (symbolic links followed). Hosts of `own_hosts` may also be private, and http when they are the
    loopback. `resolve=True` asks the name service and refuses names that lead to private addresses.
    Signatures are cut off; other query strings are refused, because without them the address would
    mean another file.
    """
    _refuse_tricks(href)
    try:
        scheme = urlsplit(href).scheme.lower()
    except ValueError:
        raise _refused(href, "a valid address") from None
    if scheme in ("", "file"):
        return _vet_path(href, allowed_roots)
    parts = urlsplit(strip_signature(href))
    if parts.query or parts.fragment:
        raise _refused(href, "an address without a query")
    if ".." in unquote(parts.path).split("/"):
        raise _refused(href, "a path without '..'")
    if scheme in _BUCKETS:
        _vet_bucket(href, scheme, parts.netloc, allowed_hosts)
    elif scheme in ("https", "http"):
        _vet_host(href, allowed_hosts, own_hosts, resolve)
    else:
        raise _refused(href, "https, s3, gs, az or abfs")
    return urlunsplit(parts)


def _refused(href: object, expected: str) -> BrokenInputError:
    return BrokenInputError("asset address refused", expected=expected, got=repr(redact(str(href))[:120]))


def _refuse_tricks(href: object) -> None:
    if not isinstance(href, str) or not href:
        raise _refused(href, "a text")
    if len(href) > LONGEST:
        raise _refused(href, f"at most {LONGEST} characters")
    if href != href.strip() or _CONTROL.search(href):
        raise _refused(href, "no control characters, backslashes or outer blanks")
    lowered = unquote(href).lower()
    if "<" in lowered or lowered.startswith("/vsi") or "\0" in lowered:
        raise _refused(href, "an address, not a GDAL expression")
    if _POINTER.search(lowered) or lowered.startswith("vrt:"):
        raise _refused(href, "a raster file, not a VRT or other pointer to files")


def _vet_path(href: str, roots: Collection[Path]) -> str:
    parts = urlsplit(href) if href.lower().startswith("file:") else None
    if parts is not None and parts.netloc not in ("", "localhost"):
        raise _refused(href, "a file of this machine")
    path = Path(unquote(parts.path) if parts is not None else href)
    if not roots:
        raise _refused(href, "no local file: this catalogue is remote")
    if not path.is_absolute():
        raise _refused(href, "an absolute path")
    real = path.resolve()
    if not any(real.is_relative_to(Path(root).resolve()) for root in roots):
        raise _refused(href, "a file below the catalogue's own folder")
    return str(real)


def _vet_bucket(href: str, scheme: str, bucket: str, allowed: Collection[str] | None) -> None:
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]{1,62}", bucket):
        raise _refused(href, "a bucket name")
    if allowed is not None and f"{scheme}://{bucket}" not in allowed:
        raise _refused(href, "a bucket that this catalogue is known to use")


def _vet_host(href: str, allowed: Collection[str] | None, own_hosts: Collection[str], resolve: bool) -> None:
    parts = urlsplit(href)
    if "@" in parts.netloc:
        raise _refused(href, "no user name or password in the address")
    try:
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        raise _refused(href, "a valid port") from None
    own = bool({host, f"{host}:{port}"} & set(own_hosts))
    if parts.scheme.lower() == "http" and not (own and is_loopback(host)):
        raise _refused(href, "https")
    if own:
        return
    if not is_public(host):
        raise _refused(href, "a public host")
    if allowed is not None and not _listed(host, allowed):
        raise _refused(href, "a host that this catalogue is known to use")
    if resolve and not _leads_outside(host):
        raise _refused(href, "a name that leads to public addresses")


def _listed(host: str, allowed: Iterable[str]) -> bool:
    return any(host == a or (a.startswith("*.") and host.endswith(a[1:])) for a in allowed)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the address that a host literal means, in any notation that C libraries take."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    try:  # 2130706433, 0x7f.1 and 0177.0.0.1 are 127.0.0.1; no name is looked up here
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except (OSError, UnicodeError):
        return None


def _is_public_address(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address in ipaddress.ip_network("64:ff9b::/96"):
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return _is_public_address(inner)
    return address.is_global and not address.is_multicast


@lru_cache(maxsize=1024)
def is_public(host: str) -> bool:
    """Say whether a host, as written, can be one of the public internet.

    >>> [is_public(h) for h in ("example.com", "localhost", "2130706433", "169.254.169.254", "::1")]
    [True, False, False, False, False]
    """
    address = _address(host)
    if address is not None:
        return _is_public_address(address)
    name = host.lower()
    return bool(re.fullmatch(r"[a-z0-9_.-]+\.[a-z][a-z0-9-]*", name)) and not name.endswith(_LOCAL_NAMES)


def is_loopback(host: str) -> bool:
    """Say whether a host, as written, is this machine."""
    address = _address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def _leads_outside(host: str) -> bool:
    try:
        found = socket.getaddrinfo(host, 443, proto=socket.IPPROTO_TCP)
    except OSError as error:
        raise TransientError(f"host {host}", expected="an address for the name", got=str(error)) from None
    return all(_is_public_address(ipaddress.ip_address(str(f[4][0]).partition("%")[0])) for f in found)


def gdal_path(href: str) -> str:
    """Return what rasterio opens for a vetted, possibly signed href: /vsicurl/, /vsis3/, ... or a path."""
    _refuse_tricks(href.partition("?")[0])
    scheme, _, rest = href.partition("://")
    if scheme in _BUCKETS and rest:
        return _BUCKETS[scheme] + rest
    if scheme in ("https", "http") and rest:
        return f"/vsicurl/{href}"
    if not href.startswith("/"):
        raise _refused(href, "a vetted address")
    return href
