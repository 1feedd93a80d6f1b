"""The 224 bands of EnMAP L2A, by wavelength.

Bands are named B001 to B224 by rising wavelength, as the archive numbers them (visible and shortwave
detectors alternate from 904 to 993 nm); centres and widths are those of an archived scene of 2024, a table of
facts. Not every file keeps to that order, and a calibration may lack a band of another: whoever reads a file
that tells its wavelengths goes by them.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

PIXEL_M = 30.0
_TABLE = Path(__file__).parents[1] / "tables" / "enmap.csv"


@cache
def _table() -> Mapping[str, tuple[float, float]]:
    lines = _TABLE.read_text("utf-8").split()[1:]
    rows = (line.split(",") for line in lines)
    return MappingProxyType({name: (float(centre), float(width)) for name, centre, width in rows})


CENTRE_NM: Mapping[str, float] = MappingProxyType({name: centre for name, (centre, _) in _table().items()})
FWHM_NM: Mapping[str, float] = MappingProxyType({name: width for name, (_, width) in _table().items()})
"""Full width at half maximum of each band's response, a Gaussian."""
NO_LIGHT = tuple(f"B{n:03d}" for n in (*range(127, 142), *range(161, 168)))
"""Bands in which water vapour lets no light through (1295 to 1507 and 1728 to 1968 nm): nodata in archived
scenes. SpectralEarth (Braham and others 2024, arXiv:2408.08447) and HyBiomass leave out these 22, too."""
KEPT = tuple(name for name in CENTRE_NM if name not in NO_LIGHT)
"""The other 202."""
