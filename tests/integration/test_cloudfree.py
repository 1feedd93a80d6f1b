"""Cloud-free pictures in whole runs: the product, and another map made from them, by either engine."""

import json
import shutil
import tempfile
from pathlib import Path

import pytest
import small_world

from eomap import api

WHAT = {
    "cloudfree": dict(product="cloudfree"),
    "lcz": dict(product="lcz", model="eomap-lcz-s", composite="cloudfree"),
}
AREA = "12.605,52.496,12.612,52.503"


@pytest.fixture(scope="module", autouse=True)
def _ray_cleans_up():
    """Keep Ray's session files in a folder of the test; socket paths must be short."""
    folder = tempfile.mkdtemp(prefix="eo-")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_TMPDIR", folder)
        yield
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    return str(small_world.write_catalog(tmp_path_factory.mktemp("scenes"), days=(3, 13, 17, 23)))


@pytest.fixture(scope="module", params=WHAT)
def plan(catalog, request):
    return planned(catalog, **WHAT[request.param])


def planned(catalog, **what):
    return api.plan(
        bbox=AREA,
        catalog=catalog,
        collection=small_world.COLLECTION,
        period=small_world.PERIOD,
        **what,
    )


@pytest.fixture(scope="module")
def clean(plan, tmp_path_factory):
    out = str(tmp_path_factory.mktemp("clean") / "map.zarr")
    return out, api.run(plan, out, engine="inline").manifest_sha256


def test_the_three_least_cloudy_looks_are_pinned(plan):
    assert len(plan.scenes) == 3 and len(plan.tasks) == 2
    assert any("made without" in n for n in plan.notes), "there is no radar in this catalogue"


def test_the_cube_names_its_networks_and_verifies(plan, clean):
    said = json.loads(Path(clean[0], "zarr.json").read_text())["attributes"]
    named = [m["name"] for m in said["eomap:models"]]
    own = [] if plan.product == "cloudfree" else ["eomap-lcz-s"]
    assert named == [*own, "eomap-cloudfree-s"] == list(plan.networks)
    assert all(m["synthetic"] for m in said["eomap:models"] if m["name"] == "eomap-cloudfree-s")
    assert api.verify(clean[0]) == {}


def test_ray_makes_what_one_process_makes(plan, clean, tmp_path):
    out = str(tmp_path / "map.zarr")
    assert api.run(plan, out, engine="ray", workers=2).manifest_sha256 == clean[1]


def test_the_network_of_the_picture_is_part_of_the_key(catalog):
    plain, pictured = planned(catalog, product="lcz", model="eomap-lcz-s"), planned(catalog, **WHAT["lcz"])
    assert plain.run_id != pictured.run_id
    assert not {t.key for t in plain.tasks} & {t.key for t in pictured.tasks}
    assert plain.picture_model == "" and pictured.picture_sha256
    assert (
        planned(
            catalog,
            **WHAT["lcz"],
        )
        == pictured
    )
    assert planned(catalog, product="lcz", model="eomap-lcz-s", composite="median") == plain


def test_the_command_line_makes_it(catalog, clean, plan, tmp_path, monkeypatch, capsys):
    if plan.product != "lcz":
        pytest.skip("once is enough")
    out = tmp_path / "map.zarr"
    code, _, said = small_world.command(
        monkeypatch, capsys, "run", "--bbox", AREA, "--catalog", catalog, "--collection",
        small_world.COLLECTION, "--period", small_world.PERIOD, "--product", "lcz", "--model", "eomap-lcz-s",
        "--composite", "cloudfree", "--engine", "inline", "--out", out,
    )  # fmt: skip
    assert code == 0 and "eomap-lcz-s on pictures by eomap-cloudfree-s" in said
    assert clean[1][:12] in said
