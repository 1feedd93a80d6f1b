"""Bundles: whole or not at all, known again by their answers, plain about what is synthetic."""

import json
import tomllib
from dataclasses import replace

import numpy as np
import pytest
import torch
from small_training import RECIPE, samples, small

from eomap.errors import BrokenInputError, MisuseError
from eomap.training.bundle import Figure, Told, known_codes, verify_bundle, write_bundle
from eomap.training.picture import examples
from eomap.training.toml_text import toml
from eomap.training.windows import Windows

TOLD = Told(
    "small-1", "1.0.0", "made-up samples", True, (Figure("mae", 0.123456789, 2, "test split", True),), 60, 1,
    {"ood.safetensors": b"anything"},
)  # fmt: skip


@pytest.fixture
def network():
    torch.manual_seed(3)
    made = small()
    made.restate(*Windows(RECIPE, samples()).measured())
    return made.eval()


def test_a_bundle_says_what_it_is(tmp_path, network):
    folder = write_bundle(tmp_path / "small-1", network, RECIPE, TOLD, asides=2)
    about = verify_bundle(folder)
    assert sorted(p.name for p in folder.iterdir()) == [
        "card.md", "item.json", "model.toml", "ood.safetensors", "weights.safetensors",
    ]  # fmt: skip
    assert sorted(p.name for p in tmp_path.iterdir()) == ["small-1"]
    assert about["sources"][0] == {"of": "sentinel-2", "bands": ["B02", "B03", "B04"], "looks": 0}
    assert about["windows"] == {"side_px": 16, "step_px": 8, "cell_px": 2}
    assert about["figures"]["synthetic"][0]["value"] == 0.123457 and about["figures"]["real"] == []
    assert len(about["test"]) == 2 and len(about["test"][0]["expected"]) == 2
    card = (folder / "card.md").read_text()
    assert "synthetic samples only" in card and "| mae | 0.1235 | 2 | test split |" in card
    said = json.loads((folder / "item.json").read_text())
    assert said["properties"]["eomap:synthetic"] is True
    assert said["properties"]["mlm:total_parameters"] == sum(p.numel() for p in network.parameters())


def test_the_engine_takes_a_bundle_by_its_folder(tmp_path, network):
    from eomap.io.registry import model
    from eomap.io.weights import load_network, weights_path

    told = replace(TOLD, extra={})
    folder = write_bundle(tmp_path / "small-1", network, RECIPE, told, asides=2)
    entry = model(str(folder))
    assert entry.synthetic and entry.channels == 2 and entry.asides == RECIPE.aside
    asked = load_network(entry, weights_path(entry))
    codes = np.random.default_rng(1).integers(0, 4000, (1, 5, 16, 16)).astype(np.uint16)
    beside = np.array([[12.5, 48.0]], np.float32)
    with torch.inference_mode():
        y, _ = network(torch.from_numpy(codes.astype(np.float32)), torch.from_numpy(beside))
    np.testing.assert_allclose(asked(codes, beside), y.numpy(), atol=1e-5)


def test_the_vector_is_the_formula_of_the_contract():
    found = known_codes(2, 3, (100.0, 50.0, 0.3))
    n = np.arange(18)
    np.testing.assert_array_equal(found.ravel(), np.rint(100 + 50 * np.sin(0.3 * n)))


def test_a_bundle_that_answers_otherwise_is_refused(tmp_path, network):
    folder = write_bundle(tmp_path / "b", network, RECIPE, TOLD, asides=2)
    toml_file = folder / "model.toml"
    about = tomllib.loads(toml_file.read_text())
    about["test"][0]["expected"][0] += 0.01
    toml_file.write_text(toml(about))
    with pytest.raises(BrokenInputError, match="the answer"):
        verify_bundle(folder)
    (folder / "weights.safetensors").write_bytes(b"")
    with pytest.raises(BrokenInputError, match="sha256"):
        verify_bundle(folder)


def test_nothing_is_written_where_something_is_wrong(tmp_path, network):
    with torch.no_grad():
        network.body.two.bias.fill_(float("nan"))
    with pytest.raises(BrokenInputError):
        write_bundle(tmp_path / "b", network, RECIPE, TOLD, asides=2)
    assert not list(tmp_path.iterdir())


def test_a_bundle_is_replaced_and_nothing_else_is(tmp_path, network):
    folder = write_bundle(tmp_path / "b", network, RECIPE, TOLD, asides=2)
    (folder / "old.txt").write_text("x")
    write_bundle(folder, network, RECIPE, TOLD, asides=2)
    assert not (folder / "old.txt").exists()
    (tmp_path / "mine").mkdir()
    with pytest.raises(MisuseError, match="--out"):
        write_bundle(tmp_path / "mine", network, RECIPE, TOLD, asides=2)


def test_toml_reads_back():
    values = {"a": 'ü "x"\n', "b": [1, 2.5, True], "t": {"c": [], "l": [{"d": 1e-7}, {"d": 2.0}]}}
    assert tomllib.loads(toml(values)) == values


def test_examples_are_drawn(tmp_path, network):
    from PIL import Image

    batch = next(Windows(RECIPE, samples()).judged("val"))
    y = np.random.default_rng(0).random((len(batch.code_ncyx), 2, 8, 8), np.float32)
    with Image.open(examples(tmp_path / "e.png", batch, y, RECIPE)) as picture:
        assert picture.size == (4 * 164, 164 * len(y) + 14)
        assert (
            len(
                set(
                    picture.get_flattened_data()
                    if hasattr(picture, "get_flattened_data")
                    else picture.getdata()
                )
            )
            > 50
        )
