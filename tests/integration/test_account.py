"""What a run spent and read is added up from its receipts."""

from dataclasses import replace

import pytest
from made_up import EPSG, TILE, WHOLE, Means, World, job, scene

from eomap import api
from eomap.cli import app
from eomap.core.grid import Window
from eomap.core.plan import Plan
from eomap.engine.ledger import SUFFIX, Ledger
from eomap.io.cube import Extent, create
from eomap.io.store import open_store
from eomap.worker import run_job

LAYERS = ("lcz", "confidence", "entropy", "n_clear")


class Counting(World):
    """A world whose reader says that it decoded 10 bytes per read."""

    decoded_bytes = 0

    def read(self, band, frame, *, signing=""):
        self.decoded_bytes += 10
        return super().read(band, frame, signing=signing)


@pytest.fixture
def finished(tmp_path):
    """A cube of one task and its receipt."""
    window = Window(10, WHOLE.row0, WHOLE.row0 + 10, WHOLE.col0, WHOLE.col0 + 10)
    todo = job(
        TILE, window, (scene("s1", "2024-06-01", box=(12.0, 51.5, 13.5, 53.0)),), mask="none", layers=LAYERS
    )
    todo = replace(todo, task=replace(todo.task, read_bytes=50))
    out = str(tmp_path / "a.zarr")
    layers = tuple(g for g in todo.product.gives if g.name in LAYERS)
    cube = create(out, Extent.of_tiles([TILE], 10), layers, {})
    plan = Plan(
        "lcz", "1.0", "0", "a", (12.0, 51.5, 13.5, 53.0), "aoi", "2024", "c", "s2", "m", "0", "none",
        LAYERS, {"s1": {"id": "s1"}}, (todo.task,), (), (),
    )  # fmt: skip
    ledger = Ledger(open_store(out + SUFFIX))
    ledger.begin(plan)
    receipt = ledger.record(run_job(todo, Counting(EPSG), lambda _: Means(), cube))
    return out, receipt


def test_a_receipt_says_what_was_needed_and_what_was_decoded(finished):
    _, receipt = finished
    assert receipt.needed_bytes == 50
    assert receipt.decoded_bytes == 10 * 10, "ten bands, one block"
    assert set(receipt.seconds) == {"fetch", "composite", "infer", "land"}


def test_status_adds_up_seconds_and_bytes(finished, capsys):
    out, receipt = finished
    found = api.status(out)
    assert (found["needed_bytes"], found["decoded_bytes"]) == (50, 100)
    assert found["seconds"] == pytest.approx(receipt.seconds, abs=0.006)
    app(["status", out], standalone_mode=False)
    assert "2.00 times what was needed" in capsys.readouterr().out
