"""Every harm to a cube: verify names it and exits 1, repair makes it whole with the same manifest."""

import json
import shutil

import pytest
from small_world import AREA, PERIOD, TILES, command, contents, without_weights, write_catalog

from eomap import api

HARMED, OTHER = TILES


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """A catalogue, a finished cube of two tiles, and its manifest."""
    folder = tmp_path_factory.mktemp("sound")
    root = write_catalog(folder / "catalog")
    with pytest.MonkeyPatch.context() as patch:
        without_weights(patch)
        plan = api.plan(bbox=AREA, catalog=str(root), period=PERIOD)
        summary = api.run(plan, str(folder / "map.zarr"), engine="inline")
    assert summary.complete and summary.done_now == 2
    return folder, plan, summary.manifest_sha256


@pytest.fixture
def cube(sound, tmp_path, monkeypatch):
    """A copy of the cube that a test may harm."""
    without_weights(monkeypatch)
    for name in ("map.zarr", "map.zarr.ledger"):
        shutil.copytree(sound[0] / name, tmp_path / name)
    return tmp_path / "map.zarr"


def ledger_of(cube):
    return cube.with_name("map.zarr.ledger")


def shard_of(cube, tile=HARMED):
    receipt = json.loads((ledger_of(cube) / f"receipts/{tile}.json").read_text())
    return cube / next(w["key"] for w in receipt["objects"] if w["key"].startswith("lcz/"))


def flip(path, at):
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def edit(path, change):
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def edit_receipt(change):
    return lambda cube: edit(ledger_of(cube) / f"receipts/{HARMED}.json", change)


FAULTS = {
    "deleted shard": (lambda c: shard_of(c).unlink(), HARMED, "missing", 1),
    "flipped bit": (lambda c: flip(shard_of(c), 100), HARMED, "not what was recorded", 1),
    "truncated shard": (
        lambda c: shard_of(c).write_bytes(shard_of(c).read_bytes()[:50]),
        HARMED,
        "50 bytes",
        1,
    ),
    "empty shard": (lambda c: shard_of(c).write_bytes(b""), HARMED, "0 bytes", 1),
    "shard of another tile": (
        lambda c: shutil.copy(shard_of(c, OTHER), shard_of(c)),
        HARMED,
        "recorded",
        1,
    ),
    "receipt missing": (
        lambda c: (ledger_of(c) / f"receipts/{HARMED}.json").unlink(),
        HARMED,
        "planned but not done",
        1,
    ),
    "receipt torn": (
        lambda c: (ledger_of(c) / f"receipts/{HARMED}.json").write_text('{"task'),
        HARMED,
        "planned but not done",
        1,
    ),
    "receipt: another task": (edit_receipt(lambda r: r.update(task_key="x")), HARMED, "another task", 1),
    "receipt: other sums": (
        edit_receipt(lambda r: r["histogram"].update({"17": 1})),
        HARMED,
        "not what the manifest",
        1,
    ),
    "receipt: more valid cells": (
        edit_receipt(lambda r: r.update(n_valid=r["n_valid"] + 1)),
        HARMED,
        "not what the manifest",
        1,
    ),
    "receipt: other scenes": (
        edit_receipt(lambda r: r.update(scenes_used=["made-up"])),
        HARMED,
        "not what the manifest",
        1,
    ),
    "receipt: no objects": (edit_receipt(lambda r: r.update(objects=[])), HARMED, "not what the manifest", 1),
    "receipt of no tile": (
        lambda c: shutil.copy(
            ledger_of(c) / f"receipts/{HARMED}.json", ledger_of(c) / "receipts/r000c000.json"
        ),
        "cube",
        "not planned",
        0,
    ),
    "manifest missing": (lambda c: (ledger_of(c) / "manifest.json").unlink(), "cube", "manifest", 0),
    "manifest edited": (
        lambda c: edit(ledger_of(c) / "manifest.json", lambda m: m["receipts"].pop()),
        "cube",
        "manifest",
        0,
    ),
    "stray shard": (
        lambda c: (c / "lcz/c/7").mkdir() or shutil.copy(shard_of(c), c / "lcz/c/7/7"),
        "cube",
        "lcz/c/7/7: written, but no receipt",
        0,
    ),
    "stray file among shards": (
        lambda c: (c / "lcz/c/notes.txt").write_text("hello"),
        "cube",
        "notes.txt: written, but no receipt",
        0,
    ),
    "our write cut off": (
        lambda c: shard_of(c).with_name(".zarr.json.0123.part").write_bytes(b"half"),
        "cube",
        "cut off",
        0,
    ),
    "zarr's write cut off": (
        lambda c: shard_of(c).with_name("0.0123.partial").write_bytes(b"half"),
        "cube",
        "cut off",
        0,
    ),
    "metadata of another run": (
        lambda c: edit(c / "zarr.json", lambda m: m["attributes"].update({"eomap:run_id": "0"})),
        "cube",
        "another run",
        0,
    ),
    "metadata names another manifest": (
        lambda c: edit(c / "zarr.json", lambda m: m["attributes"].update({"eomap:manifest_sha256": "0"})),
        "cube",
        "does not name this manifest",
        0,
    ),
    "metadata missing": (lambda c: (c / "zarr.json").unlink(), "cube", "nothing there", 0),
    "metadata truncated": (lambda c: (c / "zarr.json").write_text('{"attri'), "cube", "something else", 0),
    "layer's metadata missing": (lambda c: (c / "lcz/zarr.json").unlink(), "cube", "lcz/zarr.json", 0),
    "layer's fill value changed": (
        lambda c: edit(c / "lcz/zarr.json", lambda m: m.update(fill_value=0)),
        "cube",
        "lcz/zarr.json",
        0,
    ),
    "coordinates missing": (lambda c: (c / "x/c/0").unlink(), "cube", "x/c/0", 0),
}


