"""What a product is handed at a place of the twin, from samples that were made once.

Axis letters: t look, b band, y row (north to south), x column (west to east).
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from eomap.core.grid import Frame, Window, origin, transformer, utm_epsg
from eomap.core.product import Inputs, Looks, Need, Product, Seen
from eomap.errors import MisuseError
from eomap.training.places import ALIGNED_M
from eomap.training.samples import Samples

PICTURES: Mapping[str, str] = {
    "sentinel-2": "s2_{}_year",
    "sentinel-1": "s1_year",
    "enmap": "enmap",
    "modis-12q1": "igbp",
    "night-lights": "lights",
}
"""Array of the picture that a sensor gives of a year, by level."""
_LOOKS: Mapping[str, str] = {"sentinel-2": "s2_{}_looks", "sentinel-1": "s1_{}_looks"}


def arrays_needed(product: Product, level: str) -> tuple[str, ...]:
    """Return the names of the arrays that a product's needs are filled from; raise MisuseError for none."""
    return tuple(dict.fromkeys(name for need in product.needs for name in _names(need, level)))


def _names(need: Need, level: str) -> Iterable[str]:
    low = level.lower().partition(",")[0]
    known = _LOOKS if need.looks else PICTURES
    if need.of not in known or need.spread or need.days or need.deviations:
        what = "looks" if need.looks else "a plain picture"
        raise MisuseError(
            f"samples of the twin of {need.of}",
            expected=f"{what} of {', '.join(known)}",
            got="more than that" if need.of in known else need.of,
            hint="--data CATALOG, of eomap twin build",
        )
    name = known[need.of].format(low)
    return (name, f"s2_{low}_clear", f"s2_{low}_days") if need.looks else (name,)


def inputs_of(samples: Samples, n: int, product: Product, level: str) -> Inputs:
    """Return what `product.compute` is handed at the place of a sample: its zone, no halo."""
    seen = tuple(_seen(samples, n, need, level) for need in product.needs)
    first = seen[0]
    side = first.n_clear_yx.shape[0]
    halo_px, pixel_m = product.needs[0].halo_px, product.pixel_m
    cells = (side - 2 * halo_px) // product.cell_px
    if cells < 1 or any(s.n_clear_yx.shape != (side, side) for s in seen):
        raise MisuseError(
            f"samples of the twin for {product.name}",
            expected=f"pictures of {pixel_m} m, more than {2 * halo_px} px wide",
            got=", ".join(str(s.n_clear_yx.shape) for s in seen),
        )
    frame = _frame(samples.place_n2[n], side, pixel_m)
    cell_m = product.cell_px * pixel_m
    west, north = origin(frame.epsg)
    col0 = (frame.x0 + halo_px * pixel_m - west) // cell_m
    row0 = (north - frame.y0 + halo_px * pixel_m) // cell_m
    window = Window(product.step, row0, row0 + cells, col0, col0 + cells, frame.epsg)
    spare = side - 2 * halo_px - cells * product.cell_px
    if spare:
        frame = frame.sub(0, side - spare, 0, side - spare)
        seen = tuple(_cut(s, side - spare) for s in seen)
    return Inputs(frame, halo_px, seen, window, np.ones((cells, cells), bool))


def _frame(place_deg: Any, side: int, pixel_m: int) -> Frame:
    lon, lat = (float(v) for v in place_deg)
    epsg = utm_epsg(lon, lat)
    x, y = transformer(4326, epsg).transform(lon, lat)
    half = side * pixel_m / 2
    x0, y0 = (round(v / ALIGNED_M) * ALIGNED_M for v in (x - half, y + half))
    return Frame(epsg, x0, y0, side, side, pixel_m)


def _seen(samples: Samples, n: int, need: Need, level: str) -> Seen:
    name, *more = _names(need, level)
    array = samples.array(name)
    bands = [array.spec.bands.index(b) for b in need.bands]
    code = np.asarray(array.rows[n])[..., bands, :, :]
    if not need.looks:
        return Seen(code, np.asarray((code > 0).all(axis=0), np.uint16))
    clear, days = (np.asarray(samples.array(m).rows[n])[: need.looks] for m in more)
    code = code[: need.looks]
    looks = Looks(code, clear & (code > 0).all(axis=1), days.astype(np.uint16))
    return Seen(code[0, :, :0], clear.sum(axis=0).astype(np.uint16), looks=looks)


def _cut(seen: Seen, side: int) -> Seen:
    looks = seen.looks
    part = np.s_[..., :side, :side]
    return Seen(
        seen.code_byx[part],
        seen.n_clear_yx[part],
        looks=None if looks is None else Looks(looks.code_tbyx[part], looks.clear_tyx[part], looks.day_t),
    )
