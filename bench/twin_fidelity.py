"""Run the whole protocol of the twin's fidelity and write its figures: docs/explanation/twin.md.

    EOMAP_SHARED=../shared python bench/twin_fidelity.py [PART ...]

Parts: spectra air clouds zones radar land likeness enmap; all by default. Each calls the script that
defines it, `bench/twin_<part>.py` or as the table below says, with fixed seeds, and replaces its part of
bench/twin-fidelity.json. Every run that reads real samples is a look at them: `looks` counts those of this
script. Needs lightgbm, onnxruntime and, for clouds, ukis-csmask and s2cloudless, none of which eomap needs.
Nothing here says how good any network is: what it is asked about is synthetic.
"""

import argparse
import contextlib
import importlib.metadata
import io
import json
import os
import platform
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import twin_air
import twin_cloud_judges
import twin_clouds
import twin_enmap
import twin_judges
import twin_lcz
import twin_likeness
import twin_radar
import twin_samples
import twin_spectra

from eomap.nn.predict import single_thread
from eomap.sensors.sentinel2 import LCZ_BANDS
from eomap.twin.materials import band_table

OUT = Path(__file__).parent / "twin-fidelity.json"
PACKAGES = ("numpy", "numba", "torch", "lightgbm", "onnxruntime", "s2cloudless", "ukis-csmask")
ZONES_SEED, ZONES_WINDOWS, JUDGED_SCENES, LEARNT_SCENES, DRAWS = 904, 40, 28, 90, 100


Table = dict[str, list[Any]]


def tables(text: str) -> list[Table]:
    """Return the Markdown tables of a text; lines between their rows do not end them.

    >>> tables("| a | a |\\n|---|---|\\n| 1 | 2 |\\naside\\n| 3 | 4 |")
    [{'columns': ['a', 'a'], 'rows': [['1', '2'], ['3', '4']]}]
    """
    found: list[Table] = []
    rows: list[list[str]] = []
    for line in (line for line in text.splitlines() if line.startswith("|")):
        if set(line) <= set("|-: "):
            found.append({"columns": rows.pop(), "rows": (rows := [])})
        else:
            rows.append([cell.strip() for cell in line.strip().strip("|").split("|")])
    return found


def printed(make: Callable[[], None]) -> list[Table]:
    """Return the tables that a script prints."""
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        make()
    return tables(text.getvalue())


def spectra() -> list[dict[str, Any]]:
    """Return RMSE of the nearest mixture per place and class, with intervals from squares of the scene."""
    table, rng, found = band_table("S2A"), np.random.default_rng(0), []
    pick = [table.names.index(b) for b in LCZ_BANDS]
    for place in twin_samples.REAL:
        sample = twin_samples.real_sample(place)
        for code in sorted(set(twin_spectra.OWN_ALLOWED) & set(np.unique(sample.code_yx).tolist())):
            if (sample.code_yx == code).sum() < twin_spectra.FEWEST_PX:
                continue
            sums = twin_likeness.block_sums(sample.surface_byx, sample.code_yx, code)

            def off(of: Any, code: int = code) -> tuple[float, float, str]:
                total = of.sum(0)
                return twin_spectra.nearest(code, total[:-1] / total[-1], table, pick)[:3]

            plain, styled, words = off(sums)
            draws = [off(sums[rng.integers(0, len(sums), len(sums))])[0] for _ in range(DRAWS)]
            low, high = np.quantile(draws, (0.025, 0.975))
            name = twin_spectra.OWN_ALLOWED[code][0]
            found.append(
                {"place": place, "class": name, "rmse": [plain, float(low), float(high)], "styled": styled}
                | {"mixture": words}
            )
    return found


def air() -> Any:
    """Return how near the twin's air brings real L2A to real L1C."""
    return printed(lambda: twin_air.main(list(twin_samples.REAL)))


def clouds() -> dict[str, Any]:
    """Return what real judges call the twin's clouds, and what a model that learnt from them finds."""
    learnt = printed(lambda: twin_clouds.transfer(LEARNT_SCENES, twin_clouds.twin_ground, real=True))
    return {"judged": twin_cloud_judges.figures(JUDGED_SCENES), "learnt from the twin": learnt}


