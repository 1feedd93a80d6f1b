"""What a first look costs: neither importing, nor asking for help, nor planning loads the heavy packages."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from small_world import AREA, PERIOD, write_catalog

ROOT = Path(__file__).parents[2]
HEAVY = ("torch", "ray", "numba")
TWIN = (("twin",), ("twin", "build"))
COMMANDS = (
    (),
    ("run",),
    ("plan",),
    ("status",),
    ("verify",),
    ("repair",),
    ("query",),
    ("export",),
    ("score",),
    ("train",),
)
MODELS = (("models",), ("models", "list"), ("models", "show"), ("models", "fetch"))


def loaded_after(code, folder):
    """Run code in a fresh interpreter; return the names of the top-level packages it loaded."""
    tell = "import json, sys; print(json.dumps(sorted({m.partition('.')[0] for m in sys.modules})))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{tell}"],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def called(*words):
    """Return code that runs the command line in the fresh interpreter and goes on."""
    return (
        f"import sys; sys.argv = {['eomap', *words]!r}\n"
        "from eomap.cli import main\n"
        "try:\n    main()\n"
        "except SystemExit as ended:\n    assert not ended.code, ended.code\n"
    )


def test_importing_loads_nothing_heavy(tmp_path):
    loaded = loaded_after("import eomap, eomap.cli", tmp_path)
    assert "eomap" in loaded and loaded.isdisjoint({*HEAVY, "numpy", "xarray", "zarr", "geopandas"})


def test_no_help_text_loads_numpy(tmp_path):
    code = "".join(called(*words, "--help") for words in COMMANDS + MODELS + TWIN)
    assert loaded_after(code, tmp_path).isdisjoint({*HEAVY, "numpy", "pandas", "rich", "shapely"})


@pytest.mark.parametrize("words", [("models", "list"), ("models", "show", "so2sat-resnet20")])
def test_looking_at_models_loads_no_network(tmp_path, words):
    assert loaded_after(called(*words), tmp_path).isdisjoint(HEAVY)


def test_a_real_plan_needs_neither_torch_nor_ray_nor_numba(tmp_path):
    root = write_catalog(tmp_path / "catalog", days=(3,))
    words = ("plan", "--bbox", AREA, "--catalog", str(root), "--period", PERIOD, "--out", "plan.geojson")
    loaded = loaded_after(called(*words), tmp_path)
    assert len(json.loads((tmp_path / "plan.geojson").read_text())["features"]) == 2
    assert loaded.isdisjoint({*HEAVY, "zarr", "xarray"})
