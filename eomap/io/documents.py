"""Documents of catalogues: JSON of a bounded size, wherever it comes from."""

import json
from typing import Any

from eomap.errors import BrokenInputError
from eomap.io.signing import redact

LARGEST_BYTES = 256 * 2**20


def parse_json(body: bytes | str, where: str) -> Any:
    """Return the value of a JSON text; raise BrokenInputError, naming where it is from."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        start = body[:40] if isinstance(body, str) else body[:40].decode("utf-8", "replace")
        raise BrokenInputError(redact(where), expected="JSON", got=repr(redact(start))) from None
