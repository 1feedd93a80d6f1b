"""Write eomap/twin/tables/spectra.npz: for each material a mean spectrum and its three main variations.

    python -m venv /path/to/venv && /path/to/venv/bin/pip install earthlib pyrsr
    /path/to/venv/bin/python jobs/twin-tables/spectra.py

Measured spectra and PROSAIL canopies come from earthlib (MIT; 7,261 spectra at 10 nm), water and snow from
water_and_snow.py. Laboratory samples are smooth, dry and leafy; ground as a satellite sees it is rough,
moist and shaded within: each rule below says by how much its spectra are darkened. The order is that of
eomap.twin.materials.Material. Axis letters: n spectrum, w wavelength node, m material, k variation.
"""

import re
from pathlib import Path

import numpy as np
import pandas as pd
from responses import NODES_NM
from water_and_snow import F64, snow, water, water_absorption_per_m

TABLE = Path(__file__).parents[2] / "eomap/twin/tables/spectra.npz"
N_SAMPLES = 2400
VARIATIONS = 3


def library() -> tuple[pd.DataFrame, F64]:
    """Return the description and the reflectance (n, w) of every spectrum, at NODES_NM.

    earthlib has no values in the water bands (1350-1460, 1790-1960 nm) nor beyond 2450 nm: straight lines
    bridge the gaps, where no band sees ground anyway, and the last value stands.
    """
    import earthlib

    folder = Path(earthlib.__file__).parent / "data"
    said = pd.read_csv(folder / "spectra.csv")
    header = (folder / "spectra.sli.hdr").read_text()
    found = re.search(r"wavelength = \{([^}]*)\}", header)
    if not found:
        raise SystemExit("spectra.sli.hdr names no wavelengths")
    at_nm = np.array([float(v) for v in found[1].split(",")]) * 1000
    values = np.fromfile(folder / "spectra.sli", "<f4").reshape(len(said), len(at_nm)).astype(float)
    leaf = said.NAME.str.extract(r"LAI-(?P<lai>[\d.]+)-LMA-(?P<lma>[\d.]+)-CHL-(?P<chl>[\d.]+)").astype(float)
    return said.join(leaf), np.stack([np.interp(NODES_NM, at_nm, v) for v in values])


def at(spectra_nw: F64, wavelength_nm: float) -> F64:
    """Return the reflectance (n) at the nearest node."""
    return spectra_nw[:, np.abs(NODES_NM - wavelength_nm).argmin()]


def shaded(surface_nw: F64, shade: F64) -> F64:
    """Return surfaces (n, w) of which a share (n, 1) stands in the shade of the rest: leaves, clods, grains.

    Parts that are bright in a band light each other up, so that the shade is thinner there.
    """
    return surface_nw * (1 - shade) / (1 - shade * surface_nw)


def moist(soil_nw: F64, film_m: F64) -> F64:
    """Return soils (n, w) under a film of water (n, 1), passed twice."""
    return soil_nw * np.exp(-2 * film_m * water_absorption_per_m(NODES_NM))


