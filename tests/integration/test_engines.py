"""Laws of a whole run: any engine, any number of workers, killed or not, the cube is the same, byte for byte.

The scenes are made up; the network of `lcz` is the one shipped with eomap, so worker processes can load
it, and `composite` has none.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

import psutil
import pytest
import small_world
from made_up import Means

from eomap import api

MARK = "EOMAP_TEST_MARK"
NETWORKS = {"lcz": "eomap-lcz-s", "composite": None}
FATAL = """
import os, signal, sys
from eomap import api
from eomap.engine.ledger import Ledger

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

when, engine, product, catalog, out = sys.argv[1:]
if when == "before the receipt":
    Ledger.record = die
api.run(
    api.plan(
        bbox={area!r}, catalog=catalog, collection={collection!r}, period={period!r},
        product=product, model={networks!r}[product],
    ),
    out, engine=engine, workers=1,
    notify=lambda kind, _: die() if kind == "settled" else None,
)
"""


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
    return str(small_world.write_catalog(tmp_path_factory.mktemp("scenes")))


@pytest.fixture(scope="module", params=NETWORKS)
def product(request):
    return request.param


@pytest.fixture(scope="module")
def plan(catalog, product):
    made = api.plan(
        bbox=small_world.AREA,
        catalog=catalog,
        collection=small_world.COLLECTION,
        period=small_world.PERIOD,
        product=product,
        model=NETWORKS[product],
    )
    assert len(made.tasks) == 2 and len(made.scenes) == 3
    return made


@pytest.fixture(scope="module")
def clean(plan, tmp_path_factory):
    """The cube of one process, undisturbed: path and manifest."""
    out = str(tmp_path_factory.mktemp("clean") / "map.zarr")
    return out, api.run(plan, out, engine="inline").manifest_sha256


def shards(out):
    """Return the bytes of every object of a cube but its metadata, by name."""
    return {k: v for k, v in small_world.contents(out).items() if "zarr.json" not in k}


def command(product, catalog, out, *more):
    """Return the command line of the run that `plan` plans."""
    network = ("--model", NETWORKS[product]) if NETWORKS[product] else ()
    return [
        *(sys.executable, "-m", "eomap", "run", "--bbox", small_world.AREA, "--catalog", catalog),
        *("--collection", small_world.COLLECTION, "--period", small_world.PERIOD),
        *("--product", product, *network, "--workers", "1", "--out", out, *more),
    ]


def started(words):
    """Start a command whose processes, children of children too, carry a mark in their environment."""
    mark = uuid.uuid4().hex
    process = subprocess.Popen(
        words, env=os.environ | {MARK: mark}, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    return process, mark


def marked(mark, name=""):
    """Return the living processes that carry a mark and whose command line begins with `name`."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == mark and " ".join(process.cmdline()).startswith(name):
                found.append(process)
        except psutil.Error:
            continue
    return found


def until(what, seconds=120):
    """Wait for a truthy answer and return it."""
    end = time.monotonic() + seconds
    while not (answer := what()):
        assert time.monotonic() < end, f"{what} did not come true in {seconds} s"
        time.sleep(0.02)
    return answer


def wait_for_the_last_of(mark):
    """Wait until no process carries a mark.

    One that was just starting when its driver died looks for Ray's head for a minute before it gives up.
    """
    end = time.monotonic() + 240
    while left := marked(mark):
        assert time.monotonic() < end, f"still there: {[p.cmdline()[:4] for p in left if p.is_running()]}"
        time.sleep(0.1)


@pytest.mark.parametrize("workers", [1, 2])
def test_ray_makes_what_one_process_makes(plan, clean, tmp_path, workers):
    out = str(tmp_path / "map.zarr")
    summary = api.run(plan, out, engine="ray", workers=workers)
    assert summary.manifest_sha256 == clean[1]
    assert shards(out) == shards(clean[0]) and len(shards(out)) >= 8
    assert api.verify(out) == {}


