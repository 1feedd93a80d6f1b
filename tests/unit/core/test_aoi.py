"""Areas of interest: every bad input has its rule, every good one its tiles."""

import pickle

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from eomap.core.aoi import Aoi, clean, from_bbox, vet
from eomap.core.grid import Tile
from eomap.core.tiling import clip_to_tile, tiles_meeting, tiles_of
from eomap.errors import MisuseError

SQUARE = "POLYGON((12 52,13 52,13 53,12 53,12 52))"


def vetted(*wkts: str) -> Aoi:
    return vet([shapely.from_wkt(w) for w in wkts], where="--aoi a.geojson")


def refusal(*shapes) -> str:
    with pytest.raises(MisuseError) as caught:
        vet([shapely.from_wkt(s) if isinstance(s, str) else s for s in shapes], where="--aoi a.geojson")
    text = str(caught.value)
    assert text.startswith("--aoi a.geojson") or text.startswith("area")
    assert "\n" not in text
    return text


def test_b1_no_features_is_refused():
    assert "no features" in refusal()


def test_b2_null_geometry_is_refused_by_number():
    assert "no geometry in feature 2 of 3" in refusal(SQUARE, None, SQUARE)


def test_b2_many_null_geometries_are_counted():
    assert "features 1, 2, 3 and 2 more of 6" in refusal(None, None, None, None, None, SQUARE)


def test_empty_polygon_counts_as_no_geometry():
    assert "no geometry in feature 1 of 1" in refusal("POLYGON EMPTY")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_b3_nan_or_infinite_vertex_is_refused(bad):
    with np.errstate(invalid="ignore"):
        broken = shapely.polygons([[0, 0], [1, bad], [1, 1], [0, 0]])
    assert "NaN or infinity in feature 2 of 2" in refusal(SQUARE, broken)


def test_b4_longitudes_530_to_540_are_wrapped_with_a_note():
    aoi = vetted("POLYGON((530 0,540 0,540 1,530 1,530 0))")
    assert aoi.bounds_deg == (170, 0, 180, 1)
    assert any("wrapped" in note for note in aoi.notes)


def test_b4_box_from_0_to_360_is_the_whole_belt():
    aoi = vetted("POLYGON((0 -5,360 -5,360 5,0 5,0 -5))")
    assert aoi.bounds_deg == (-180, -5, 180, 5)
    assert aoi.geometry.area == pytest.approx(3600)


def test_b5_bow_tie_is_repaired_with_a_note():
    aoi = vetted("POLYGON((0 0,1 1,1 0,0 1,0 0))")
    assert aoi.geometry.area == pytest.approx(0.5)
    assert any("repaired" in note for note in aoi.notes)


def test_b5_repair_keeps_only_polygons():
    aoi = vetted("POLYGON((0 0,1 0,1 1,2 2,1 1,0 1,0 0))")
    assert {part.geom_type for part in aoi.geometry.geoms} == {"Polygon"}
    assert aoi.geometry.area == pytest.approx(1)


def test_b6_antimeridian_box_is_split_never_358_degrees_wide():
    aoi = vetted("POLYGON((179 0,-179 0,-179 1,179 1,179 0))")
    assert sorted(part.bounds for part in aoi.geometry.geoms) == [(-180, 0, -179, 1), (179, 0, 180, 1)]
    assert any("antimeridian" in note for note in aoi.notes)


def test_b6_hole_on_the_other_side_stays_a_hole():
    shell = "(178 0,-178 0,-178 4,178 4,178 0)"
    aoi = vetted(f"POLYGON({shell},(-179.5 1,-179 1,-179 2,-179.5 2,-179.5 1))")
    assert aoi.geometry.area == pytest.approx(16 - 0.5)


def test_world_box_stays_the_world():
    aoi = vetted("POLYGON((-180 -90,180 -90,180 90,-180 90,-180 -90))")
    assert aoi.geometry.area == pytest.approx(360 * 164)


def test_b8_swapped_coordinates_get_the_hint():
    assert "longitude comes first" in refusal("POLYGON((52 120,53 120,53 121,52 120))")


def test_metres_get_the_other_hint():
    text = refusal("POLYGON((4e5 5e6,4e5 6e6,5e5 6e6,4e5 5e6))")
    assert "reproject" in text
    assert "longitude comes first" not in text


@pytest.mark.parametrize(
    ("wkt", "kind"),
    [
        ("POINT(1 2)", "Point"),
        ("LINESTRING(0 0,1 1)", "LineString"),
        ("GEOMETRYCOLLECTION(POINT(1 2))", "GeometryCollection"),
    ],
)
def test_b10_points_and_lines_are_refused_with_a_hint(wkt, kind):
    text = refusal(SQUARE, wkt)
    assert f"{kind} in feature 2 of 2" in text
    assert "buffer" in text


