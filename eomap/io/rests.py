"""What a frame left over of the blocks that its edges cut, for the frames beside it.

Tasks go from west to east and from north to south, so what lies right of a frame or below it is likely to be
asked for next. It is held undone of all coding, within a budget; a rest that is not there is inflated again.
"""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

import numpy.typing as npt

BUDGET_BYTES = 128 << 20
TURNS = 4
"""Frames after which a rest is given up: by then nobody asks for it."""
Part = tuple[int, int, int, int]
"""First and last row, first and last column within a block, ends excluded."""


@dataclass
class Rests:
    """Parts of blocks, by block. Not for threads that read the same file."""

    budget_bytes: int = BUDGET_BYTES
    held_bytes: int = 0
    _turn: int = 0
    _held: "OrderedDict[Hashable, tuple[int, Part, npt.NDArray[Any]]]" = field(default_factory=OrderedDict)
    """Oldest first: the turn they were left in, where they lie, their pixels."""

    def turn(self) -> None:
        """Give up what was left too many frames ago; call it where a frame begins."""
        self._turn += 1
        while self._held and next(iter(self._held.values()))[0] <= self._turn - TURNS:
            _, (_, _, pixels) = self._held.popitem(last=False)
            self.held_bytes -= pixels.nbytes

    def take(self, block: Hashable, part: Part) -> npt.NDArray[Any] | None:
        """Return a part of a block (y, x) where it is held, else None."""
        top, bottom, left, right = part
        for side in ("below", "right"):
            if (found := self._held.get((block, side))) is None:
                continue
            _, (row0, row1, col0, col1), pixels = found
            if row0 <= top and bottom <= row1 and col0 <= left and right <= col1:
                return pixels[top - row0 : bottom - row0, left - col0 : right - col0]
        return None

    def room(self, part: Part, itemsize: int) -> bool:
        """Say whether a part of a block still fits."""
        return self.held_bytes + (part[1] - part[0]) * (part[3] - part[2]) * itemsize <= self.budget_bytes

    def leave(self, block: Hashable, side: str, part: Part, pixels: npt.NDArray[Any]) -> None:
        """Hold what lies `below` or `right` of a frame; the caller made room, and keeps no hand on it."""
        if (old := self._held.pop((block, side), None)) is not None:
            self.held_bytes -= old[2].nbytes
        self._held[(block, side)] = self._turn, part, pixels
        self.held_bytes += pixels.nbytes


def rests_of(part: Part, shape: tuple[int, int], slack_yx: tuple[int, int]) -> dict[str, Part]:
    """Return what lies below and right of a part of a block of that shape, by side.

    `slack_yx` rows and columns of the part itself belong to them, too: frames that lie askew in a file
    overlap there.

    >>> rests_of((0, 100, 30, 60), (128, 64), (8, 0))
    {'below': (92, 128, 0, 64), 'right': (0, 128, 60, 64)}
    """
    (_, bottom, _, right), (high, wide) = part, shape
    found = {}
    if bottom < high:
        found["below"] = (max(bottom - slack_yx[0], 0), high, 0, wide)
    if right < wide:
        found["right"] = (0, high, max(right - slack_yx[1], 0), wide)
    return found
