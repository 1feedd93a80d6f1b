"""Fitting what tells how familiar a network is with what it sees: `eomap ood fit`."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eomap.api.planning import Notify, one_of, silent
from eomap.errors import MisuseError

if TYPE_CHECKING:
    from eomap.core.plan import Plan
    from eomap.core.product import Inputs, Product
    from eomap.io.registry import Model
    from eomap.nn.recorded import Recorded
    from eomap.ood import Known

LARGEST_BYTES = 300_000
"""Of a detector: it travels with a network."""
WINDOWS = 2_000
"""Of each source, spread over its places."""
_SPARE_TWIN, _SPARE = 2, 20
"""So many times as many cells are asked as are kept: a place of a catalogue may be seen in part only."""


def fit_ood(
    model: str,
    data: Sequence[str],
    *,
    method: str = "mahalanobis",
    layer: str = "",
    wild: str = "",
    out: str = "",
    windows: int = WINDOWS,
    seed: int = 0,
    jobs: int = 1,
    notify: Notify = silent,
) -> dict[str, Any]:
    """Fit a detector on what a network makes of familiar places and write it; return what it is.

    Each of `data` is twin://places=240,seed=7, or a STAC catalogue whose scenes become a picture per place,
    as in a run. Of several, each counts the same. `layer` names another layer than the registry's. `wild`,
    a catalogue or twin:// too, is what the method tardis tells the familiar from. The curve is drawn from
    places held out in turns. A bundle gets `ood.safetensors` beside its card and its digest in model.toml;
    any other network needs `out`, a folder. Raises MisuseError for anything that cannot be done as asked.
    """
    from eomap.io.ood_file import write_detector
    from eomap.io.registry import model as model_entry
    from eomap.io.weights import bare_network, weights_path
    from eomap.nn.predict import single_thread
    from eomap.nn.recorded import Recorded
    from eomap.ood import METHODS, fitted
    from eomap.ood.held_out import balanced

    one_of("--method", method, tuple(METHODS))
    if (method == "tardis") != bool(wild):
        raise MisuseError("--wild", expected="with --method tardis, and only with it", got=wild or "none")
    entry = _with_layer(model_entry(model), layer)
    target = _target(entry, out)
    single_thread()
    network = Recorded(bare_network(entry, weights_path(entry), features=True))
    width = _width(entry, network)
    found = balanced(known(entry, network, data, windows=windows, seed=seed, jobs=jobs, notify=notify))
    options: dict[str, Any] = lean(method, width, entry.channels if entry.of_reflectance else 1)
    if wild:
        strange = known(entry, network, [wild], windows=windows, seed=seed, jobs=jobs, notify=notify)
        options = {"wild_nd": strange.features_nd}
    notify("ood-fit", {"samples": len(found.place_n)})
    detector, curve = fitted(method, found, **options)
    about = {
        "model": entry.name,
        "model_sha256": entry.sha256,
        "layer": entry.features,
        "method": method,
        "data": [_public(d) for d in data],
        "places": [len(np.unique(found.place_n[found.source_n == k])) for k in range(len(data))],
        "samples": [int((found.source_n == k).sum()) for k in range(len(data))],
        "synthetic_share": round(float(np.isin(found.source_n, _made_up(data)).mean()), 4),
    }
    target.mkdir(parents=True, exist_ok=True)
    path = target / "ood.safetensors"
    write_detector(path, detector, curve, about=about)
    size = path.stat().st_size
    if size > LARGEST_BYTES:
        path.unlink()
        raise MisuseError(
            f"--method {method}",
            expected=f"a detector of at most {LARGEST_BYTES} bytes",
            got=f"{size}",
            hint="--method mahalanobis keeps as many directions as fit",
        )
    return about | {"file": str(path), "size": size, "sha256": _noted(entry, path, bundle=not out)}


def known(
    entry: "Model",
    network: "Recorded",
    data: Sequence[str],
    *,
    windows: int,
    seed: int = 0,
    jobs: int = 1,
    notify: Notify = silent,
) -> "Known":
    """Return features and logits of about `windows` windows of each source, as many of each place."""
    from eomap.ood import Known

    parts, rng = [], np.random.default_rng(seed)
    for source, text in enumerate(data):
        for place, given in _places(entry, text, jobs, notify):
            most = math.ceil(windows / given.of_places)
            taken = _features(given, network, most, rng)
            if taken is not None:
                parts.append((*taken, source, place))
            notify(
                "ood-place",
                {"source": text, "place": place, "samples": 0 if taken is None else len(taken[0])},
            )
        if not any(p[2] == source for p in parts):
            raise MisuseError(
                f"--data {text}",
                expected="windows without a gap",
                got="none",
                hint="more scenes, or another period",
            )
    names = {key: k for k, key in enumerate(dict.fromkeys((p[2], p[3]) for p in parts))}
    sizes = [len(p[0]) for p in parts]
    return Known(
        np.concatenate([p[0] for p in parts]),
        None if parts[0][1] is None else np.concatenate([p[1] for p in parts]),
        np.repeat([names[p[2], p[3]] for p in parts], sizes),
        np.repeat([p[2] for p in parts], sizes),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Given:
    """What the product of a network is handed at one place."""

    product: "Product"
    inputs: "Inputs"
    of_places: int
    """How many parts of places its source has."""
    spare: int


def _features(given: _Given, network: "Recorded", most: int, rng: np.random.Generator) -> Any:
    """Return features and logits of at most `most` windows of a place; None where all have gaps."""
    from eomap.nn.windows import Windowed

    wanted = given.inputs.wanted_yx
    thin = rng.random(wanted.shape) < given.spare * most / max(int(wanted.sum()), 1)
    given.product.compute(replace(given.inputs, wanted_yx=wanted & thin), Windowed(network))
    features, logits = network.taken()
    if not len(features):
        return None
    kept = np.sort(rng.permutation(len(features))[:most])
    return features[kept], None if logits is None else logits[kept]


def _places(entry: "Model", data: str, jobs: int, notify: Notify) -> Iterator[tuple[int, _Given]]:
    """Yield the places of a source, numbered; parts of a place have the same number."""
    from eomap.products import product

    made = product(entry.product)
    if _is_twin(data):
        return _of_twin(entry, made, data, jobs, notify)
    return _of_catalog(entry, made, data, notify)


def _of_twin(
    entry: "Model", made: "Product", data: str, jobs: int, notify: Notify
) -> Iterator[tuple[int, _Given]]:
    """Yield the places to train and validate with: those of the test are left to judge detectors by."""
    from eomap.training.twin_inputs import arrays_needed, inputs_of
    from eomap.training.twin_samples import parsed, twin_samples

    samples = twin_samples(parsed(data), arrays_needed(made, entry.level), jobs=jobs, notify=notify)
    numbers = np.flatnonzero(samples.splits_n != "test")
    notify("ood-begin", {"places": len(numbers)})
    for n in numbers:
        yield int(n), _Given(made, inputs_of(samples, int(n), made, entry.level), len(numbers), _SPARE_TWIN)


def _of_catalog(entry: "Model", made: "Product", data: str, notify: Notify) -> Iterator[tuple[int, _Given]]:
    """Yield what a run over all scenes of a catalogue would see; tiles that share a scene are one place."""
    from shapely import wkb

    from eomap.api.running import job_of
    from eomap.core.mask import mask
    from eomap.core.product import Inputs
    from eomap.io.pixels import RasterReader
    from eomap.worker import sight_of

    plan, reader = _plan_of_all(entry, made, data), RasterReader()
    notify("ood-begin", {"places": len(plan.tasks)})
    place_of: dict[str, int] = {}
    for n, task in enumerate(plan.tasks):
        place = next((place_of[s] for s in task.scenes if s in place_of), n)
        place_of.update(dict.fromkeys(task.scenes, place))
        sight = sight_of(job_of(plan, task), reader)
        wanted = np.ones(task.window.shape, bool)
        if task.clip_wkb:
            wanted = mask(wkb.loads(task.clip_wkb, hex=True), task.window)
        inputs = Inputs(sight.frame, made.needs[0].halo_px, sight.seen, task.window, wanted)
        yield place, _Given(made, inputs, len(plan.tasks), _SPARE)


def _plan_of_all(entry: "Model", made: "Product", data: str) -> "Plan":
    """Return the plan of all scenes of a catalogue that are of the network's level, of all times."""
    from shapely import box, wkb

    from eomap.api.planning import collection_of, plan
    from eomap.core.aoi import vet
    from eomap.core.period import Period
    from eomap.io.catalog import open_catalog
    from eomap.sensors import sensor

    source, by = open_catalog(data), sensor(made.needs[0].of)
    chosen = collection_of(source, by, entry.level)
    items = source.search(chosen, geometry=box(-180, -80, 180, 84), period=Period(date(1970, 1, 1), date.max))
    if not items:
        raise MisuseError(f"--data {data}", expected=f"scenes of {by.title} in {chosen}", got="none")
    days = sorted(i.moment.date() for i in items)
    area = vet([wkb.loads(i.footprint_wkb) for i in items], where=f"--data {data}")
    name = entry.home or entry.name
    return plan(area, catalog=data, collection=chosen, period=f"{days[0]}/{days[-1]}", model=name)


