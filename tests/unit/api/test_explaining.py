"""`eomap explain`: the means and the picture of what each modality does to a map."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from small_world import AREA, PERIOD, command, write_catalog
from torch import nn

from eomap import api
from eomap.api import explaining
from eomap.errors import MisuseError
from eomap.io.registry import PATCHES
from eomap.nn.predict import ready


class Dark(nn.Module):
    """Probabilities of 17 classes from the mean of the first band: the others have no weight."""

    def forward(self, x, aside):
        level = x[:, 0].mean(dim=(1, 2)) / 1_000
        logits = level[:, None] * torch.linspace(-1, 1, 17)
        return logits.softmax(dim=1)[:, :, None, None], logits


@pytest.fixture(autouse=True)
def network(monkeypatch):
    """Let explanations in this process ask a made-up network."""
    made = ready(Dark(), name="dark", sha256="0", layout=PATCHES, channels=17, of_classes=True)
    monkeypatch.setattr(explaining, "_weights", lambda plan, notify: {})
    monkeypatch.setattr(explaining, "_network", lambda runtime, weights, name, device: made)


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    """A small catalogue on disk."""
    return str(write_catalog(tmp_path_factory.mktemp("small")))


@pytest.fixture(scope="module")
def plan(catalog):
    """A plan over the border of two tiles."""
    return api.plan(bbox=AREA, catalog=catalog, period=PERIOD, mask="scl")


def test_it_tells_means_and_draws_maps(plan, tmp_path):
    out, png = tmp_path / "influence.json", tmp_path / "influence.png"
    about = api.explain(plan, out=out, png=png)
    assert json.loads(out.read_text()) == about
    assert set(about["modalities"]) == {"sentinel-2", "all"} and about["cells"] > 100
    one, everything = about["modalities"]["sentinel-2"], about["modalities"]["all"]
    assert one == everything and one["influence"] > 0 and 0 < one["absolute_change"] <= 1
    picture = np.asarray(Image.open(png))
    assert picture.shape[0] > 200 and len(np.unique(picture.reshape(-1, 3), axis=0)) > 20


def test_the_same_request_gives_the_same_bytes(plan, tmp_path):
    for name in ("a", "b"):
        api.explain(plan, out=tmp_path / f"{name}.json", png=tmp_path / f"{name}.png")
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_the_command_says_it(monkeypatch, capsys, catalog, tmp_path):
    out = tmp_path / "influence.json"
    words = ("explain", f"--bbox={AREA}", "--catalog", catalog, "--period", PERIOD, "--mask", "scl")
    code, said, err = command(monkeypatch, capsys, *words, "--out", out)
    assert code == 0 and "sentinel-2" in said and "influence" in said and str(out) in err
    code, said, _ = command(monkeypatch, capsys, *words, "--json")
    assert code == 0 and json.loads(said) == json.loads(out.read_text())


def test_what_cannot_be_explained_is_refused(plan, catalog):
    composite = api.plan(bbox=AREA, catalog=catalog, period=PERIOD, product="composite")
    with pytest.raises(MisuseError, match="a product with a network"):
        api.explain(composite)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(explaining, "LARGEST_KM2", 0.5)
        with pytest.raises(MisuseError, match="km2"):
            api.explain(plan)
