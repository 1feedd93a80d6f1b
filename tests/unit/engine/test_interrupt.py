"""Ctrl-C is heeded even where Python drops it."""

import os
import signal
import threading

import pytest

from eomap.engine.interrupt import heeded


def press():
    """Press Ctrl-C; the handler runs between two instructions."""
    os.kill(os.getpid(), signal.SIGINT)
    for _ in range(1000):
        pass


class Careless:
    """Its destructor meets the interrupt, and Python drops what a destructor raises."""

    def __del__(self):
        press()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupt_lost_in_a_destructor_is_raised_by_the_check():
    before = signal.getsignal(signal.SIGINT)
    with heeded() as check:
        check()
        thing = Careless()
        del thing
        with pytest.raises(KeyboardInterrupt):
            check()
    assert signal.getsignal(signal.SIGINT) is before


def test_it_interrupts_at_once_like_any_other():
    with heeded(), pytest.raises(KeyboardInterrupt):
        press()


def test_other_threads_are_left_alone():
    found = []

    def run():
        with heeded() as check:
            found.append(check())

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert found == [None]
