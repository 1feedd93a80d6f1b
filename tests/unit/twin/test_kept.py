"""What is kept: never more than fits, and the old is gone before the new is made."""

import gc
import weakref

from eomap.twin.kept import Kept


class Thing:
    pass


def test_what_is_there_is_not_made_again():
    kept = Kept(100, largest_px=80)
    first = kept.get("a", 40, Thing)
    assert kept.get("a", 40, Thing) is first and kept.get("b", 60, Thing) is not first
    assert kept.get("a", 40, Thing) is first


def test_the_old_is_gone_before_the_new_is_made():
    kept = Kept(100, largest_px=80)
    old = weakref.ref(kept.get("old", 60, Thing))
    young = weakref.ref(kept.get("young", 30, Thing))
    assert old() and young()

    def make():
        gc.collect()
        assert old() is None and young() is not None
        return Thing()

    kept.get("new", 60, make)


def test_what_is_too_large_is_not_kept():
    kept = Kept(100, largest_px=80)
    small = kept.get("small", 80, Thing)
    assert kept.get("large", 81, Thing) is not kept.get("large", 81, Thing)
    assert kept.get("small", 80, Thing) is small
