"""Samples of the twin: drawn once, kept in the user's cache under what shapes them, memory-mapped after.

A folder holds one part of one set: an .npy file for each array, part.json, and done.npy, which says which
places are finished. An interrupted making goes on where it stopped; several processes may share it.
"""

import json
import multiprocessing
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eomap.core.plan import digest
from eomap.errors import MisuseError
from eomap.io.cache import cache_folder
from eomap.training.places import SIDE_PX, Place, middles, places
from eomap.training.samples import Array, Samples
from eomap.training.twin_parts import COMMON, PARTS, part_with
from eomap.training.twin_views import Views
from eomap.twin.world import World

Notify = Callable[[str, Mapping[str, Any]], None]
VAL_SHARE, TEST_SHARE = 1 / 6, 1 / 4
"""Places for validation and test, for each one to train with."""


@dataclass(frozen=True, slots=True)
class TwinOrder:
    """Which samples: so many places of each split of one world."""

    train: int = 240
    val: int = 40
    test: int = 60
    seed: int = 7
    side_px: int = SIDE_PX

    @property
    def counts(self) -> Mapping[str, int]:
        """Places by split."""
        return {"train": self.train, "val": self.val, "test": self.test}


def parsed(address: str) -> TwinOrder:
    """Return the order that `twin://places=240,seed=7` stands for; raise MisuseError for what is none.

    `places` are those to train with; a sixth as many more are for validation, a quarter for the test.

    >>> parsed("twin://places=240,seed=7")
    TwinOrder(train=240, val=40, test=60, seed=7, side_px=270)
    """
    words = [w for w in address.removeprefix("twin://").split(",") if w]
    found: dict[str, int] = {}
    for word in words:
        match = re.fullmatch(r"(places|seed|val|test|side)=(\d{1,7})", word)
        if not match:
            raise MisuseError(
                "--data", expected="twin://places=240,seed=7 (also val=, test=, side=)", got=address
            )
        found[match[1]] = int(match[2])
    train = max(found.get("places", 240), 1)
    return TwinOrder(
        train,
        found.get("val", max(1, round(train * VAL_SHARE))),
        found.get("test", max(1, round(train * TEST_SHARE))),
        found.get("seed", 7),
        found.get("side", SIDE_PX),
    )


def twin_samples(
    order: TwinOrder,
    arrays: Iterable[str] = (),
    *,
    cache: Path | None = None,
    jobs: int = 1,
    notify: Notify = lambda *_: None,
) -> Samples:
    """Return samples with the arrays asked for (none: those of COMMON), made where they are not kept yet.

    Raises MisuseError for arrays that the twin has no part with.
    """
    parts = _parts_with(arrays)
    home = (cache or cache_folder()) / "samples"
    found = _kept_places(home, order)
    folders = {part: _prepared(home, order, part, len(found)) for part in parts}
    _make(folders, order, found, jobs, notify)
    return _opened(order, found, folders)


def _opened(order: TwinOrder, found: tuple[Place, ...], folders: Mapping[str, Path]) -> Samples:
    opened: dict[str, Array] = {}
    for part, folder in folders.items():
        for spec in PARTS[part].specs(order.side_px):
            opened[spec.name] = Array(spec, np.load(folder / f"{spec.name}.npy", mmap_mode="r"))
    return Samples(
        name=f"{World(order.seed).name}, {order.train} + {order.val} + {order.test} places of"
        f" {order.side_px * 10 / 1000:g} km",
        arrays=opened,
        splits_n=np.array([p.split for p in found]),
        place_n2=middles(found),
        synthetic=True,
        kinds_n=np.array([p.kind for p in found]),
    )


def finished(order: TwinOrder, part: str, *, cache: Path | None = None) -> tuple[Samples, np.ndarray] | None:
    """Return the samples of one part as far as they are kept, and the numbers of finished places.

    None where nothing is kept; nothing is made.
    """
    home = (cache or cache_folder()) / "samples"
    found = _kept_places(home, order)
    folder = _folder(home, order, part)[0]
    if not (folder / "part.json").is_file():
        return None
    return _opened(order, found, {part: folder}), np.flatnonzero(np.load(folder / "done.npy"))


