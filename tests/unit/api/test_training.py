"""`eomap train` as a whole: from the twin to a bundle, on one process and on two, and what is refused."""

import json
import os

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from small_training import ON_TWIN

import eomap.training.recipe as recipes
from eomap import api
from eomap.cli import app
from eomap.errors import MisuseError
from eomap.training.bundle import verify_bundle
from eomap.training.checkpoint import FILE

DATA = "twin://places=2,val=1,test=1,seed=7,side=60"


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def known(monkeypatch, cache):
    """The tiny recipe under the name of a product, samples in a cache of their own."""
    monkeypatch.setenv("EOMAP_CACHE", str(cache))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["tests", os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setattr(recipes, "recipe", lambda product: ON_TWIN)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("known")
def test_from_the_twin_to_a_bundle_by_the_command_line(tmp_path):
    out = tmp_path / "small-settlement"
    told = CliRunner().invoke(app, ["train", "settlement-try", "--data", DATA, "--out", str(out)])
    assert told.exit_code == 0, told.output
    about = verify_bundle(out)
    assert about["synthetic"] is True and about["trained_on"].startswith("twin-")
    assert [f["name"] for f in about["figures"]["synthetic"]] == ["mae"] and not about["figures"]["real"]
    assert [s["of"] for s in about["sources"]] == ["sentinel-2", "sentinel-1"]
    made = sorted(p.name for p in (tmp_path / "small-settlement.training").iterdir())
    assert FILE in made and "examples-000008.png" in made
    assert json.loads((out / "item.json").read_text())["properties"]["eomap:synthetic"] is True
    again = tmp_path / "again"
    assert api.train("settlement-try", DATA, again)["sha256"] == about["sha256"]
    assert np.isfinite(about["test"][0]["expected"]).all()


@pytest.mark.usefixtures("known")
def test_two_processes_learn_the_same_up_to_rounding(tmp_path):
    """Without dropout, and with as much truth in every window, two halves of a batch are the batch."""
    for name, workers in (("one", 1), ("two", 2)):
        api.train("settlement-try", DATA, tmp_path / name, steps=12, workers=workers)
    one, two = (_history(tmp_path / f"{name}.training") for name in ("one", "two"))
    assert two[-1]["loss"] < two[0]["loss"] and len(one) == len(two)
    np.testing.assert_allclose([h["mae"] for h in two], [h["mae"] for h in one], atol=1e-4)


def _history(folder):
    from safetensors import safe_open

    with safe_open(folder / FILE, "numpy") as file:
        return json.loads(file.metadata()["training"])["history"]


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--steps", "3", "--minutes", "1"], "--steps or --minutes"),
        (["--data", "nowhere"], "https://doi.org/10.14459/2018mp1483140"),
        (["--data", "twin://palaces=3"], "twin://places=240,seed=7"),
        (["--data", DATA, "--resume"], "a training begun in"),
        (["--data", DATA, "--workers", "3", "--steps", "2"], "a divisor of the batch of 4"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(tmp_path, words, said):
    told = CliRunner().invoke(app, ["train", "settlement-try", "--out", str(tmp_path / "o"), *words])
    assert isinstance(told.exception, MisuseError) and said in str(told.exception)
    assert not (tmp_path / "o").exists()


def test_only_products_with_a_recipe_can_be_trained(tmp_path):
    with pytest.raises(MisuseError, match="product to train"):
        api.train("composite", DATA, tmp_path / "o")
