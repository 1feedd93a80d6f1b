"""Measure the main job in one run and write it, with the hardware, to bench/results-<date>.json.

    EOMAP_SHARED=../shared python bench/run.py [--rounds 5] [--out FILE]

Speed of the LCZ networks against their ONNX files, in CPU-seconds of one thread; and, for runs of whole
scenes, bytes decoded / bytes needed and the share of time per stage. bench/README.md says what each means.
"""

import argparse
import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import numpy.typing as npt
from maps import DATA, item, networks

from eomap import api
from eomap.io.registry import model
from eomap.io.weights import bare_network, weights_path
from eomap.nn.predict import single_thread
from eomap.nn.windows import Windowed
from eomap.products.lcz.layers import WINDOW_PX

ONNX = {
    "so2sat-resnet20": "weights/so2sat-gul/lcz_resnet20_s2_so2satgul.onnx",
    "sen2lcz-mf": "weights/sen2lcz/lcz_sen2lcz_qiu.onnx",
}
TEACHER, OURS = "so2sat-resnet20", "eomap-lcz-s"
CELLS = 64
"""Side of the square of cells that one call of a network is timed on."""
HALO_PX = 16
BATCH = 32
HAVEL = ("sentinel-2-l1c", "S2A_MSIL1C_20170216T102101_T33UUU_clip")
SCENES = {
    "Havel, L1C, JPEG 2000": HAVEL,
    "Vietnam, L2A, GeoTIFF": (
        "sentinel-2-l2a",
        "S2B_MSIL2A_20200223T032739_N9999_R018_T48QUE_20230924T183543",
    ),
}
WARM_UP = ("sentinel-2-l1c", "S2A_L1C_Slovenia_20150830")
PACKAGES = ("numpy", "numba", "torch", "onnxruntime", "rasterio", "zarr", "ray")