def drawn(pools: list[F64], rng: np.random.Generator, n: int = N_SAMPLES) -> F64:
    """Return n spectra (n, w), an equal number from each pool, with outliers left out.

    An outlier lies beyond the 2nd or 98th percentile of its pool at 660, 860 or 1650 nm.
    """
    parts = []
    for pool in pools:
        keep = np.ones(len(pool), bool)
        for nm in (660, 860, 1650):
            low, high = np.quantile(at(pool, nm), (0.02, 0.98))
            keep &= (at(pool, nm) >= low) & (at(pool, nm) <= high)
        parts.append(rng.choice(pool[keep], n // len(pools)))
    return np.concatenate(parts)


def samples() -> dict[str, F64]:
    """Return spectra (n, w) of each material, drawn by the rules of this file."""
    said, values = library()
    rng = np.random.default_rng(20261125)
    kind = said.LEVEL_3

    def pool(*names: str) -> F64:
        return values[kind.isin(names).to_numpy()]

    def plants(rule: str) -> F64:
        return values[(kind == "canopy").to_numpy() & said.eval(rule).to_numpy(bool)]

    def each(low: float, high: float) -> F64:
        return rng.uniform(low, high, (N_SAMPLES, 1))

    soils = pool("soil")
    grey = soils[(at(soils, 660) / at(soils, 490) < 1.5) & (at(soils, 660) < 0.4)]
    desert = soils[at(soils, 860) > np.quantile(at(soils, 860), 0.9)]
    paved = pool("road", "parking_lot", "asphalt")
    bright = pool("sidewalk", "bridge", "driveway", "road")
    paint = pool("paint")
    neutral = paint[(at(paint, 660) / at(paint, 490) > 0.85) & (at(paint, 660) / at(paint, 490) < 1.25)]

    def canopy(rule: str, dry: list[F64], share: tuple[float, float]) -> F64:
        """Return leaves with a share of bark, twigs or dead leaves among them."""
        part = each(*share)
        return (1 - part) * drawn([plants(rule)], rng) + part * drawn(dry, rng)

    bark, straw = [pool("bark")], [pool("npv"), pool("litter")]
    leafy, needles = "lai > 3 and chl > 30 and lma > 0.008", "lai > 3 and chl > 35 and lma > 0.014"
    return {
        "WATER": water(NODES_NM, rng, N_SAMPLES),
        "BROADLEAF": shaded(canopy(leafy, bark, (0.04, 0.2)), each(0.4, 0.62)),
        "CONIFER": shaded(canopy(needles, bark, (0.04, 0.2)), each(0.6, 0.8)),
        "GRASS": shaded(canopy("0.5 < lai < 2.5 and chl > 15", straw, (0.05, 0.4)), each(0.1, 0.35)),
        "CROP": shaded(canopy("lai > 2.5 and chl > 35 and lma < 0.012", straw, (0, 0.08)), each(0.05, 0.25)),
        "NPV": drawn(straw, rng) * each(0.6, 1.0),
        "SOIL": moist(shaded(drawn([soils], rng), each(0.05, 0.5)), each(0, 6e-5)),
        "SAND": moist(drawn([pool("sand"), pool("sand"), desert], rng) * each(0.7, 1.3), each(0, 3e-5)),
        "ROCK": drawn([pool("gravel"), grey], rng) * each(0.5, 0.95),
        "TILES": drawn([pool("tile")], rng) * each(0.6, 1.0),
        "GREY_ROOF": drawn([pool("comp_shingle"), pool("concrete_tile")], rng) * each(0.7, 1.0),
        "METAL_ROOF": drawn([pool("metal"), neutral], rng) * each(0.7, 1.0),
        "ASPHALT": drawn([paved[at(paved, 660) < 0.2]], rng) * each(0.8, 1.0),
        "CONCRETE": drawn([bright[at(bright, 660) > 0.2]], rng) * each(0.7, 1.0),
        "SNOW": snow(NODES_NM, rng, N_SAMPLES),
    }


def variations(spectra_nw: F64) -> tuple[F64, F64]:
    """Return the mean (w) and the main variations (k, w), each one standard deviation long.

    The sign is chosen so that a positive coefficient is brighter on the whole.
    """
    mean = spectra_nw.mean(axis=0)
    _, length, axes = np.linalg.svd(spectra_nw - mean, full_matrices=False)
    spread = length[:VARIATIONS, None] / np.sqrt(len(spectra_nw) - 1) * axes[:VARIATIONS]
    return mean, spread * np.where(spread.sum(axis=1, keepdims=True) < 0, -1, 1)


def main() -> None:
    drawn_by_name = samples()
    pairs = [variations(s) for s in drawn_by_name.values()]
    TABLE.parent.mkdir(exist_ok=True)
    np.savez_compressed(
        TABLE,
        nodes_nm=NODES_NM.astype(np.float32),
        material=np.array(list(drawn_by_name)),
        mean_mw=np.array([mean for mean, _ in pairs], np.float32),
        spread_kmw=np.array([spread for _, spread in pairs], np.float32).transpose(1, 0, 2),
    )
    print(f"{TABLE.name}: {TABLE.stat().st_size} bytes, {len(pairs)} materials")
    for (name, spectra), (mean, spread) in zip(drawn_by_name.items(), pairs, strict=True):
        kept = (spread**2).sum() / spectra.var(axis=0).sum()
        shown = " ".join(f"{at(mean[None], nm)[0]:.3f}" for nm in (490, 560, 660, 710, 740, 860, 1610, 2200))
        print(f"{name:11} {shown}   variance kept {kept:.3f}")


if __name__ == "__main__":
    main()