def _parts_with(arrays: Iterable[str]) -> tuple[str, ...]:
    wanted = tuple(arrays)
    if not wanted:
        return COMMON
    if strange := [a for a in wanted if not part_with(a)]:
        known = ", ".join(s.name for p in PARTS.values() for s in p.specs(30))
        raise MisuseError("samples of the twin", expected=f"some of {known}", got=", ".join(strange))
    return tuple(dict.fromkeys(part_with(a) for a in wanted))


def _kept_places(home: Path, order: TwinOrder) -> tuple[Place, ...]:
    """Return the places of an order, drawn once: looking for them takes a tenth of a second each."""
    key = digest({"places": 1, "world": World(order.seed).name, **asdict(order)})
    path = home / f"places-{key[:16]}.json"
    if path.is_file():
        return tuple(Place(**p) for p in json.loads(path.read_text("utf-8")))
    found = places(order.counts, seed=order.seed, side_px=order.side_px)
    home.mkdir(parents=True, exist_ok=True)
    _write(path, json.dumps([asdict(p) for p in found], indent=0))
    return found


def _prepared(home: Path, order: TwinOrder, part: str, count: int) -> Path:
    """Return the folder of a part with its files there, empty or not."""
    specs = PARTS[part].specs(order.side_px)
    folder, said = _folder(home, order, part)
    if (folder / "part.json").is_file():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    for spec in specs:
        np.lib.format.open_memmap(
            folder / f"{spec.name}.npy", "w+", np.dtype(spec.dtype), (count, *spec.shape)
        )
    np.lib.format.open_memmap(folder / "done.npy", "w+", np.bool_, (count,))
    _write(folder / "part.json", json.dumps(said | {"arrays": [asdict(s) for s in specs]}, indent=1))
    return folder


def _folder(home: Path, order: TwinOrder, part: str) -> tuple[Path, dict[str, Any]]:
    """Return where a part is kept, and what makes it that part."""
    said = {
        "part": part,
        "version": PARTS[part].version,
        "world": World(order.seed).name,
        "order": asdict(order),
        "synthetic": True,
    }
    return home / f"{part}-{digest(said)[:16]}", said


def _write(path: Path, text: str) -> None:
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def _make(
    folders: Mapping[str, Path], order: TwinOrder, found: Sequence[Place], jobs: int, notify: Notify
) -> None:
    """Fill in what is missing, place by place."""
    done = {part: np.load(folder / "done.npy", mmap_mode="r") for part, folder in folders.items()}
    missing = [n for n in range(len(found)) if not all(d[n] for d in done.values())]
    if not missing:
        return
    notify("samples-begin", {"places": len(found), "done": len(found) - len(missing)})
    if jobs <= 1:
        for n in missing:
            _fill(folders, order, found[n], n)
            notify("samples-done", {"place": n})
        return
    # Not forked: numba and torch keep threads that do not survive it.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        for future in as_completed([pool.submit(_fill, folders, order, found[n], n) for n in missing]):
            notify("samples-done", {"place": future.result()})


def _fill(folders: Mapping[str, Path], order: TwinOrder, place: Place, n: int) -> int:
    """Make one place's arrays, part by part; its number."""
    views = Views(World(order.seed), place.frame(order.side_px), place.year)
    for part, folder in folders.items():
        done = np.load(folder / "done.npy", mmap_mode="r+")
        if done[n]:
            continue
        made = PARTS[part].make(views, place)
        for spec in PARTS[part].specs(order.side_px):
            values = made[spec.name]
            if values.shape != spec.shape or values.dtype != np.dtype(spec.dtype):
                raise ValueError(
                    f"{spec.name}: expected {spec.dtype} {spec.shape}, got {values.dtype} {values.shape}"
                )
            into = np.load(folder / f"{spec.name}.npy", mmap_mode="r+")
            into[n] = values
            into.flush()
        done[n] = True
        done.flush()
    return n