def _with_layer(entry: "Model", layer: str) -> "Model":
    if layer and not entry.of_reflectance:
        raise MisuseError(
            "--layer", expected=f"none: {entry.name} gives its features itself", got=repr(layer[:80])
        )
    return replace(entry, features=layer or entry.features, ood_sha256="")


def _width(entry: "Model", network: "Recorded") -> int:
    """Return how many features the network gives; refuse a layer that is none before places are read."""
    side, channels = entry.layout.side_px, sum(s.channels for s in entry.sources)
    code = np.full((1, channels, side, side), 1_000, np.uint16)
    network(code, np.zeros((1, network.asides), np.float32))
    return int(network.taken()[0].shape[1])


def lean(method: str, width: int, classes: int) -> dict[str, Any]:
    """Return options that keep a detector within LARGEST_BYTES."""
    if method != "mahalanobis":
        return {}
    room = (LARGEST_BYTES - 4_000 - 8 * width * classes) // (4 * width)
    return {"directions": room} if room < width else {}


def _target(entry: "Model", out: str) -> Path:
    """Return the folder that a detector goes to."""
    if out:
        return Path(out)
    if not entry.home:
        raise MisuseError(
            "--out", expected=f"a folder: {entry.name} comes with eomap and is not changed", got="none"
        )
    return entry.ood_path.parent


def _noted(entry: "Model", path: Path, *, bundle: bool) -> str:
    """Return the digest of a detector, written into its bundle's description where it lies in one."""
    from eomap.io.registry import note_detector
    from eomap.io.weights import file_sha256

    digest = file_sha256(path)
    if bundle:
        note_detector(Path(entry.home), digest, features=entry.features)
    return digest


def _is_twin(data: str) -> bool:
    return data.startswith("twin:")


def _made_up(data: Sequence[str]) -> list[int]:
    return [k for k, d in enumerate(data) if _is_twin(d)]


def _public(data: str) -> str:
    """Name a source without the folders of the machine that read it."""
    return data if "://" in data else Path(data).name
