"""The clear-sky composite itself, of any sensor, on the cells that it sees: one picture of many looks.

With it come how many looks there were, how far they lie apart, and of which day the picture is.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from eomap.core.grid import cell_index
from eomap.core.layer import Layer
from eomap.core.methods import DEVIATION_SCALES, GREENNESS_BANDS
from eomap.core.ports import U16, Bool, Predictor
from eomap.core.product import Inputs, Need, Product
from eomap.core.sensor import Sensor
from eomap.core.speckle import FILTERS
from eomap.errors import MisuseError
from eomap.sensors import sensor

FILL, NO_LOOK, LARGEST = 65_535, 0, 65_534
DEVIATIONS = {"smad": "spectral", "emad": "Euclidean", "bcmad": "Bray-Curtis"}
"""Deviations of Roberts, Dunn and Mueller 2018, doi:10.1109/IGARSS.2018.8518312."""
STRIP_ROWS = 250
"""Rows of cells placed at once: exact positions of a whole tile would take more memory than its values."""


@dataclass(frozen=True, slots=True)
class Placed:
    """What places a composite on cells; a value, so that products with it are equal and travel."""

    values: str = "reflectance"
    """Name of the layer of values."""

    def __call__(self, inputs: Inputs, predict: Predictor | None = None) -> dict[str, npt.NDArray[Any]]:
        """Return the layers; see `compute`."""
        return compute(inputs, values=self.values)


def compute(inputs: Inputs, *, values: str) -> dict[str, npt.NDArray[Any]]:
    """Return the layers of the composite for the window of `inputs`, as stored values; no network is asked.

    Shapes: (y, x) cells of the window; `values` names the layer (b, y, x). A cell takes what the pixel at
    its centre has, never a mixture (docs/decisions/0004). Cells outside the AOI keep the fill value; cells
    without a clear look are 0 in the values and `n_clear`; `spread` is fill where there are fewer than two
    looks, `day` and the deviations where there is none.
    """
    given: dict[str, U16 | None] = {
        values: inputs.dn_byx,
        "n_clear": inputs.n_clear_yx,
        "spread": inputs.first.spread_yx,
        "day": inputs.first.day_yx,
    }
    if inputs.first.deviation_kyx is not None:
        given |= dict(zip(DEVIATIONS, inputs.first.deviation_kyx, strict=True))
    window, sources = inputs.window, {}
    for name, source in given.items():
        if source is None:
            raise ValueError(f"{name}: the composite's need asks for it, the worker did not give it")
        sources[name] = source
    row, col = cell_index(replace(window, row1=window.row0 + 1), inputs.frame, cell_px=1)
    if isinstance(row, slice) and inputs.wanted_yx.all():
        # Cells are the frame's own pixels, all of them wanted: what needs no change is given as it is.
        rows = slice(row.start, row.start + window.shape[0])
        seen = inputs.n_clear_yx[rows, col] > 0
        return {name: _stored(name, source[..., rows, col], seen) for name, source in sources.items()}
    made = {n: np.empty((*s.shape[:-2], *window.shape), np.uint16) for n, s in sources.items()}
    for top in range(0, window.shape[0], STRIP_ROWS):
        rows = slice(top, min(top + STRIP_ROWS, window.shape[0]))
        strip = replace(window, row0=window.row0 + top, row1=window.row0 + rows.stop)
        row, col = cell_index(strip, inputs.frame, cell_px=1)
        wanted, seen = inputs.wanted_yx[rows], inputs.n_clear_yx[row, col] > 0
        for name, out in made.items():
            out[..., rows, :] = _stored(name, sources[name][..., row, col], seen)
            out[..., rows, :][..., ~wanted] = FILL
    return dict(made)


def _stored(name: str, cells: U16, seen: Bool) -> U16:
    """Return cells as they are stored: themselves where nothing has to be changed."""
    if name == "day" or name in DEVIATIONS:
        return np.where(seen, cells, np.uint16(FILL))
    if name == "spread" or cells.size == 0 or cells.max() <= LARGEST:
        return cells
    return np.minimum(cells, np.uint16(LARGEST))


def variant(
    *,
    sensor: str = "sentinel-2",
    method: str = "",
    bands: tuple[str, ...] | list[str] = (),
    speckle: str = "none",
    orbit: str = "",
) -> Product:
    """Return the composite of a sensor, by a method, of some of its bands; of radar filtered, of some orbits.

    Raises MisuseError where the sensor does not have them.
    """
    by = _sensor(sensor)
    method, bands = method or by.methods[0], tuple(bands) or by.default_bands
    if method not in by.methods:
        raise MisuseError("--method", expected=f"{by.name}: one of {', '.join(by.methods)}", got=method)
    if strange := [b for b in bands if b not in by.bands]:
        there = (
            ", ".join(by.bands) if len(by.bands) < 20 else f"{len(by.bands)} from {next(iter(by.bands))} on"
        )
        raise MisuseError("--bands", expected=f"bands of {by.name}: {there}", got=", ".join(strange))
    if method == "greenest" and not set(GREENNESS_BANDS) <= set(bands):
        red, nir = GREENNESS_BANDS
        raise MisuseError("--bands", expected=f"{red} and {nir} among them", got=", ".join(bands))
    deviations = method == "geomedian"
    need = Need(by.name, bands, 0, spread=True, days=True, deviations=deviations, method=_kernel(by, method))
    return Product(
        name="composite",
        version="2.0",
        title="Clear-sky composite" if by.name == "sentinel-2" else f"Composite of {by.title}",
        needs=(_radar(need, by, speckle, orbit),),
        gives=(
            Layer(
                by.quantity,
                "uint16",
                f"{method} {by.quantity.replace('_', ' ')} of the clear looks",
                fill=FILL,
                unit=by.unit,
                scale=by.scale,
                offset=by.offset,
                no_look=NO_LOOK,
                bands=bands,
                kind="value",
                truth="surface" if by.name == "sentinel-2" else "",
            ),
            Layer("n_clear", "uint16", "clear looks per pixel", fill=FILL),
            Layer(
                "spread",
                "uint16",
                "median absolute deviation of the clear looks from the median, mean over the bands",
                fill=FILL,
                unit=by.unit,
                scale=by.scale,
            ),
            Layer(
                "day",
                "uint16",
                "day of the look that was taken, or the mean day of the looks",
                fill=FILL,
                unit="days since 1970-01-01",
            ),
            *(_deviation_layers(by) if deviations else ()),
        ),
        step=by.step,
        cell_px=1,
        origin_m=by.origin_m,
        compute=Placed(by.quantity),
        variant=variant,
    )


def _deviation_layers(by: Sensor) -> tuple[Layer, ...]:
    spectral, euclidean, bray_curtis = DEVIATION_SCALES
    scales = (spectral, euclidean * by.scale, bray_curtis)
    return tuple(
        Layer(name, "uint16", f"median {kind} deviation from the geomedian", fill=FILL, scale=scale)
        for (name, kind), scale in zip(DEVIATIONS.items(), scales, strict=True)
    )


def _kernel(by: Sensor, method: str) -> str:
    """Return the kernel of a method: decibels have no mean, the powers that they stand for do."""
    return "mean_in_power" if method == "mean" and by.unit == "dB" else method


def _radar(need: Need, by: Sensor, speckle: str, orbit: str) -> Need:
    """Return the need with the settings that only radar has."""
    if by.unit != "dB" and (orbit or speckle != "none"):
        flag, got = ("--orbit", orbit) if orbit else ("--speckle", speckle)
        raise MisuseError(flag, expected=f"none, for {by.name} is no radar", got=got)
    if speckle not in FILTERS:
        raise MisuseError("--speckle", expected=f"one of {', '.join(FILTERS)}", got=speckle)
    numbered = orbit.isdigit() and 1 <= int(orbit) <= 175
    if orbit not in ("", "ascending", "descending") and not numbered:
        raise MisuseError("--orbit", expected="ascending, descending or a relative orbit", got=orbit)
    return replace(need, speckle=speckle, orbit=orbit.zfill(3) if numbered else orbit)


_sensor = sensor
"""Under another name, for `variant` has a setting of that one."""

PRODUCT = variant()
