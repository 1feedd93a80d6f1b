"""Scores of a made-up cube: as plain numpy has them over the whole, and whatever the tiling."""

import json
import math

import numpy as np
import pytest
from scipy import stats
from truth_world import BANDS, LAYERS, LEGEND, STEP, TILES, stored_layers, write_cube, write_truth

from eomap import api
from eomap.api import pairing, scoring
from eomap.core.grid import tile_window
from eomap.core.layer import Layer
from eomap.errors import MisuseError
from eomap.io.cube import open_cube
from eomap.io.truth import open_truth
from eomap.io.truth_pixels import read_classes, read_values


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A folder with `map.zarr` and `truth`."""
    folder = tmp_path_factory.mktemp("world")
    write_cube(folder / "map.zarr", **{"eomap:synthetic": True})
    write_truth(folder / "truth")
    return folder


@pytest.fixture(scope="module")
def found(world):
    return api.score(str(world / "map.zarr"), str(world / "truth"), by="n_clear")


@pytest.fixture(scope="module")
def whole(world):
    """Map and truth of both tiles side by side: stored layers by name, truth by name."""
    maps = [stored_layers(t) for t in TILES]
    stored = {k: np.concatenate([m[k] for m in maps], axis=-1) for k in maps[0]}
    truth, window = open_truth(world / "truth"), tile_window(TILES[0], STEP)
    window = type(window)(STEP, window.row0, window.row1, window.col0, tile_window(TILES[1], STEP).col1)
    return stored, {
        "cover": read_classes(truth.layer("cover"), window),
        "strange": read_classes(truth.layer("strange"), window),
        "height": read_values(truth.layer("height"), window)[0],
        "surface": read_values(truth.layer("surface"), window, bands=(0, 1, 2)),
    }


def entry(found, name):
    return next(e for e in found["layers"] if e["layer"] == name)


def test_classes_as_plain_numpy_counts_them(found, whole):
    (stored, truth), e = whole, entry(found, "cover")
    seen = stored["cover"] != 0
    right = stored["cover"][seen] == truth["cover"][seen]
    assert e["cells"] == seen.sum() and e["cells of truth left blank by the map"] == (~seen).sum()
    assert e["metrics"]["OA"] == pytest.approx(right.mean(), rel=1e-12)
    recalls = [right[truth["cover"][seen] == c].mean() for c in (1, 2, 3)]
    assert e["metrics"]["AA"] == pytest.approx(np.mean(recalls), rel=1e-12)
    for row, recall in zip(e["classes"], recalls, strict=True):
        said = stored["cover"][seen] == row["code"]
        assert row["PA"] == pytest.approx(recall) and row["UA"] == pytest.approx(right[said].mean())
        assert row["F1"] == pytest.approx(2 / (1 / row["PA"] + 1 / row["UA"]))
    assert "OAu" not in e["metrics"], "only a product says what else its classes mean"
    sure = stored["sure"][seen] / 250
    bins = np.floor(sure * 15)
    gaps = [
        (bins == b).sum() * abs(sure[bins == b].mean() - right[bins == b].mean()) for b in np.unique(bins)
    ]
    assert e["metrics"]["ECE"] == pytest.approx(sum(gaps) / seen.sum(), rel=1e-9)
    doubt = stored["unsure"][seen].astype(float)
    u = stats.mannwhitneyu(doubt[~right], doubt[right]).statistic
    assert e["metrics"]["AUROC of unsure for errors"] == pytest.approx(u / (right.sum() * (~right).sum()))
    # The made-up confidence is the probability of being right, so it is calibrated and doubt finds errors.
    assert e["metrics"]["ECE"] < 0.04 and 0.6 < e["metrics"]["AUROC of unsure for errors"] < 1


def test_values_as_plain_numpy_has_them(found, whole):
    (stored, truth), e = whole, entry(found, "height")
    seen = stored["height"] != 65535
    v, t = stored["height"][seen] * 0.1, truth["height"][seen]
    error = v - t
    assert e["cells"] == seen.sum() and e["unit"] == "m"
    m = e["metrics"]
    assert m["MAE"] == pytest.approx(np.abs(error).mean(), rel=1e-12)
    assert m["RMSE"] == pytest.approx(math.sqrt((error**2).mean()), rel=1e-12)
    assert m["bias"] == pytest.approx(error.mean(), rel=1e-9)
    assert m["R2"] == pytest.approx(1 - (error**2).sum() / ((t - t.mean()) ** 2).sum(), rel=1e-12)
    sigma = stored["spread"][seen] * 0.1
    assert m["within 1 sigma"] == pytest.approx((np.abs(error) <= sigma).mean(), rel=1e-12)
    assert abs(m["within 1 sigma"] - 0.683) < 0.02 and abs(m["within 2 sigma"] - 0.954) < 0.02
    assert len(e["bins"]) == 10 and sum(b["cells"] for b in e["bins"]) == e["cells"]
    assert "bands" not in e and "SSIM" not in m


def test_reflectance_is_compared_band_by_band_by_name(found, whole):
    (stored, truth), e = whole, entry(found, "surface")
    assert [b["band"] for b in e["bands"]] == ["B02", "B03", "B04"]  # the map's order; B08 has no truth
    for row in e["bands"]:
        codes = stored["surface"][LAYERS[6].bands.index(row["band"])]
        error = codes * 1e-4 - truth["surface"][BANDS.index(row["band"])]
        error = error[codes != 65535]
        assert row["MAE"] == pytest.approx(np.abs(error).mean(), rel=1e-10)
        assert row["PSNR (dB)"] == pytest.approx(-10 * math.log10((error**2).mean()), rel=1e-10)
        assert row["SSIM"] is None, "clouds everywhere: no window of 11 cells is whole"
    assert e["metrics"]["PSNR (dB)"] > 35 and 0 < e["metrics"]["SAM (deg)"] < 20
    assert e["truth dates"] == ["2024-06-15"]


def test_a_score_of_the_unfamiliar(found, whole):
    (stored, truth), m = whole, entry(found, "odd")["metrics"]
    seen = stored["odd"] != 255
    yes, no = (stored["odd"][seen & (truth["strange"] == k)].astype(float) for k in (1, 0))
    ranks = (yes[:, None] > no[None, ::7]).mean() + (yes[:, None] == no[None, ::7]).mean() / 2
    assert m["AUROC"] == pytest.approx(ranks, abs=0.005)
    assert m["share of events"] == pytest.approx(yes.size / seen.sum())
    threshold = np.sort(yes)[int(0.05 * yes.size)]
    assert m["FPR95"] == pytest.approx((no >= threshold).mean(), abs=0.02)


def test_error_falls_as_clear_looks_grow(found):
    for name, key in (("height", "RMSE"), ("cover", "OA")):
        rows = entry(found, name)["by"]
        assert [(r["looks from"], r["to"]) for r in rows] == [(1, 1), (2, 2), (3, 3), (4, 4), (5, 6), (7, 9)]
        assert sum(r["cells"] for r in rows) == entry(found, name)["cells"]
        course = [r[key] for r in rows]
        assert course == sorted(course, reverse=key == "RMSE")


def test_the_answer_is_json_and_says_that_it_is_synthetic(found):
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["synthetic"] and found["not scored"] == []


def numbers(value):
    """Yield every number of an answer with its place."""
    if isinstance(value, dict):
        for k, v in value.items():
            yield from (((k, *p), n) for p, n in numbers(v))
    elif isinstance(value, list):
        for k, v in enumerate(value):
            yield from (((k, *p), n) for p, n in numbers(v))
    elif not isinstance(value, str):
        yield (), value


@pytest.mark.parametrize("side", [37, 120])
def test_however_it_is_cut_the_answer_is_the_same(world, side):
    cube, truth = open_cube(str(world / "map.zarr")), open_truth(world / "truth")
    pairs, _ = pairing.pairs_of(cube, truth, None)
    looks = pairing.counts_layer(cube, "n_clear")
    for pair in pairs:
        one, other = (
            scoring._entry(pair, scoring._compared(cube, pair, looks, pictures=False, side=s)[0], None)
            for s in (side, 60)
        )
        for (place, a), (place_too, b) in zip(numbers(one), numbers(other), strict=True):
            assert place == place_too and (a == b or a == pytest.approx(b, rel=1e-12, abs=1e-12)), place


def test_a_class_without_truth_has_no_score(tmp_path):
    more = (*LEGEND, type(LEGEND[0])(4, "Snow", "ffffff"))
    layers = (
        Layer("cover", "uint8", "land cover", fill=255, no_look=0, legend=more, kind="class", truth="cover"),
    )
    write_cube(tmp_path / "map.zarr", layers=layers)
    truth = write_truth(tmp_path / "truth", only=["cover"], synthetic=False)
    answer = api.score(str(tmp_path / "map.zarr"), str(truth))
    snow = answer["layers"][0]["classes"][3]
    assert (snow["true cells"], snow["PA"], snow["UA"], snow["F1"]) == (0, None, None, None)
    assert not answer["synthetic"]


def test_ssim_where_windows_are_whole(tmp_path):
    write_cube(tmp_path / "map.zarr", layers=(LAYERS[3], LAYERS[6]))
    cube = open_cube(str(tmp_path / "map.zarr"))
    for tile in TILES:
        made = stored_layers(tile)
        hidden = made["surface"] == 65535
        made["surface"][hidden] = 600
        cube.write(tile, {"n_clear": made["n_clear"], "surface": made["surface"]})
    truth = write_truth(tmp_path / "truth", only=["surface"])
    m = entry(api.score(str(tmp_path / "map.zarr"), str(truth)), "surface")["metrics"]
    assert 0 < m["SSIM"] < 1 and m["the same in the truth"] == pytest.approx(1, abs=0.3)


def test_what_has_no_truth_is_told(world, tmp_path):
    truth = write_truth(tmp_path / "some", only=["cover"])
    answer = api.score(str(world / "map.zarr"), str(truth))
    assert [e["layer"] for e in answer["layers"]] == ["cover"]
    assert answer["not scored"] == ["height", "odd", "surface"]


def refused(*words, **more):
    with pytest.raises(MisuseError) as caught:
        api.score(*map(str, words), **more)
    return str(caught.value)


def test_a_cube_whose_layers_name_no_truth_hears_what_there_is(world, tmp_path):
    write_cube(tmp_path / "map.zarr", layers=(LAYERS[3],))
    said = refused(tmp_path / "map.zarr", world / "truth")
    assert "n_clear" in said and "cover, height, strange, surface" in said


def test_contradictions_are_refused(world, tmp_path):
    cube = world / "map.zarr"
    assert "counts: n_clear" in refused(cube, world / "truth", by="height")
    assert "truth for cover" in refused(cube, write_truth(tmp_path / "none", only=["nothing"]))
    folder = write_truth(tmp_path / "unit", only=["height"])
    text = (folder / "truth.json").read_text()
    (folder / "truth.json").write_text(text.replace('"unit": "m"', '"unit": "ft"'))
    assert "unit 'm'" in refused(cube, folder)
    (folder / "truth.json").write_text(text.replace('"kind": "value"', '"kind": "class"'))
    assert "kind `value`" in refused(cube, folder)