def test_collection_of_polygons_is_polygons():
    aoi = vetted(f"GEOMETRYCOLLECTION({SQUARE},MULTIPOLYGON(((0 0,1 0,1 1,0 0))))")
    assert aoi.geometry.area == pytest.approx(1.5)


def test_b11_coordinate_of_1e308_is_refused():
    assert "1e+308" in refusal("POLYGON((0 0,1e308 0,1 1,0 0))")


def test_b12_many_vertices_keep_their_area():
    angle = np.linspace(0, 2 * np.pi, 200_000, endpoint=False)
    aoi = vet([shapely.polygons(np.c_[10 + np.cos(angle), 10 + np.sin(angle)])], where="a")
    assert aoi.geometry.area == pytest.approx(np.pi, rel=1e-6)
    assert len(tiles_of(aoi)) == 16


def test_b13_ring_round_the_pole_covers_the_cap_and_is_clipped():
    aoi = vetted("POLYGON((0 70,100 70,-160 70,-100 70,0 70))")
    assert aoi.geometry.area == pytest.approx(360 * 14)
    assert any("84 N" in note for note in aoi.notes)


def test_b13_southern_ring_covers_the_southern_cap():
    aoi = vetted("POLYGON((0 -70,100 -70,-160 -70,-100 -70,0 -70))")
    assert aoi.bounds_deg == (-180, -80, 180, -70)


def test_only_polar_is_refused_by_the_rule_of_the_grid():
    assert "80 S to 84 N" in refusal("POLYGON((0 85,10 85,10 86,0 86,0 85))")
    assert "80 S to 84 N" in refusal("POLYGON((0 -85,10 -85,10 -86,0 -86,0 -85))")
    assert "80 S to 84 N" in refusal("POLYGON((0 84,10 84,10 86,0 86,0 84))")


def test_b14_area_smaller_than_a_pixel_is_one_tile():
    aoi = vetted("POLYGON((10 10,10.00001 10,10.00001 10.00001,10 10))")
    assert tiles_of(aoi) == (Tile(159, 380),)
    assert clip_to_tile(aoi, Tile(159, 380)).equals(aoi.geometry)


def test_shapes_without_area_are_refused_or_left_out():
    flat = "POLYGON((0 0,1 1,2 2,0 0))"
    assert "enclose nothing" in refusal(flat)
    assert any("feature 2 of 2" in note for note in vetted(SQUARE, flat).notes)


def test_z_is_dropped():
    aoi = vetted("POLYGON Z((12 52 7,13 52 7,13 53 7,12 53 7,12 52 7))")
    assert not aoi.geometry.has_z
    assert aoi == vetted(SQUARE)


def test_clean_keeps_one_shape_per_feature():
    shapes, notes = clean([shapely.from_wkt(SQUARE), shapely.from_wkt(SQUARE)], where="a")
    assert len(shapes) == 2
    assert notes == ()


def test_overlapping_features_are_united():
    assert vetted(SQUARE, "POLYGON((12.5 52,13.5 52,13.5 53,12.5 53,12.5 52))").geometry.area == 1.5


def test_aoi_travels():
    aoi = vetted(SQUARE)
    again = pickle.loads(pickle.dumps(aoi))
    assert again == aoi
    assert again.geometry.equals(aoi.geometry)


def test_hash_is_pinned():
    """A change of this value changes every plan: it needs a reason and a line in the changelog."""
    assert vetted(SQUARE).hash == from_bbox("12,52,13,53").hash
    assert vetted(SQUARE).hash == "8e9db1362c312a3a8b4e2aba5875579b81e0ba5eac773fd35416046affe0236e"


@pytest.mark.parametrize(
    ("box", "words"),
    [
        ("1,2,3", "four numbers"),
        ("1,2,3,x", "four numbers"),
        ("nan,0,1,1", "four numbers"),
        ("0,0,inf,1", "four numbers"),
        ("0,5,1,5", "south below north"),
        ("0,6,1,5", "south below north"),
        ("1,0,1,2", "differ"),
        ("190,0,-170,1", "differ"),
        ("-180,0,181,1", "360 degrees"),
        ("52,120,53,121", "west,south,east,north"),
        ("1e308,0,1,1", "degrees"),
        ((1, 2, 3, None), "four numbers"),
    ],
)
def test_bad_boxes_get_one_clear_line(box, words):
    with pytest.raises(MisuseError, match=words) as caught:
        from_bbox(box)
    assert str(caught.value).startswith("--bbox")