def zones() -> list[dict[str, Any]]:
    """Return what LCZ networks call the twin's windows; intervals by bootstrap over windows of each zone."""
    single_thread()
    shown = twin_lcz.windows(ZONES_SEED, ZONES_WINDOWS, list(range(1, 18)))
    truth, found = np.array([w.zone for w in shown]), []
    for judge in twin_lcz.JUDGES:
        said = twin_lcz.called(shown, judge).argmax(axis=1) + 1
        right, kind = said == truth, (said > 10) == (truth > 10)
        by_zone = [np.flatnonzero(truth == z) for z in np.unique(truth)]
        rng = np.random.default_rng(0)
        again = [np.concatenate([rng.choice(w, len(w)) for w in by_zone]) for _ in range(1000)]
        figures = {
            name: [float(hit.mean()), *np.quantile([hit[k].mean() for k in again], (0.025, 0.975)).tolist()]
            for name, hit in (("accuracy", right), ("built or natural", kind))
        }
        each = {str(z): float(right[truth == z].mean()) for z in np.unique(truth).tolist()}
        found.append({"judge": judge, "windows": len(shown), "by zone": each} | figures)
    return found


def radar() -> dict[str, Any]:
    """Return backscatter, correlation and looks of the twin's radar beside real Sentinel-1."""
    return {"tables": printed(twin_radar.main), "off_db": backscatter()}


def backscatter() -> list[dict[str, Any]]:
    """Return how far the twin's class means are from real ones, dB, with intervals over squares."""
    found, inner, rng = [], (slice(1, -1), slice(1, -1)), np.random.default_rng(0)
    for scene in twin_radar.scenes():
        code = scene["code"][inner]
        for esri, name in twin_radar.NAMES.items():
            if (code == esri).sum() < twin_radar.FEWEST_PX:
                continue
            for band in ("vv", "vh"):
                both = np.stack([scene["real"][band][inner], scene["twin"][band]])
                sums = twin_likeness.block_sums(both, code, esri)

                def off(of: Any) -> float:
                    real, twin = of.sum(0)[:2]
                    return float(10 * np.log10(twin / real))

                draws = [off(sums[rng.integers(0, len(sums), len(sums))]) for _ in range(1000)]
                figure = [off(sums), *np.quantile(draws, (0.025, 0.975)).tolist()]
                found.append({"place": scene["place"], "class": name, "band": band, "off": figure})
    return found


def land() -> dict[str, Any]:
    """Return Dynamic World on the twin, a land-cover model of the twin on real samples, and ablations."""
    return twin_judges.figures(real=True, ablate=True)


def likeness() -> dict[str, Any]:
    """Return means, spreads and two-sample tests per class, and how near the nearest twin pixel is."""
    return twin_likeness.figures()


def enmap() -> dict[str, Any]:
    """Return how like the twin's EnMAP is to the real tiles of Potsdam."""
    return twin_enmap.figures()


PARTS: dict[str, Callable[[], Any]] = {
    f.__name__: f for f in (spectra, air, clouds, zones, radar, land, likeness, enmap)
}


def rounded(value: Any) -> Any:
    """Return the same with all numbers to four decimals; null for what is not a number."""
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(v) for v in value]
    if isinstance(value, float):
        return round(value, 4) if value == value else None
    return value


def circumstances() -> dict[str, Any]:
    """Return on what, with what and with which seeds the figures were made."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    cpu = next((line.split(":")[1].strip() for line in lines if "model name" in line), platform.processor())
    cloudy = [s for some in twin_cloud_judges.SEEDS.values() for s in some]
    seeds = [twin_judges.HELD_OUT_SEED, twin_judges.TRAIN_SEED, twin_judges.CHECK_SEED]
    return {
        "label": "synthetic",
        "note": "figures of made-up scenes; rows named after real samples or real ground say so",
        "hardware": {"cpu": cpu, "cores": os.cpu_count(), "python": platform.python_version()},
        "packages": {p: version(p) for p in PACKAGES},
        "seeds": {"land": seeds, "likeness": twin_likeness.SEED, "zones": ZONES_SEED}
        | {"clouds": cloudy, "enmap": twin_enmap.SEED},
    }


def version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


def commit() -> str:
    found = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=OUT.parent, capture_output=True, text=True
    )
    return found.stdout.strip() or "unknown"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART")
    wanted = parser.parse_args().parts or list(PARTS)
    if unknown := set(wanted) - set(PARTS):
        parser.error(f"expected some of {', '.join(PARTS)}, got {', '.join(sorted(unknown))}")
    code = commit()
    for name in wanted:
        began = time.process_time()
        found = PARTS[name]()
        spent = round(time.process_time() - began)
        made = {"date": datetime.now(UTC).date().isoformat(), "commit": code, "cpu_seconds": spent}
        report = json.loads(OUT.read_text()) if OUT.exists() else {"looks": {}, "parts": {}}
        report |= circumstances()
        report["parts"][name] = made | {"found": rounded(found)}
        if name != "zones":
            report["looks"][name] = report["looks"].get(name, 0) + 1
        OUT.write_text(json.dumps(report, indent=1) + "\n")
        print(f"{name}: {spent} s", flush=True)


if __name__ == "__main__":
    main()
