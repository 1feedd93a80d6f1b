"""Files that appear whole or not at all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from eomap.errors import MisuseError


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """Give a temporary file name on the same disk; on success it becomes `path`, on failure it is removed.

    An existing file is replaced. Raises MisuseError where the place cannot be written.
    """
    target = Path(path)
    if not target.name or target.is_dir():
        raise MisuseError(str(path), expected="a file name", got="a folder")
    try:
        with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as folder:
            part = Path(folder) / target.name
            yield part
            os.replace(part, target)
    except OSError as problem:
        raise MisuseError(
            str(path),
            expected="a place to write",
            got=problem.strerror or str(problem)[:200],
            hint="make the folder, free some space or choose another place",
        ) from problem