def test_box_with_west_above_east_spans_the_antimeridian():
    aoi = from_bbox("179,-1,-179,1")
    assert aoi == vetted("POLYGON((179 -1,-179 -1,-179 1,179 1,179 -1))")


def test_wide_box_is_taken_as_written():
    assert from_bbox((-100, 0, 100, 1)).geometry.area == 200


def test_tiles_that_only_touch_do_not_count():
    assert tiles_of(from_bbox("10,10,10.5,10.5")) == (Tile(159, 380),)
    assert len(tiles_of(from_bbox("10,10,10.5,10.500000001"))) == 2


def test_clip_of_a_full_tile_is_none_and_of_a_far_tile_empty():
    aoi = from_bbox("10,10,11.25,11")
    assert clip_to_tile(aoi, Tile(159, 380)) is None
    assert clip_to_tile(aoi, Tile(159, 382)).bounds == (11, 10, 11.25, 10.5)
    assert clip_to_tile(aoi, Tile(159, 300)).is_empty
    assert clip_to_tile(aoi, Tile(100, 380)).is_empty


@pytest.mark.shared
def test_africa_has_the_tiles_that_overlay_finds(shared):
    import json

    features = json.loads((shared / "data/aoi/africa_ne110m.geojson").read_text())["features"]
    aoi = vet([shapely.from_geojson(json.dumps(f["geometry"])) for f in features], where="africa")
    tiles = tiles_of(aoi)
    squares = shapely.box(*np.array([t.bounds_deg for t in tiles]).T)
    assert len(features) == 51
    assert shapely.union_all(squares).covers(aoi.geometry)
    assert (shapely.area(shapely.intersection(aoi.geometry, squares)) > 0).all()
    clips = [clip_to_tile(aoi, t) for t in tiles]
    assert sum(0.25 if c is None else c.area for c in clips) == pytest.approx(aoi.geometry.area, rel=1e-12)


@st.composite
def stars(draw):
    """A star-shaped polygon with vertices on a 1e-6 degree grid, anywhere between 60 S and 60 N."""
    n = draw(st.integers(3, 12))
    radii = draw(st.lists(st.floats(0.01, 3), min_size=n, max_size=n))
    lon, lat = draw(st.floats(-180, 180)), draw(st.floats(-60, 60))
    angle = 2 * np.pi * np.arange(n) / n
    xy = np.c_[lon + np.multiply(radii, np.cos(angle)), lat + np.multiply(radii, np.sin(angle))]
    return shapely.polygons(np.round(xy, 6))


@settings(deadline=None, max_examples=60)
@given(stars())
def test_every_tile_overlaps_and_their_union_covers(star):
    aoi = vet([star], where="a")
    tiles = tiles_of(aoi)
    assert list(tiles) == sorted(set(tiles))
    squares = [shapely.box(*t.bounds_deg) for t in tiles]
    assert all(shapely.intersection(aoi.geometry, s).area > 0 for s in squares)
    assert shapely.difference(aoi.geometry, shapely.union_all(squares)).area < 1e-12
    clips = [clip_to_tile(aoi, t) for t in tiles]
    assert sum(0.25 if c is None else c.area for c in clips) == pytest.approx(aoi.geometry.area, rel=1e-9)


@settings(deadline=None, max_examples=60)
@given(stars(), st.sampled_from([-360, 360]))
def test_wrapping_by_360_changes_nothing(star, turn):
    xy = shapely.get_coordinates(star)
    if np.abs(xy[:, 0] + turn).max() > 540:
        turn = -turn
    moved = shapely.polygons(np.round(xy + np.array([turn, 0]), 6))
    assert vet([moved], where="a") == vet([star], where="a")


@settings(deadline=None, max_examples=60)
@given(stars())
def test_wrapping_each_vertex_changes_nothing(star):
    xy = shapely.get_coordinates(star)
    xy[:, 0] = np.round((xy[:, 0] + 180) % 360 - 180, 6)
    assert vet([shapely.polygons(xy)], where="a") == vet([star], where="a")


@settings(deadline=None, max_examples=60)
@given(st.lists(stars(), min_size=1, max_size=4), st.integers(0, 11), st.randoms(use_true_random=False))
def test_hash_ignores_ring_start_direction_and_order_of_features(shapes, start, random):
    def turned(shape):
        xy = np.roll(shapely.get_coordinates(shape)[:-1], start, axis=0)
        return shapely.polygons(xy[::-1] if start % 2 else xy)

    others = [turned(s) for s in shapes]
    random.shuffle(others)
    assert vet(others, where="a").hash == vet(shapes, where="a").hash


def test_tiles_meeting_takes_a_plain_polygon():
    assert tiles_meeting(shapely.box(10.1, 10.1, 10.2, 10.2)) == (Tile(159, 380),)
