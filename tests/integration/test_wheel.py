"""The wheel that people install holds the networks' cards, the registry and our own weights."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from eomap.io.cloud_weights import mask_model
from eomap.io.registry import models

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    """The unpacked wheel of this checkout, built in isolation as pip does."""
    folder = tmp_path_factory.mktemp("wheel")
    words = [sys.executable, "-m", "pip", "wheel", str(ROOT), "--no-deps", "--wheel-dir", str(folder)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300)
    if done.returncode and "hatchling" in done.stderr and "No matching distribution" in done.stderr:
        pytest.skip("hatchling, which builds the wheel, cannot be had from a package registry here")
    assert done.returncode == 0, done.stderr
    (wheel,) = folder.glob("eomap-*.whl")
    with zipfile.ZipFile(wheel) as file:
        file.extractall(folder / "site")
    return folder / "site"


def test_it_holds_what_the_registry_names(unpacked):
    inside = unpacked / "eomap" / "_models"
    known = (*models(), mask_model())
    named = [
        "registry.toml",
        *(m.card for m in known),
        *(m.file for m in known if m.file.endswith("safetensors")),
    ]
    for name in named:
        assert (inside / name).read_bytes() == (ROOT / "models" / name).read_bytes(), name


def test_it_answers_without_the_checkout(unpacked):
    code = "from eomap.io import catalog, registry; catalog.named_catalogs(); print(registry.models_folder())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=unpacked,
        env={**os.environ, "PYTHONPATH": str(unpacked)},
        timeout=120,
    )
    assert done.stdout.strip() == str(unpacked / "eomap" / "_models"), done.stderr
