"""`eomap score`: a table, JSON and a page; and one clear line where nothing can be compared."""

import json
import re
import shutil
from base64 import b64decode
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from small_world import (
    AREA,
    EPSG,
    NORTH_M,
    PERIOD,
    WEST_M,
    command,
    contents,
    without_weights,
    write_catalog,
    write_tif,
)
from truth_world import write_cube, write_truth


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """`map.zarr` and `truth`, both made up."""
    folder = tmp_path_factory.mktemp("world")
    write_cube(folder / "map.zarr", **{"eomap:synthetic": True, "eomap:period": "2024-01-01/2024-12-31"})
    write_truth(folder / "truth")
    return folder


@pytest.fixture
def here(world, tmp_path, monkeypatch):
    """A copy of the world, to be in."""
    shutil.copytree(world, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


def test_the_table_names_every_layer_and_figure(here, monkeypatch, capsys):
    code, out, err = command(monkeypatch, capsys, "score", "map.zarr", "--truth", "truth", "--by", "n_clear")
    assert (code, err) == (0, "")
    assert out.startswith("SYNTHETIC")
    for word in (
        "cover against cover",
        "kappa",
        "R2",
        "SAM (deg)",
        "FPR95",
        "looks from",
        "truth from",
        "ECE",
    ):
        assert word in out
    assert "None" not in out and "nan" not in out


def test_json_is_the_same_answer(here, monkeypatch, capsys):
    code, out, _ = command(monkeypatch, capsys, "score", "map.zarr", "--truth", "truth", "--json")
    found = json.loads(out)
    assert code == 0 and found["synthetic"] is True
    assert [e["layer"] for e in found["layers"]] == ["cover", "height", "surface", "odd"]


def test_the_page_stands_alone(here, monkeypatch, capsys):
    words = ("score", "map.zarr", "--truth", "truth", "--by", "n_clear", "--html", "score.html")
    code, _, err = command(monkeypatch, capsys, *words)
    assert code == 0 and "written: score.html" in err
    page = (here / "score.html").read_text("utf-8")
    assert "SYNTHETIC" in page and "prefers-color-scheme: dark" in page
    assert not re.search(r"<script|<link|https?://|\burl\(|@import|\bon\w+=", page)
    sources = re.findall(r'<img alt="[^"]+" src="([^"]+)"', page)
    assert len(sources) == page.count("<img") == 3 + 4 + 4 + 2
    for source in sources:
        kind, _, data = source.partition(",")
        picture = Image.open(BytesIO(b64decode(data)))
        assert kind == "data:image/png;base64" and picture.width == 440
        assert len(picture.convert("RGB").getcolors(1 << 20)) > 1, "a picture shows something"
    for tag in ("section", "table", "figure", "dl"):
        assert page.count(f"<{tag}") == page.count(f"</{tag}>") > 0


def test_the_where_wrong_picture_is_red_where_the_map_is_wrong(here, monkeypatch, capsys):
    code, out, _ = command(
        monkeypatch, capsys, "score", "map.zarr", "--truth", "truth", "--json", "--html", "score.html"
    )
    oa = json.loads(out)["layers"][0]["metrics"]["OA"]
    page = (here / "score.html").read_text("utf-8")
    data = re.search(r'alt="Where it is wrong[^"]*" src="data:image/png;base64,([^"]+)"', page)[1]
    rgb = np.asarray(Image.open(BytesIO(b64decode(data))).convert("RGB")).reshape(-1, 3)
    red, grey = ((rgb == c).all(axis=1).sum() for c in ((190, 30, 45), (222, 226, 222)))
    assert code == 0 and grey / (red + grey) == pytest.approx(oa, abs=0.03)


def test_what_comes_from_outside_is_text_on_the_page(here, monkeypatch, capsys):
    text = (here / "truth/truth.json").read_text().replace("2024-06-15", "<b>then</b>")
    (here / "truth/truth.json").write_text(text)
    code, _, _ = command(monkeypatch, capsys, "score", "map.zarr", "--truth", "truth", "--html", "score.html")
    page = (here / "score.html").read_text("utf-8")
    assert code == 0 and "<b>" not in page and "&lt;b&gt;then" in page


def test_local_climate_zones_of_a_run(tmp_path, monkeypatch, capsys):
    root = write_catalog(tmp_path / "catalog")
    monkeypatch.chdir(tmp_path)
    without_weights(monkeypatch)
    words = ("--bbox", AREA, "--catalog", root, "--period", PERIOD, "--engine", "inline", "--out", "map.zarr")
    assert command(monkeypatch, capsys, "run", *words)[0] == 0
    (tmp_path / "truth").mkdir()
    codes = np.arange(60 * 60).reshape(60, 60) % 17 + 1
    write_tif(tmp_path / "truth/lcz.tif", codes.astype(np.uint8), pixel_m=100)
    layer = {"href": "./lcz.tif", "pixel_m": 100, "kind": "class", "nodata": 0}
    frame = {"id": "a", "epsg": EPSG, "x0": WEST_M, "y0": NORTH_M, "layers": {"lcz": layer}}
    (tmp_path / "truth/truth.json").write_text(json.dumps({"frames": [frame]}))
    words = ("score", "map.zarr", "--truth", "truth", "--by", "n_clear", "--json")
    code, out, err = command(monkeypatch, capsys, *words)
    assert code == 0, err
    found = json.loads(out)
    (lcz,) = found["layers"]
    figures = ("OA", "AA", "kappa", "macro F1", "OAu", "OAbu", "OAw", "ECE", "AUROC of entropy for errors")
    assert tuple(lcz["metrics"]) == figures and found["product"] == "lcz"
    assert lcz["cells"] > 200 and len(lcz["classes"]) == 17 and lcz["by"]
    assert lcz["metrics"]["OAw"] > lcz["metrics"]["OA"]
    # A cube made before layers named their truth is scored by what the product says today.
    root = tmp_path / "map.zarr/zarr.json"
    document = json.loads(root.read_text())
    for layer in document["attributes"]["eomap:layers"]:
        del layer["kind"], layer["truth"]
    root.write_text(json.dumps(document))
    assert json.loads(command(monkeypatch, capsys, *words)[1]) == found


def test_bad_requests_end_in_one_line(here, monkeypatch, capsys):
    (here / "empty").mkdir()
    far = json.loads((here / "truth/truth.json").read_text())
    shutil.copytree(here / "truth", here / "far")
    import rasterio
    from rasterio.transform import Affine

    for frame in far["frames"]:
        for layer in frame["layers"].values():
            with rasterio.open(here / "far" / layer["href"], "r+") as file:
                t = file.transform
                file.transform = Affine(t.a, 0, t.c, 0, t.e, t.f - 3_000_000)
    shutil.copytree(here / "truth", here / "out")
    out = (here / "out/truth.json").read_text().replace("./326", "../truth/326")
    (here / "out/truth.json").write_text(out)
    before = contents(here)
    for words, said in (
        (("map.zarr", "--truth", "empty"), "truth.json"),
        (("map.zarr", "--truth", "nowhere"), "truth.json"),
        (("map.zarr", "--truth", "far"), "no cell that both know"),
        (("map.zarr", "--truth", "out"), "inside the folder"),
        (("nothing.zarr", "--truth", "truth"), "a cube made by eomap"),
        (("map.zarr",), "--truth"),
        (("map.zarr", "--truth", "truth", "--by", "looks"), "n_clear"),
        (("map.zarr", "--truth", "truth", "--html", "no/such/folder.html"), "a place to write"),
    ):
        code, out, err = command(monkeypatch, capsys, "score", *words)
        assert code == 2 and out == "" and err.count("\n") == 1 and "Traceback" not in err, (words, err)
        assert err.startswith("error: ") and said in err, (said, err)
    assert contents(here) == before