def hardware() -> dict[str, object]:
    """Return processor, cores, versions and commit."""
    text = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    names = [line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name")]
    commit = subprocess.run(
        ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = "absent"
    return {
        "processor": names[0] if names else platform.processor(),
        "cores": os.cpu_count(),
        "load_before": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "versions": versions,
        "commit": commit.stdout.strip(),
    }


def frame_dn() -> npt.NDArray[np.uint16]:
    """Return ten bands of made-up reflectance x 10000 under the cells and their halo."""
    side = 10 * CELLS + 2 * HALO_PX
    return np.random.default_rng(0).integers(500, 4_000, (10, side, side), dtype=np.uint16)


def ours(name: str, dn: npt.NDArray[np.uint16]) -> Callable[[], npt.NDArray[np.float32]]:
    """Return a call that gives the probabilities (c, cells) by eomap."""
    predict = Windowed(bare_network(model(name), weights_path(model(name))))
    cut = HALO_PX - predict.halo_px
    part = np.ascontiguousarray(dn[:, cut : dn.shape[1] - cut, cut : dn.shape[2] - cut])
    wanted = np.ones((CELLS, CELLS), bool)
    return lambda: predict(part, wanted, origin_rc=(0, 0)).reshape(17, -1)


def onnx(path: Path, dn: npt.NDArray[np.uint16]) -> Callable[[], npt.NDArray[np.float32]]:
    """Return a call that gives the same by onnxruntime; windows are cut and scaled before the clock runs."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    name, cut = session.get_inputs()[0].name, HALO_PX - 11
    part = dn[:, cut : dn.shape[1] - cut, cut : dn.shape[2] - cut]
    windows = np.lib.stride_tricks.sliding_window_view(part, (WINDOW_PX, WINDOW_PX), axis=(1, 2))
    cells = windows[:, ::10, ::10].transpose(1, 2, 0, 3, 4).reshape(-1, 10, WINDOW_PX, WINDOW_PX)
    x = (cells / np.float32(10_000)).astype(np.float32)
    return lambda: (
        np.concatenate([session.run(None, {name: x[i : i + BATCH]})[0] for i in range(0, len(x), BATCH)]).T
    )


def race(calls: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Return CPU-seconds per call and round; in a round every call runs once, one after the other."""
    spent: dict[str, list[float]] = {k: [] for k in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            start = time.process_time()
            call()
            spent[name].append(time.process_time() - start)
    return spent


def ratio(spent: dict[str, list[float]], fast: str, slow: str) -> dict[str, object]:
    """Return how many times as fast `fast` is: median, least and most of the rounds."""
    pairs = [s / f for f, s in zip(spent[fast], spent[slow], strict=True)]
    return {
        "median": round(statistics.median(pairs), 3),
        "range": [round(min(pairs), 3), round(max(pairs), 3)],
    }


def inference(rounds: int) -> dict[str, object]:
    """Time every network at hand and every ONNX file at hand on the same cells."""
    dn = frame_dn()
    calls: dict[str, Callable] = {f"{n}, eomap": ours(n, dn) for n in networks()}
    skipped = []
    for name, path in ONNX.items():
        try:
            calls[f"{name}, onnxruntime"] = onnx(DATA / path, dn)
        except ImportError:
            skipped.append(f"{name}: onnxruntime is not installed (pip install 'eomap[bench]')")
        except Exception as problem:  # noqa: BLE001 - onnxruntime has no exception class of its own for this
            skipped.append(f"{name}: {str(problem)[:120]} (set EOMAP_SHARED)")
    answers = {k: call() for k, call in calls.items()}  # warms up, too
    spent = race(calls, rounds)
    wanted = [(f"{OURS}, eomap", f"{TEACHER}, {by}") for by in ("eomap", "onnxruntime")]
    wanted += [(f"{n}, eomap", f"{n}, onnxruntime") for n in ONNX]
    return {
        "cells": CELLS**2,
        "rounds": rounds,
        "cells_per_cpu_s": {k: round(CELLS**2 / statistics.median(v), 1) for k, v in spent.items()},
        "times_as_fast": {f"{a} / {b}": ratio(spent, a, b) for a, b in wanted if a in spent and b in spent},
        "largest_difference_of_probability": {
            n: float(np.abs(answers[f"{n}, eomap"] - answers[f"{n}, onnxruntime"]).max())
            for n in ONNX
            if f"{n}, onnxruntime" in answers
        },
        "skipped": skipped,
    }


def whole_run(collection: str, name: str, network: str) -> dict[str, object]:
    """Plan and run one scene in this process, and return what its receipts add up to."""
    scene = item(collection, name)
    day = datetime.fromisoformat(scene["properties"]["datetime"]).date()
    plan = api.plan(
        bbox=",".join(str(v) for v in scene["bbox"]),
        catalog=str(DATA / "catalog"),
        collection=collection,
        period="2017-02-01/2017-03-01" if (collection, name) == HAVEL else f"{day}/{day}",
        model=network,
    )
    with tempfile.TemporaryDirectory() as folder:
        start = time.process_time()
        api.run(plan, f"{folder}/a.zarr", engine="inline")
        cpu_s = time.process_time() - start
        status = api.status(f"{folder}/a.zarr")
    seconds, total = status["seconds"], sum(status["seconds"].values())
    cells = sum(t.window.shape[0] * t.window.shape[1] for t in plan.tasks)
    return {
        "cells": cells,
        "needed_bytes": status["needed_bytes"],
        "decoded_bytes": status["decoded_bytes"],
        "decoded_over_needed": round(status["decoded_bytes"] / status["needed_bytes"], 2),
        "share_of_time": {k: round(seconds[k] / total, 3) for k in ("fetch", "composite", "infer", "land")},
        "seconds": seconds,
        "cpu_s": round(cpu_s, 2),
        "planned_s": round(sum(t.seconds for t in plan.tasks), 1),
        # Stages are timed by the wall clock; their share of the CPU time is taken to be the same.
        "needed_bytes_per_cpu_s_of_fetch": round(status["needed_bytes"] / (cpu_s * seconds["fetch"] / total)),
    }


def runs() -> dict[str, object]:
    """Run the scenes with every network at hand, after one run that compiles the kernels."""
    if not (DATA / "catalog").is_dir():
        return {"skipped": f"no real scenes at {DATA} (set EOMAP_SHARED)"}
    whole_run(*WARM_UP, networks()[0])
    return {f"{title}, {n}": whole_run(*scene, n) for title, scene in SCENES.items() for n in networks()}


def show(result: dict) -> None:
    """Print the result as the tables of bench/README.md, ratios first."""
    timed = result["inference"]
    print("| times as fast, paired | median | range |\n|---|---|---|")
    for name, found in timed["times_as_fast"].items():
        print(f"| {name} | {found['median']:.2f} | {found['range'][0]:.2f} to {found['range'][1]:.2f} |")
    print("\n| network | cells per CPU-second |\n|---|---|")
    for name, rate in timed["cells_per_cpu_s"].items():
        print(f"| {name} | {rate:.0f} |")
    for line in timed["skipped"]:
        print(f"skipped: {line}")
    if "skipped" in result["runs"]:
        print(f"skipped: {result['runs']['skipped']}")
        return
    print("\n| run | decoded / needed | fetch | composite | infer | land | CPU-seconds | planned |")
    print("|---|---|---|---|---|---|---|---|")
    for name, found in result["runs"].items():
        shares = " | ".join(f"{v:.0%}" for v in found["share_of_time"].values())
        times = f"{found['cpu_s']} | {found['planned_s']}"
        print(f"| {name} | {found['decoded_over_needed']:.2f} | {shares} | {times} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    single_thread()
    today = datetime.now(UTC).date().isoformat()
    result = {"date": today, "hardware": hardware(), "inference": inference(given.rounds), "runs": runs()}
    path = given.out or Path(__file__).parent / f"results-{today}.json"
    path.write_text(json.dumps(result, indent=1) + "\n")
    show(result)
    print(f"\nwritten: {path}")


if __name__ == "__main__":
    main()
