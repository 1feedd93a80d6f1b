"""Ctrl-C that is never lost."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any


@contextlib.contextmanager
def heeded() -> Iterator[Callable[[], None]]:
    """Yield a check that raises KeyboardInterrupt when Ctrl-C was pressed within this context.

    Python raises it at once, yet drops it where it lands in a destructor or a callback (Ray's are many):
    loops ask again. Outside the main thread nothing is changed and the check does nothing.
    """
    pressed = False

    def press(number: int, frame: Any) -> None:
        nonlocal pressed
        pressed = True
        raise KeyboardInterrupt

    def check() -> None:
        if pressed:
            raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield check
        return
    before = signal.signal(signal.SIGINT, press)
    try:
        yield check
    finally:
        signal.signal(signal.SIGINT, before)
