"""The shipped cloud network: it loads strictly, its sums are exact, and it sees simple and real things."""

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from eomap.errors import BrokenInputError
from eomap.io import cloud_weights
from eomap.io.cloud_weights import load_cloud_network, mask_model
from eomap.io.registry import models_folder
from eomap.nn.clouds_s import CLEAR, SHADOW, SNOW, THICK, THIN, is_exact

FOREST = (750, 620, 370, 2500, 1200, 500)
CLOUD = (4800, 4700, 4800, 5300, 4300, 3300)
FIELD_OF_SNOW = (8000, 8200, 8300, 8000, 1000, 800)
BANDS = ("B02", "B03", "B04", "B08", "B11", "B12")


@pytest.fixture(scope="module")
def network():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield load_cloud_network()
    torch.set_num_threads(before)


def ground(spectrum, *, shape=(320, 320), grain=0.06):
    rng = np.random.default_rng(4)
    wobble = rng.normal(1, grain, shape)
    return [(v * wobble * rng.normal(1, 0.01, shape)).astype(np.uint16) for v in spectrum]


def ask(network, bands):
    return network(bands, corrected=False, origin_px=(0, 0))


def test_what_is_shipped_is_small_exact_and_described(network):
    entry = mask_model()
    path = models_folder() / entry.file
    assert path.stat().st_size == entry.size < 2_000_000
    assert hashlib.sha256(path.read_bytes()).hexdigest() == entry.sha256 == network.sha256
    assert is_exact(network.network)
    card = (models_folder() / entry.card).read_text()
    assert "synthetic" in card.lower()
    item = json.loads((models_folder() / entry.name / "item.json").read_text())
    assert item["assets"]["weights"]["file:checksum"] == "1220" + entry.sha256
    assert item["properties"]["eomap:synthetic"] is True


def test_other_weights_and_other_answers_are_refused(tmp_path, monkeypatch):
    load = load_cloud_network.__wrapped__
    entry = mask_model()
    other = replace(entry, test=(*entry.test[1:], entry.test[0]))
    monkeypatch.setattr(cloud_weights, "mask_model", lambda: other)
    with pytest.raises(BrokenInputError, match="test answer"):
        load()
    (tmp_path / entry.file).parent.mkdir()
    (tmp_path / entry.file).write_bytes((models_folder() / entry.file).read_bytes()[:-1] + b"x")
    monkeypatch.setattr(cloud_weights, "mask_model", lambda: entry)
    monkeypatch.setattr(cloud_weights, "models_folder", lambda: tmp_path)
    with pytest.raises(BrokenInputError, match="of other content"):
        load()


def test_forest_is_clear_and_a_cloud_over_it_is_cloud(network):
    assert (ask(network, ground(FOREST)) == CLEAR).mean() > 0.95
    bands, cloud = ground(FOREST), ground(CLOUD)
    for below, above in zip(bands, cloud, strict=True):
        below[120:200, 120:200] = above[120:200, 120:200]
    found = ask(network, bands)
    assert np.isin(found[130:190, 130:190], (THIN, THICK)).mean() > 0.95
    assert (found[:90] == CLEAR).mean() > 0.9


def test_snow_is_snow_in_the_sun_and_never_shadow(network):
    found = ask(network, ground(FIELD_OF_SNOW))
    assert (found == SNOW).mean() > 0.95
    assert not (found == SHADOW).any()


def load(folder):
    import rasterio

    item = json.loads(next(folder.glob("*.json")).read_text())
    shape, out = None, []
    for name in BANDS:
        asset = item["assets"][name]
        with rasterio.open(folder / asset["href"]) as file:
            raw = file.read(1)
        shape = shape or raw.shape
        y, x = (np.arange(n) * m // n for n, m in zip(shape, raw.shape, strict=True))
        shift = round(asset["raster:bands"][0]["offset"] * 10_000)
        out.append(
            np.where(raw > 0, np.clip(raw.astype(int) + shift, 1, 65_535), 0).astype(np.uint16)[y][:, x]
        )
    return out


@pytest.mark.shared
@pytest.mark.parametrize(
    ("level", "scene", "low", "high"),
    [
        ("L1C", "S2A_L1C_Slovenia_20150711", 0.0, 0.02),
        ("L1C", "S2A_L1C_Slovenia_20150820", 0.95, 1.0),
        ("L1C", "S2_L1C_20200604T054639_20200604T054831_T43RCP", 0.0, 0.03),
        ("L1C", "S2_L1C_20200823T054639_20200823T055618_T43RCP", 0.4, 0.7),
        ("L1C", "S2_L1C_Denmark_20171030", 0.0, 0.02),
        ("L1C", "S2_L1C_Tanzania_20230610", 0.0, 0.02),
        ("L2A", "S2B_MSIL2A_20200223T032739_N9999_R018_T48QUE_20230924T183543", 0.0, 0.03),
    ],
)
def test_real_scenes_are_hidden_as_they_should_be(shared, network, level, scene, low, high):
    bands = load(shared / "data/catalog" / f"sentinel-2-{level.lower()}" / scene)
    found = network(bands, corrected=level == "L2A", origin_px=(0, 0))
    assert low <= np.isin(found, (THIN, THICK, SHADOW)).mean() <= high
