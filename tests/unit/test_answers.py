"""Answers read well, and tell apart what is outside, unwritten and unseen."""

import json

import pytest
import shapely
from small_cube import small_cube

from eomap import answers, api


@pytest.fixture(scope="module")
def cube(tmp_path_factory):
    return small_cube(tmp_path_factory.mktemp("cube")).url


def zones_of(folder, **shapes):
    """Write named zones and return the file's path."""
    features = [
        {"type": "Feature", "properties": {"name": n}, "geometry": json.loads(shapely.to_geojson(g))}
        for n, g in shapes.items()
    ]
    path = folder / "zones.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return str(path)


def test_a_table_is_aligned_and_numbers_stand_right():
    text = answers.table([{"name": "a", "n": 5}, {"name": "long", "n": 1234}])
    assert text.splitlines() == ["name     n", "a        5", "long  1234"]
    assert answers.table([]) == "nothing"


def test_a_point_reads_as_lines(cube):
    lines = answers.point(api.query_point(cube, 12.7501, 52.3499)).splitlines()
    assert lines[0].startswith("12.7501, 52.3499: valid (tile r075c385, cell ")
    assert lines[1:4] == ["kind   1 Dense city", "sure   0.400", "looks  3"]
    assert answers.point(api.query_point(cube, 99.0, 10.0)) == "99.0, 10.0: outside"


def test_every_square_kilometre_of_a_zone_is_accounted_for(cube, tmp_path):
    """From 12.4 (outside the cube) over classes and no look to unwritten cells."""
    path = zones_of(tmp_path, mixed=shapely.box(12.4, 52.0, 12.9, 52.5), away=shapely.box(0, 0, 0.01, 0.01))
    records = api.query_zones(cube, path)
    json.dumps(records)
    mixed = [r for r in records if r["name"] == "mixed"]
    first = mixed[0]
    assert [r["class"] for r in mixed] == ["Dense city", "Trees"]
    parts = sum(r["area_km2"] for r in mixed)
    parts += first["no_look_km2"] + first["unwritten_km2"] + first["outside_km2"]
    from pyproj import Geod

    whole = abs(Geod(ellps="WGS84").geometry_area_perimeter(shapely.box(12.4, 52.0, 12.9, 52.5))[0]) / 1e6
    assert parts == pytest.approx(whole, rel=2e-3)
    assert first["outside_km2"] == pytest.approx(whole / 5, rel=5e-3)
    away = [r for r in records if r["name"] == "away"]
    assert len(away) == 1 and away[0]["code"] is None and away[0]["outside_km2"] > 1
    text = answers.zones(records).splitlines()
    assert [line.split("  ")[0] for line in text] == ["zone", *["mixed"] * 5, "away"]
    assert "(no clear look)" in text[3] and "(unwritten)" in text[4] and "(outside the cube)" in text[5]
