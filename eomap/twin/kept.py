"""The last few things made of frames, kept as long as they fit: what is old goes before the new is made.

A cache that drops the old afterwards would hold both for a while, and lands of whole scenes are large.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class Kept(Generic[T]):
    """Values by key; for several threads."""

    most_px: int
    """Pixels of all together."""
    largest_px: int
    """Pixels of the largest one that is kept at all."""
    _held: OrderedDict[Hashable, tuple[int, T]] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def get(self, key: Hashable, pixels: int, make: Callable[[], T]) -> T:
        """Return what is kept under a key, or make it and keep it, if it is not too large."""
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
                return self._held[key][1]
            if pixels <= self.largest_px:
                self._make_room(pixels)
        made = make()
        if pixels <= self.largest_px:
            with self._lock:
                self._make_room(pixels)
                self._held[key] = pixels, made
        return made

    def clear(self) -> None:
        """Keep nothing."""
        with self._lock:
            self._held.clear()

    def _make_room(self, pixels: int) -> None:
        while self._held and sum(n for n, _ in self._held.values()) + pixels > self.most_px:
            self._held.popitem(last=False)