@pytest.mark.parametrize("name", FAULTS)
def test_verify_names_the_fault_and_repair_makes_it_whole(sound, cube, monkeypatch, capsys, name):
    harm, where, said, redone = FAULTS[name]
    harm(cube)
    before = contents(cube.parent)

    code, out, _ = command(monkeypatch, capsys, "verify", cube)
    assert code == 1 and any(line.startswith(f"{where}: ") and said in line for line in out.splitlines()), out
    assert contents(cube.parent) == before, "verify must not change anything"

    code, _, err = command(monkeypatch, capsys, "repair", cube, "--engine", "inline")
    assert code == 0 and f"{redone} tiles done again" in err, err
    assert command(monkeypatch, capsys, "verify", cube)[0] == 0
    closed = json.loads((ledger_of(cube) / "manifest.json").read_text())
    assert closed["sha256"] == sound[2]
    for key, data in contents(sound[0] / "map.zarr").items():
        assert key == "zarr.json" or contents(cube)[key] == data, (
            f"{key} differs from the cube before the harm"
        )


def test_a_sound_cube_is_sound_and_repair_leaves_it_alone(cube, monkeypatch, capsys):
    before = contents(cube.parent)
    assert command(monkeypatch, capsys, "verify", cube)[0] == 0
    assert command(monkeypatch, capsys, "repair", cube, "--engine", "inline")[0] == 0
    assert contents(cube.parent) == before


def test_rerunning_does_nothing_and_does_not_make_a_changed_receipt_good(sound, cube, monkeypatch, capsys):
    before = contents(cube.parent)
    again = api.run(sound[1], str(cube), engine="inline")
    assert (again.done_now, again.manifest_sha256) == (0, sound[2]) and contents(cube.parent) == before
    edit_receipt(lambda r: r.update(n_valid=0))(cube)
    api.run(sound[1], str(cube), engine="inline")
    code, out, _ = command(monkeypatch, capsys, "verify", cube)
    assert code == 1 and HARMED in out


@pytest.mark.parametrize(
    ("harm", "redone"),
    [
        (lambda c: shard_of(c).unlink(), 1),
        (lambda c: shard_of(c).write_bytes(b""), 1),
        (shutil.rmtree, 2),
        (lambda c: (ledger_of(c) / f"receipts/{HARMED}.json").write_text("{"), 1),
        (lambda c: shutil.rmtree(ledger_of(c)), 2),
    ],
)
def test_running_again_redoes_what_is_recorded_but_not_there(sound, cube, harm, redone):
    harm(cube)
    again = api.run(sound[1], str(cube), engine="inline")
    assert (again.done_now, again.manifest_sha256) == (redone, sound[2])
    assert api.verify(str(cube)) == {}


def test_without_its_ledger_a_cube_cannot_be_trusted(cube, monkeypatch, capsys):
    shutil.rmtree(ledger_of(cube))
    before = contents(cube.parent)
    for words in (("verify", cube), ("status", cube), ("repair", cube)):
        code, out, err = command(monkeypatch, capsys, *words)
        assert code == 2 and not out and err.strip().startswith("error: ") and "ledger" in err
    assert contents(cube.parent) == before


def test_a_damaged_plan_is_one_clear_line(cube, monkeypatch, capsys):
    (ledger_of(cube) / "plan.json").write_text("{")
    code, out, err = command(monkeypatch, capsys, "verify", cube)
    assert code == 1 and not out and err.startswith("error: ") and "plan.json" in err and err.count("\n") == 1


def test_a_run_cut_off_while_it_writes_metadata_continues(sound, cube):
    for shard in list(cube.rglob("c/0/0")) + list(cube.rglob("c/1/0")):
        shard.unlink()
    (cube / "zarr.json").unlink()
    (ledger_of(cube) / "manifest.json").unlink()
    shutil.rmtree(ledger_of(cube) / "receipts")
    (cube / "lcz" / ".zarr.json.0123.part").write_bytes(b"half")
    again = api.run(sound[1], str(cube), engine="inline")
    assert (again.done_now, again.manifest_sha256) == (2, sound[2])
    assert api.verify(str(cube)) == {}, "what the cut left behind was swept"


def test_a_tile_that_fails_is_told_of_and_done_when_its_scenes_are_back(sound, tmp_path, monkeypatch, capsys):
    without_weights(monkeypatch)
    root = write_catalog(tmp_path / "catalog", days=(3,))
    band = next((tmp_path / "catalog").glob("*/B08.tif"))
    hidden = band.rename(band.with_name("hidden"))
    plan = api.plan(bbox=AREA, catalog=str(root), period=PERIOD)
    out = tmp_path / "map.zarr"
    summary = api.run(plan, str(out), engine="inline")
    assert not summary.complete and set(summary.failed) == set(TILES)
    assert all("B08.tif" in error for error in summary.failed.values())
    code, said, _ = command(monkeypatch, capsys, "status", out)
    assert code == 0 and "2 failed" in said and "B08.tif" in said
    assert command(monkeypatch, capsys, "verify", out)[0] == 1
    hidden.rename(band)
    assert api.run(plan, str(out), engine="inline").complete
    assert api.verify(str(out)) == {} and api.status(str(out))["failed"] == {}