def test_rerun_does_nothing(plan, clean):
    before = small_world.contents(clean[0]), small_world.contents(clean[0] + ".ledger")
    again = api.run(plan, clean[0], engine="ray")
    assert (again.done_before, again.done_now, again.manifest_sha256) == (2, 0, clean[1])
    assert (small_world.contents(clean[0]), small_world.contents(clean[0] + ".ledger")) == before


@pytest.mark.parametrize(
    ("product", "name"),
    [("lcz", "ray::_Predictor"), ("lcz", "ray::_fetch"), ("composite", "ray::_whole_job")],
    indirect=["product"],
)
def test_a_killed_worker_is_replaced(product, catalog, clean, tmp_path, name):
    out = str(tmp_path / "map.zarr")
    process, mark = started(command(product, catalog, out))
    until(lambda: marked(mark, name) or process.poll() is not None)
    for worker in marked(mark, name):
        worker.kill()
    _, said = process.communicate(timeout=240)
    assert process.returncode == 0, said
    assert api.status(out)["complete"] and api.verify(out) == {}
    assert shards(out) == shards(clean[0])
    wait_for_the_last_of(mark)


@pytest.mark.parametrize("engine", ["inline", "ray"])
@pytest.mark.parametrize(("when", "receipts"), [("before the receipt", 0), ("after the receipt", 1)])
def test_a_killed_driver_leaves_what_a_rerun_completes(
    product, catalog, plan, clean, tmp_path, engine, when, receipts
):
    out = str(tmp_path / "map.zarr")
    world = {"area": small_world.AREA, "collection": small_world.COLLECTION, "period": small_world.PERIOD}
    script = FATAL.format(**world, networks=NETWORKS)
    process, mark = started([sys.executable, "-c", script, when, engine, product, catalog, out])
    process.communicate(timeout=240)
    assert process.returncode == -signal.SIGKILL
    assert len(list(Path(out + ".ledger", "receipts").glob("*.json"))) == receipts
    assert api.verify(out), "half a map must not pass for a whole one"
    wait_for_the_last_of(mark)
    resumed = api.run(plan, out, engine="inline")
    assert (resumed.done_before, resumed.done_now) == (receipts, 2 - receipts)
    assert resumed.manifest_sha256 == clean[1]
    assert shards(out) == shards(clean[0]) and api.verify(out) == {}


@pytest.mark.parametrize("product", ["lcz"], indirect=True)
def test_ctrl_c_ends_every_process_and_the_same_command_continues(product, catalog, plan, clean, tmp_path):
    out = str(tmp_path / "map.zarr")
    process, mark = started(command(product, catalog, out))
    until(lambda: Path(out, "zarr.json").exists())
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130, said
    assert said.splitlines()[-1] == "interrupted; the same command continues"
    assert "Traceback" not in said
    wait_for_the_last_of(mark)
    assert api.run(plan, out, engine="inline").manifest_sha256 == clean[1]


def test_a_cluster_that_does_not_answer_is_one_line(catalog, tmp_path):
    out = str(tmp_path / "map.zarr")
    words = command("lcz", catalog, out, "--address", "127.0.0.1:1")
    ended = subprocess.run(words, capture_output=True, text=True, timeout=240)
    assert ended.returncode == 2, ended.stderr
    assert ended.stderr.splitlines()[-1].startswith("error: --address")
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("product", ["lcz"], indirect=True)
def test_a_bug_stops_the_run_with_its_own_traceback(plan, tmp_path, monkeypatch):
    from eomap.api import running

    class Bug(Exception):
        pass

    class Broken(Means):
        def __call__(self, *_):
            raise Bug("here")

    monkeypatch.setattr(running, "_network", lambda runtime, weights, name, device: Broken())
    with pytest.raises(Bug, match="here"):
        api.run(plan, str(tmp_path / "map.zarr"), engine="inline")
    assert json.loads((tmp_path / "map.zarr.ledger/plan.json").read_text())["run_id"] == plan.run_id
