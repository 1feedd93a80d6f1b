"""Every network of the registry is listed, has a card and can be fetched; the one for masks too."""

import hashlib
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from eomap import api
from eomap.cli.models import models
from eomap.errors import BrokenInputError, MisuseError
from eomap.io import cloud_weights
from eomap.io.registry import models_folder

CLOUDS = "eomap-clouds-s"


def said(*words):
    done = CliRunner().invoke(models, words)
    assert done.exit_code == 0, done.output
    return done.output


def test_the_cloud_network_is_listed_beside_those_of_products():
    listed = {e["name"]: e for e in json.loads(said("list", "--json"))}
    assert {"eomap-lcz-s", "so2sat-resnet20", CLOUDS} <= listed.keys()
    entry = listed[CLOUDS]
    weights = models_folder() / CLOUDS / "weights.safetensors"
    assert (entry["for"], entry["trained on"]) == ("cloud masks", "synthetic scenes")
    assert entry["sha256"] == hashlib.sha256(weights.read_bytes()).hexdigest()
    assert entry["kB"] == round(weights.stat().st_size / 1000)
    assert all((models_folder() / e["card"]).is_file() for e in listed.values())
    row = next(line for line in said("list").splitlines() if line.startswith(CLOUDS))
    assert entry["sha256"][:12] in row and "cloud masks" in row and "synthetic scenes" in row


@pytest.mark.parametrize("name", [e["name"] for e in api.models()])
def test_every_listed_network_shows_its_card(name):
    assert said("show", name).startswith(f"# {name}\n")


def test_the_card_of_the_cloud_network_says_what_it_learnt_from():
    assert "trained on synthetic scenes only" in said("show", CLOUDS)


def test_an_unknown_name_is_told_all_names():
    with pytest.raises(MisuseError, match=f"so2sat-resnet20.*{CLOUDS}"):
        api.model_card("nothing")


def test_fetch_gives_what_comes_with_eomap_and_refuses_what_is_damaged(tmp_path, monkeypatch):
    path = Path(api.fetch_model(CLOUDS))
    assert path.read_bytes()[:8] and path.parent.name == CLOUDS
    (tmp_path / CLOUDS).mkdir()
    (tmp_path / CLOUDS / path.name).write_bytes(path.read_bytes()[:-1])
    monkeypatch.setattr(cloud_weights, "models_folder", lambda: tmp_path)
    with pytest.raises(BrokenInputError, match=CLOUDS):
        api.fetch_model(CLOUDS)
