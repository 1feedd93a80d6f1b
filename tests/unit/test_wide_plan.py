"""Plans by columns: the plan that objects give, to the key, on another program's thousand items."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from eomap import api
from eomap.core.archive import Archive
from eomap.engine import scene_table
from eomap.engine.ledger import Ledger
from eomap.errors import BrokenInputError
from eomap.io import archive as archives
from eomap.io.store import open_store
from eomap.kernels.looks import best_rows, best_rows_numpy
from eomap.wide_plan import newest_rows

ROWS = st.lists(
    st.tuples(st.integers(0, 2**64 - 1), st.integers(10, 1000), st.integers(19_000, 19_020)),
    min_size=1,
    max_size=40,
)


@settings(max_examples=100, deadline=None)
@given(ROWS, st.integers(1, 4))
def test_numba_is_numpy(rows, most):
    mask = np.array([m for m, _, _ in rows], np.uint64)
    permille, day = np.array([[p, d] for _, p, d in rows], np.int64).T
    expected = best_rows_numpy(mask, permille, day, most, 7.5)
    assert np.array_equal(best_rows(mask, permille, day, most, 7.5), expected)


@pytest.mark.shared
@pytest.mark.parametrize("looks", [1, 3])
def test_columns_give_the_plan_of_objects(shared, monkeypatch, looks):
    path = str(shared / "data/stac/rustac/1000-sentinel-2-items.parquet")
    west, south, _, _ = shapely.from_wkb(pq.read_table(path)["geometry"][500].as_py()).bounds
    ask = dict(bbox=f"{west},{south},{west + 0.8},{south + 0.7}", product="composite", catalog=path)
    objects = api.plan(**ask, period="2023-01-01/2025-12-31", max_looks=looks)
    monkeypatch.setattr(archives, "LARGE_ROWS", 1)
    columns = api.plan(**ask, period="2023-01-01/2025-12-31", max_looks=looks)
    assert len(objects.tasks) >= 2 and any(len(t.scenes) > looks for t in objects.tasks)
    assert columns.tasks == objects.tasks and columns.scenes == objects.scenes
    assert columns.run_id == objects.run_id


@pytest.mark.shared
def test_many_scenes_stand_beside_the_plan(shared, monkeypatch, tmp_path):
    path = str(shared / "data/stac/rustac/1000-sentinel-2-items.parquet")
    west, south, _, _ = shapely.from_wkb(pq.read_table(path)["geometry"][500].as_py()).bounds
    made = api.plan(
        bbox=f"{west},{south},{west + 0.4},{south + 0.4}", product="composite", catalog=path, period="2024"
    )
    Ledger(open_store(str(tmp_path / "small"))).begin(made)
    assert not (tmp_path / "small/scenes.parquet").exists()
    monkeypatch.setattr(scene_table, "MANY", 1)
    ledger = Ledger(open_store(str(tmp_path / "large")))
    ledger.begin(made)
    ledger.begin(made)
    small, large = (Ledger(open_store(str(tmp_path / n))).plan() for n in ("small", "large"))
    assert small == large and large.run_id == made.run_id and len(large.scenes) > 1
    assert "B02" not in (tmp_path / "large/plan.json").read_text()
    (tmp_path / "large/scenes.parquet").write_bytes(b"another")
    with pytest.raises(BrokenInputError, match=r"scenes\.parquet"):
        ledger.plan()


def archive(rows):
    """Return the archive of rows: second, place, age, outline."""
    second, place, age, shape = np.array(rows, np.int64).T
    edges = np.array([(0, 1), (0, 0.5), (0.45, 1)])
    squares = shapely.box(edges[:, 0], 0, edges[:, 1], 1)
    return Archive(
        second * 1_000_000, np.zeros(len(rows)), shape.astype(np.int32), squares, place.astype(np.int32), age,
        pa.array([str(n) for n in range(len(rows))]),
    )  # fmt: skip


def test_the_newest_of_a_pass_is_kept_and_halves_are_not_rivals():
    same = archive([(0, 5, 1, 0), (2, 5, 2, 0), (90, 5, 0, 0), (1, 6, 0, 0)])
    assert newest_rows(same).tolist() == [1, 2, 3]
    halves = archive([(0, 5, 3, 1), (1, 5, 2, 2), (2, 5, 1, 0), (3, 5, 0, 1)])
    assert newest_rows(halves).tolist() == [0, 1], "the whole and the old half show nothing new"
    nowhere = archive([(0, -1, 1, 0), (1, -1, 2, 0)])
    assert newest_rows(nowhere).tolist() == [0, 1]
