"""`eomap ood fit`: same data, same bytes; a noted bundle is scored; refusals come first."""

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from small_network import write_bundle

from eomap import api
from eomap.cli import app
from eomap.errors import MisuseError
from eomap.io.ood_file import read_detector
from eomap.io.registry import model
from eomap.io.weights import load_network
from eomap.training import twin_samples as kept
from eomap.training.samples import Array, Samples, Spec
from eomap.training.twin_views import BANDS

PLACES, SIDE_PX = 10, 130
DATA = "twin://places=8,seed=1"


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def samples(monkeypatch):
    """Ten places of smooth land, each a little lighter or darker in its own way."""
    rng = np.random.default_rng(0)
    level = rng.normal(2_000, 200, (PLACES, len(BANDS), 1, 1))
    code = np.rint(level + rng.normal(0, 60, (PLACES, len(BANDS), SIDE_PX, SIDE_PX))).astype(np.uint16)
    spec = Spec("s2_l1c_year", code.shape[1:], "uint16", of="sentinel-2", bands=BANDS, scale=1e-4)
    splits = np.array(["train"] * 6 + ["val"] * 2 + ["test"] * 2)
    places = np.stack([np.linspace(1, 30, PLACES), np.linspace(40, 55, PLACES)], axis=1).astype(np.float32)
    made = Samples("made up", {"s2_l1c_year": Array(spec, code)}, splits, places, True)
    monkeypatch.setattr(kept, "twin_samples", lambda *_, **__: made)
    return made


@pytest.fixture
def bundle(tmp_path):
    return write_bundle(tmp_path / "tiny")


def test_a_bundle_is_scored_from_then_on(bundle):
    made = api.fit_ood(str(bundle), [DATA])
    assert made["places"] == [8] and made["synthetic_share"] == 1  # those of the test are left out
    entry = model(str(bundle))
    assert entry.ood_sha256 == made["sha256"] and entry.told == entry.channels + 1
    assert (bundle / "ood.safetensors").stat().st_size < 300_000
    network = load_network(entry, bundle / "weights.safetensors")
    usual = np.full((3, 10, 32, 32), 2_000, np.uint16)
    usual[1], usual[2] = 2_100, 9_000
    said = network(usual, np.zeros((3, 0), np.float32))
    assert said.shape == (3, 18, 1, 1) and said[2, -1] == 1 and (said[:2, -1] < 1).all()
    plain = model(str(bundle))
    assert said[:, :17].sum(axis=1) == pytest.approx(1, abs=1e-5) and plain.temperature == 1


def test_same_places_same_bytes(bundle, tmp_path):
    one, two, other = (
        api.fit_ood(str(bundle), [DATA], out=str(tmp_path / name), seed=seed, windows=40)
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    )
    assert one["sha256"] == two["sha256"] != other["sha256"]
    assert not model(str(bundle)).ood_sha256  # elsewhere: the bundle is left alone


def test_fitting_again_replaces_what_was_noted(bundle):
    first = api.fit_ood(str(bundle), [DATA])
    second = api.fit_ood(str(bundle), [DATA], method="neighbours")
    assert model(str(bundle)).ood_sha256 == second["sha256"] != first["sha256"]
    assert (bundle / "model.toml").read_text().count("ood_sha256") == 1


def test_about_a_twentieth_of_usual_windows_is_flagged(bundle):
    made = api.fit_ood(str(bundle), [DATA])
    _, curve, about = read_detector(bundle / "ood.safetensors")
    assert about["model_sha256"] == model(str(bundle)).sha256 and about["samples"] == made["samples"]
    assert 0.9 < curve.share_q[-1] <= 1 and (np.diff(curve.score_q) > 0).all()


def test_tardis_is_given_what_is_wild(bundle):
    assert api.fit_ood(str(bundle), [DATA], method="tardis", wild=DATA)["method"] == "tardis"


REFUSED = {
    "an unknown method": dict(method="guess"),
    "a layer of a network that has its own": dict(layer="norm"),
    "wild samples that nothing asks for": dict(wild=DATA),
    "no wild samples": dict(method="tardis"),
    "logits of a network of codes": dict(method="energy"),
}


@pytest.mark.parametrize("how", REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_done_is_refused(bundle, how):
    with pytest.raises(MisuseError):
        api.fit_ood(str(bundle), [DATA], **how)
    assert not (bundle / "ood.safetensors").exists()


def test_networks_that_come_with_eomap_are_not_changed():
    with pytest.raises(MisuseError, match="--out"):
        api.fit_ood("eomap-lcz-s", [DATA])


def test_an_unknown_layer_is_refused_naming_the_known(tmp_path):
    with pytest.raises(MisuseError, match=r"convs\.2"):
        api.fit_ood("eomap-lcz-s", [DATA], layer="norm", out=str(tmp_path / "out"))


def test_the_command_says_what_it_wrote(bundle):
    said = CliRunner().invoke(app, ["ood", "fit", "--model", str(bundle), "--data", DATA])
    assert said.exit_code == 0 and model(str(bundle)).ood_sha256 in said.stdout


def test_a_single_place_is_not_enough(bundle, samples):
    samples.splits_n[1:] = "test"
    with pytest.raises(MisuseError, match="two places"):
        api.fit_ood(str(bundle), [DATA])
