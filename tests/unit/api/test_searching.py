"""A search is done once per plan: kept beside the ledger, never asked again, asked anew for another plan."""

import pytest
from small_world import AREA, PERIOD, command, contents, without_weights, write_catalog

from eomap import api
from eomap.errors import MisuseError
from eomap.io.catalog_static import StaticCatalog


@pytest.fixture
def world(tmp_path, monkeypatch):
    """A small catalogue and the number of times it was searched."""
    root, asked = write_catalog(tmp_path / "catalog"), []
    usual = StaticCatalog.search

    def counted(self, *args, **kwargs):
        asked.append(args)
        return usual(self, *args, **kwargs)

    monkeypatch.setattr(StaticCatalog, "search", counted)
    without_weights(monkeypatch)
    return root, asked


def words(root, out, period=PERIOD):
    return ("--bbox", AREA, "--catalog", root, "--period", period, "--out", out, "--engine", "inline")


def test_a_rerun_asks_nobody_and_plans_the_same(world, tmp_path, monkeypatch, capsys):
    root, asked = world
    out = tmp_path / "map.zarr"
    assert command(monkeypatch, capsys, "run", *words(root, out))[0] == 0
    assert len(asked) == 1 and (tmp_path / "map.zarr.ledger/search.parquet").is_file()
    before = contents(tmp_path)
    emptied = '{"type": "Collection", "id": "sentinel-2-l2a", "links": []}'
    (root.parent / "collection.json").write_text(emptied)
    code, _, err = command(monkeypatch, capsys, "run", *words(root, out))
    assert code == 0 and len(asked) == 1 and "(0 now" in err
    after = contents(tmp_path)
    assert {k: v for k, v in after.items() if "collection" not in k} == {
        k: v for k, v in before.items() if "collection" not in k
    }
    fresh = api.plan(bbox=AREA, catalog=str(root), period=PERIOD)
    assert len(asked) == 2 and not fresh.tasks, "without the ledger the catalogue is asked, and is empty now"


def test_another_request_is_asked_anew(world, tmp_path, monkeypatch, capsys):
    root, asked = world
    kept = tmp_path / "kept.parquet"
    plan = ("plan", "--bbox", AREA, "--catalog", root, "--search", kept)
    one = command(monkeypatch, capsys, *plan, "--period", "2024", "--json")[1]
    two = command(monkeypatch, capsys, *plan, "--period", "2024", "--json")[1]
    assert one == two and len(asked) == 1
    command(monkeypatch, capsys, *plan, "--period", "2024-06", "--json")
    assert len(asked) == 2
    command(monkeypatch, capsys, *plan, "--period", "2024-06", "--max-cloud", "50")
    assert len(asked) == 2, "clouds are not part of the request"


def test_a_kept_search_beside_its_files_is_a_catalogue(world, tmp_path):
    root, asked = world
    answers = api.answers_in_file(str(root.parent / "kept.parquet"))
    first = api.plan(bbox=AREA, catalog=str(root), period=PERIOD, answers=answers)
    answers.save()
    again = api.plan(bbox=AREA, catalog=str(root.parent / "kept.parquet"), period=PERIOD)
    assert again.tasks == first.tasks and again.scenes == first.scenes and len(asked) == 1


def test_nothing_is_written_where_a_run_is_refused(world, tmp_path, monkeypatch, capsys):
    root, _ = world
    out = tmp_path / "taken"
    out.mkdir()
    (out / "mine.txt").write_text("x")
    before = contents(tmp_path)
    assert command(monkeypatch, capsys, "run", *words(root, out))[0] == 2
    assert contents(tmp_path) == before
    with pytest.raises(MisuseError, match=r"\.parquet"):
        api.answers_in_file("kept.csv")
