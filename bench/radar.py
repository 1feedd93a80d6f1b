"""Speckle of the real Kalimantan series before and after each filter, and what the kernels cost.

    python bench/radar.py        needs EOMAP_SHARED; prints JSON

Equivalent looks: mean squared over variance of 7 x 7 pixel squares, median and 75th percentile, of one look
(VV), of that look filtered, and of the mean of all looks in linear power.
"""

import json
import os
import time
from pathlib import Path

import numpy as np

from eomap.core.sensor import Ask
from eomap.core.source import Band
from eomap.io.hrefs import HrefRules
from eomap.io.stac_items import to_item
from eomap.kernels.despeckle import despeckled, equivalent_looks, lee, multitemporal
from eomap.kernels.power import mean_in_power, powers
from eomap.sensors import sentinel1


def series(shared: Path) -> np.ndarray:
    """Return the codes (t, b, y, x) of all dates, native pixels."""
    import rasterio

    paths = sorted((shared / "data/catalog/sentinel-1-grd").glob("S1_GRD_Kalimantan_*/*.json"))
    rules = HrefRules(roots=(shared,))
    items = [to_item(json.loads(p.read_text()), base=str(p), rules=rules) for p in paths]
    scenes, _ = sentinel1.scenes_of(items, Ask(("VV", "VH"), "none", ""))

    def codes(band: Band) -> np.ndarray:
        with rasterio.open(band.href) as file:
            return sentinel1.coded(file.read(1), band)

    return np.stack([[codes(b) for b in s.bands] for s in scenes])


def looks(power: np.ndarray) -> dict[str, float]:
    found = equivalent_looks(power)
    return {"median": round(float(np.median(found)), 2), "p75": round(float(np.percentile(found, 75)), 2)}


def rate(work, megapixels: float) -> float:
    """Return megapixels per CPU-second, best of three after one to compile."""
    work()
    best = np.inf
    for _ in range(3):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return round(megapixels / best, 1)


def main() -> None:
    shared = Path(os.environ["EOMAP_SHARED"])
    code = series(shared)
    clear = np.ones((len(code), *code.shape[2:]), bool)
    table = powers().astype(np.float32)
    power = table[code[:, 0]]
    mean, _ = mean_in_power(code, clear)
    one = len(power) // 2
    known = float(np.median(equivalent_looks(power[one])))  # the series was multilooked before
    filtered = {
        "lee, 4.4 looks": lee(power[one]),
        "lee, looks as measured": lee(power[one], looks=known),
        "multitemporal": multitemporal(power)[one],
    }
    drift = {n: round(float(p.mean() / power[one].mean() - 1), 5) for n, p in filtered.items()}
    pixels = code[0, 0].size / 1e6
    band = Band("VV", "", 0.01, 0.0, -32768.0, unit="dB")
    linear = Band("VV", "", 1.0, 0.0, -32768.0)
    raw = np.rint(code[one, 0] / 10.0 - 5000).astype(np.int16)
    print(
        json.dumps(
            {
                "dates": len(code),
                "equivalent_looks": {
                    "one look": looks(power[one]),
                    **{n: looks(p) for n, p in filtered.items()},
                    "mean in power": looks(table[mean[0]]),
                },
                "mean_changed_by": drift,
                "mpx_per_cpu_s": {
                    "mean_in_power, 2 bands": rate(lambda: mean_in_power(code, clear), pixels),
                    "lee, a look and band": rate(lambda: lee(power[one]), pixels),
                    "multitemporal, a look and band": rate(lambda: multitemporal(power), pixels * len(code)),
                    "despeckled multitemporal, a look and band": rate(
                        lambda: despeckled("multitemporal", code), 2 * pixels * len(code)
                    ),
                    "coded from dB": rate(lambda: sentinel1.coded(raw, band), pixels),
                    "coded from power": rate(lambda: sentinel1.coded(power[one], linear), pixels),
                },
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
