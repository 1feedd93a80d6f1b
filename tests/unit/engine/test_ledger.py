"""Receipts are written once; audits find every fault."""

from dataclasses import replace

import pytest

from eomap.core.grid import Tile, tile_window
from eomap.core.plan import Plan, Task
from eomap.core.receipt import Receipt, Written
from eomap.engine.ledger import Ledger, audit
from eomap.errors import MisuseError
from eomap.io.store import Folder

SHA_OF_ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def task(number):
    tile = Tile(100, number)
    return Task(tile, tile_window(tile, 10), "", ("s",), 1000, 1, 2, 0.5, key=f"k{number}")


def plan(*numbers, **changes):
    fields = dict(
        product="lcz",
        product_version="1",
        code_version="0",
        aoi_hash="a",
        aoi_bounds_deg=(0.0, 0.0, 1.0, 1.0),
        extent="aoi",
        period="2024",
        catalog="c",
        collection="s2",
        model="m",
        model_sha256="0",
        mask="auto",
        layers=("lcz",),
        scenes={"s": {"id": "s"}},
        tasks=tuple(task(n) for n in numbers),
        unseen=("r001c001",),
    )
    return Plan(**{**fields, **changes})


def receipt(number, **changes):
    return replace(
        Receipt(
            f"k{number}",
            Tile(100, number).id,
            "written",
            (Written(f"lcz/c/0/{number}", 3, SHA_OF_ABC),),
            1,
            {"17": 1},
            ("s",),
            {},
            attempt="one",
        ),
        **changes,
    )


@pytest.fixture
def ledger(tmp_path):
    return Ledger(Folder(str(tmp_path / "a.zarr.ledger")))


def test_a_plan_comes_back_equal_with_the_same_id(ledger):
    first = plan(1, 2)
    ledger.begin(first)
    assert ledger.plan() == first and ledger.plan().run_id == first.run_id


def test_the_same_plan_may_begin_again_another_may_not(ledger):
    ledger.begin(plan(1))
    ledger.begin(plan(1, code_version="1"))  # a newer eomap that plans the same tasks continues
    with pytest.raises(MisuseError, match="another one"):
        ledger.begin(plan(1, 2))
    assert ledger.plan() == plan(1)


def test_a_receipt_is_written_once(ledger):
    assert ledger.record(receipt(1)) == receipt(1)
    assert ledger.record(receipt(1, attempt="two", host="other")).attempt == "one"
    with pytest.raises(RuntimeError, match="two results"):
        ledger.record(receipt(1, attempt="three", n_valid=2))


def test_a_failure_does_not_count_and_gives_way_to_success(ledger):
    ledger.record(Receipt("k1", Tile(100, 1).id, "failed", error="403"))
    assert not ledger.receipts() and ledger.failures()["r100c001"].error == "403"
    ledger.record(receipt(1))
    assert list(ledger.receipts()) == ["r100c001"] and not ledger.failures()


def test_the_manifest_comes_when_all_is_done_and_forgets_times_and_reads(ledger, tmp_path):
    ledger.record(receipt(1))
    assert ledger.close(plan(1, 2)) is None
    ledger.record(receipt(2, seconds={"fetch": 1.0}, needed_bytes=10, decoded_bytes=12))
    other = Ledger(Folder(str(tmp_path / "b.zarr.ledger")))
    other.record(receipt(2, attempt="x", host="h"))
    other.record(receipt(1))
    assert ledger.close(plan(1, 2)) == other.close(plan(1, 2))


def test_a_torn_receipt_is_no_receipt(ledger):
    ledger.store.put("receipts/r100c001.json", b'{"task_key": "k1", "ti')
    assert ledger.receipts() == {}


@pytest.fixture
def cube(tmp_path, ledger):
    store = Folder(str(tmp_path / "a.zarr"))
    for n in (1, 2):
        store.put(f"lcz/c/0/{n}", b"abc")
        ledger.record(receipt(n))
    ledger.close(plan(1, 2))
    return store


def test_a_sound_cube_has_no_faults(cube, ledger):
    assert audit(plan(1, 2), ledger, cube) == {}


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda s: s.delete("lcz/c/0/1"), "missing"),
        (lambda s: s.put("lcz/c/0/1", b""), "0 bytes"),
        (lambda s: s.put("lcz/c/0/1", b"ab"), "2 bytes"),
        (lambda s: s.put("lcz/c/0/1", b"abd"), "not what was recorded"),
    ],
)
def test_every_kind_of_harm_is_found_at_its_tile(cube, ledger, harm, said):
    harm(cube)
    problems = audit(plan(1, 2), ledger, cube)
    assert list(problems) == ["r100c001"] and said in problems["r100c001"][0]


def test_orphans_and_gaps_are_found(cube, ledger):
    cube.put("lcz/c/0/9", b"abc")
    assert "no receipt says so" in audit(plan(1, 2), ledger, cube)["cube"][0]
    assert audit(plan(1, 2, 3), ledger, cube) == {"r100c003": ["planned but not done"]}
