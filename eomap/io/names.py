"""Names that come from outside, made safe to be names of files."""

import hashlib
import re

LONGEST_NAME = 120


def confine(name: str) -> str:
    """Return a name fit for one file or folder, different for different names; good names stay as they are.

    >>> confine("S2A_32TMT_20200302_1_L2A")
    'S2A_32TMT_20200302_1_L2A'
    >>> "/" in confine("../../etc/passwd")
    False
    """
    if re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*", name) and len(name) <= LONGEST_NAME:
        return name
    kept = re.sub(r"[^A-Za-z0-9_+-]+", "_", name).strip("_")[: LONGEST_NAME - 20] or "unnamed"
    mark = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"{kept}-{mark}"
