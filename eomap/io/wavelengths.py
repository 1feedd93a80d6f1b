"""Which band of a file is meant: those of an imaging spectrometer come in different orders."""

import re
from collections.abc import Sequence

from eomap.core.source import Band
from eomap.errors import BrokenInputError
from eomap.io.signing import redact

TOLERANCE_NM = 3.0
"""Less than half of what lies between neighbours; calibrations move centres by a tenth of it."""


def described_centres_nm(descriptions: Sequence[str | None]) -> tuple[float, ...]:
    """Return the centre wavelength of each band as its description says it, in nm; empty where one does not.

    >>> described_centres_nm(("band 1 (418.24 Nanometers)", "band 2 (423.874 Nanometers)"))
    (418.24, 423.874)
    >>> described_centres_nm(("red", None))
    ()
    """
    found = [re.search(r"([0-9.]+) *(?:nm|nanomet(?:er|re)s?)\b", text or "", re.I) for text in descriptions]
    try:
        return tuple(float(m[1]) for m in found if m) if found and all(found) else ()
    except ValueError:
        return ()


def nearest_band(band: Band, centres_nm: Sequence[float]) -> int:
    """Return the number, from 1, of the band of a file that lies nearest to a band's centre wavelength.

    Raises BrokenInputError where it lies farther than `TOLERANCE_NM` from it.
    """
    wanted = band.centre_nm or 0.0
    apart, number = min((abs(nm - wanted), n) for n, nm in enumerate(centres_nm, 1))
    if apart > TOLERANCE_NM:
        raise BrokenInputError(
            redact(band.href),
            expected=f"a band near {wanted:g} nm for {band.name}",
            got=f"{centres_nm[number - 1]:g} nm as the nearest of {len(centres_nm)}",
        )
    return number
