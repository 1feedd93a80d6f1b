"""Acquisitions: the real calendar, each place its share of tracks, the same pixels however they are asked."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from eomap.core.grid import Frame, transformer
from eomap.core.period import Period
from eomap.errors import MisuseError
from eomap.twin import orbits, sinusoid
from eomap.twin.acquisitions import COMPOSITES, SENSORS, acquisitions, beam_azimuth, incidence, seen
from eomap.twin.deliveries import deliveries
from eomap.twin.earth import points_at, points_of
from eomap.twin.items import outline
from eomap.twin.orbits import SENTINEL1, SENTINEL2
from eomap.twin.rendering import shown
from eomap.twin.squares import clipped, squares

BERLIN = (12.5, 52.4, 13.0, 52.6)

# Square, day, platform, track and sensing time of real products, as their names and catalogues give them.
REAL = [
    ("32TMT", "S2A", 65, "2020-03-02T10:27:44", (7.8, 47.0, 9.0, 47.7)),
    ("32TNT", "S2A", 108, "2020-03-05T10:37:36", (9.0, 47.0, 9.3, 47.7)),
    ("32UNU", "S2A", 65, "2020-03-02T10:27:26", (9.0, 48.0, 10.4, 48.6)),
    ("33UUU", "S2A", 65, "2017-02-16T10:21:01", BERLIN),
    ("34LBQ", "S2A", 64, "2022-04-01T09:03:19", (18.9, -9.8, 19.1, -9.3)),
    ("53NKG", "S2B", 74, "2025-03-12T01:45:49", (132.4, 5.6, 133.0, 5.9)),
]


@pytest.mark.parametrize(("place", "platform", "track", "moment", "bounds"), REAL)
def test_sentinel_2_comes_when_it_came(place, platform, track, moment, bounds):
    when = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    found = acquisitions(bounds, Period(when.date(), when.date()), ["s2"], seed=1)
    match = [a for a in found if (a.place, a.platform, a.relative_orbit) == (place, platform, track)]
    assert len(match) == 1
    # The first part of a product's name is the start of the data take, up to half an hour earlier.
    late = (match[0].moment - when).total_seconds()
    assert -15 < late < (15 if place != "33UUU" else 1800)


@pytest.mark.parametrize(
    ("track", "descending", "moment", "corner", "near"),
    [
        (80, True, "2025-03-11T04:42:40.696", (20.621373751867566, 30.347112535550156), True),
        (95, True, "2025-03-12T05:22:49.103", (8.079524, 33.090034), False),
        (21, True, "2022-04-28T03:44:30.207", (31.2672662, 2.6527481), None),
    ],
)
def test_sentinel_1_comes_when_it_came(track, descending, moment, corner, near):
    when = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    cycle = round((when - SENTINEL1.node_moment["S1A"]) / timedelta(days=12) - (track - 1) / 175)
    flight = orbits.pass_of(SENTINEL1, "S1A", track, cycle=cycle, descending=descending)
    assert abs((orbits.moment_at(flight, *corner) - when).total_seconds()) < 30
    _, right_m = orbits.abeam(flight, points_at([[corner[0]]], [[corner[1]]]))
    edge = SENTINEL1.near_m if near else SENTINEL1.far_m
    if near is not None:
        assert abs(float(right_m[0, 0]) - edge) < 16_000


@settings(max_examples=60, deadline=None)
@given(
    track=st.integers(1, 143), descending=st.booleans(),
    when=st.floats(-1200, 1200), right_m=st.floats(-600_000, 600_000),
)  # fmt: skip
def test_abeam_undoes_below(track, descending, when, right_m):
    flight = orbits.pass_of(SENTINEL2, "S2A", track, cycle=3, descending=descending)
    lon, lat = orbits.below(flight, np.array([[when]]), np.array([[right_m]]))
    seconds, metres = orbits.abeam(flight, points_at(lon, lat))
    assert abs(float(metres[0, 0]) - right_m) < 15
    assert abs(float(seconds[0, 0]) - when) < 0.05


def test_every_place_belongs_to_one_to_three_tracks_and_comes_back_after_five_days():
    for lon, lat in ((12.6, 52.5), (36.8, -1.3), (-60.1, -3.1), (140.0, 35.0)):
        bounds = (lon, lat, lon + 0.01, lat + 0.01)
        found = acquisitions(bounds, Period.parse("2023-05-01/2023-05-20"), ["s2"], seed=1)
        tracks = {a.relative_orbit for a in found}
        assert 1 <= len(tracks) <= 3
        for track in tracks:
            place = min(a.place for a in found if a.relative_orbit == track)
            days = [a.day for a in found if a.relative_orbit == track and a.place == place]
            assert {b - a for a, b in pairwise(days)} == {timedelta(days=5)}
        for a in found:  # mean solar time at the node is 10:30; farther north it is later by the clock
            assert 9.5 < (a.moment.hour + a.moment.minute / 60 + lon / 15) % 24 < 12.5


def test_squares_are_those_of_mgrs_and_overlap():
    names = [s.name for s in squares((8.2, 47.2, 8.6, 47.5))]
    assert names == ["32TMT"]
    frame = squares((8.2, 47.2, 8.6, 47.5))[0].frame
    assert frame == Frame(32632, 399_960, 5_300_040, 10_980, 10_980)
    both = {s.name: s.frame for s in squares((8.2, 46.9, 9.3, 47.5))}
    assert set(both) >= {"32TMT", "32TNT", "32TMS", "32TNS"}
    assert both["32TNT"].x0 - both["32TMT"].x0 == 100_020  # multiples of 60 m
    assert {s.frame.epsg for s in squares((-0.1, 45.0, 0.1, 45.1))} == {32630, 32631}
    over = squares((179.9, -17.0, 180.1, -16.9))
    assert {s.frame.epsg for s in over} == {32701, 32760}
    assert {s.name for s in squares((-180.1, -17.0, -179.9, -16.9))} == {s.name for s in over}


def test_both_hemispheres_meet_at_the_equator():
    found = squares((36.9, -0.05, 37.0, 0.05))
    assert {s.frame.epsg for s in found} >= {32637, 32737}
    assert {s.name[2] for s in found} >= {"N", "M"}


@pytest.mark.parametrize("sensor", ["s2", "s1", "enmap"])
def test_what_is_seen_does_not_depend_on_the_cut(sensor):
    bounds = (11.2, 52.2, 13.8, 53.0) if sensor == "s2" else BERLIN
    found = acquisitions(bounds, Period.parse("2023-06"), [sensor], seed=1)
    checked = 0
    for a in {(a.place, a.relative_orbit): a for a in found}.values():
        every = 3 if sensor == "enmap" else 1
        for part in _edge_frames(a):
            whole = seen(a, points_of(part, every_px=every))
            assert np.array_equal(shown(a, part, every_px=every), whole)
            third = part.height // 18 * 6
            upper, lower = part.sub(0, third, 0, part.width), part.sub(third, part.height, 0, part.width)
            halves = [seen(a, points_of(p, every_px=every)) for p in (upper, lower)]
            assert np.array_equal(np.vstack(halves), whole)
            checked += 0 < whole.mean() < 1
    assert checked, "no frame on an edge was found"


def coarsely(frame, every_px):
    """Return the middles of squares of a frame, each transformed by itself."""
    x = frame.x0 + (np.arange(frame.width // every_px) + 0.5) * every_px * 10
    y = frame.y0 - (np.arange(frame.height // every_px) + 0.5) * every_px * 10
    return points_at(*transformer(frame.epsg, 4326).transform(*np.meshgrid(x, y)))


def _edge_frames(acquisition):
    """Return small frames across the border between seen and unseen."""
    frame = acquisition.frame
    coarse = seen(acquisition, coarsely(frame, 300))
    rows, cols = np.nonzero(coarse[:, 1:] != coarse[:, :-1])
    for k in range(0, len(rows), max(1, len(rows) // 3)):
        row, col = rows[k] * 300, cols[k] * 300 + 150
        yield frame.sub(row, row + 300, col, col + 300)


def test_neighbouring_squares_share_the_edge_of_the_swath():
    found = acquisitions((13.3, 52.0, 14.2, 53.3), Period.parse("2023-06"), ["s2"], seed=1)
    pairs = [
        (a, b) for a in found for b in found
        if a.flight == b.flight and a.place < b.place and a.frame.epsg == b.frame.epsg
    ]  # fmt: skip
    assert pairs
    met = 0
    for a, b in pairs[:6]:
        x0, y0 = max(a.frame.x0, b.frame.x0), min(a.frame.y0, b.frame.y0)
        apart = max(abs(a.frame.x0 - b.frame.x0), abs(a.frame.y0 - b.frame.y0))
        if apart < 105_000:
            shared = points_of(Frame(a.frame.epsg, x0, y0, 300, 300))
            assert np.array_equal(seen(a, shared), seen(b, shared))
            met += 1
    assert met


def test_incidence_grows_with_distance_and_the_beam_goes_right():
    found = acquisitions(BERLIN, Period.parse("2023-06-01/2023-06-12"), ["s1"], seed=1)
    assert {a.flight.descending for a in found} == {True, False}
    for a in found:
        points = coarsely(a.frame, 200)
        angle = np.where(seen(a, points), incidence(a, points), np.nan)
        assert 28 < np.nanmin(angle) < 31 and 43 < np.nanmax(angle) < 47
        row = angle[angle.shape[0] // 2]
        steps = np.diff(row[np.isfinite(row)])
        assert (steps < 0).all() if a.flight.descending else (steps > 0).all()
        azimuth = float(np.median(beam_azimuth(a, points)))
        assert 260 < azimuth < 300 if a.flight.descending else 60 < azimuth < 100


def test_sentinel_1_repeats_after_twelve_days():
    found = acquisitions(BERLIN, Period.parse("2023-06"), ["s1"], seed=1)
    first = found[0]
    again = [a for a in found if a.place == first.place]
    assert again[1].moment - first.moment == timedelta(days=12)
    assert replace(again[1], moment=first.moment, flight=first.flight) == first


def test_enmap_is_sparse_and_follows_the_seed():
    year = Period.parse("2023")
    one, same, other = (acquisitions(BERLIN, year, ["enmap"], seed=s) for s in (1, 1, 2))
    assert one == same != other
    per_site = [sum(a.place == p for a in one) for p in {a.place for a in one}]
    assert max(per_site) <= 14 and 3 < np.mean(per_site) < 11
    for a in one[:5]:
        share = seen(a, coarsely(a.frame, 30)).mean()
        assert 0.5 < share < 0.9, "a turned square in its bounding box"


def test_modis_composites_have_their_days():
    found = acquisitions(BERLIN, Period.parse("2023"), ["modis"], seed=1)
    starts = {p: [a.day for a in found if a.product == p] for p in COMPOSITES}
    # The last of 2022 end in January 2023.
    assert len(starts["13Q1"]) == 24 and len(starts["09A1"]) == 47 and len(starts["43A4"]) == 48
    assert starts["13Q1"][:3] == [date(2022, 12, 19), date(2023, 1, 1), date(2023, 1, 17)]
    assert starts["43A4"][:4] == [date(2022, 12, 19), date(2022, 12, 27), date(2023, 1, 1), date(2023, 1, 9)]
    assert {a.place for a in found if a.product != "46A4"} == {"h18v03"}
    assert {a.place for a in found if a.product == "46A4"} == {"h19v03"}


def test_a_map_of_a_year_is_there_whatever_part_of_the_year_is_asked_for():
    found = acquisitions(BERLIN, Period.parse("2023-12-20/2024-01-10"), ["modis"], seed=1)
    for product in ("12Q1", "46A4"):
        years = [a for a in found if a.product == product]
        assert [a.interval[0].date() for a in years] == [date(2023, 1, 1), date(2024, 1, 1)]
        assert [a.interval[1].date() for a in years] == [date(2023, 12, 31), date(2024, 12, 31)]


YEARS = acquisitions(BERLIN, Period.parse("2022-01-01/2025-12-31"), ["modis"], seed=1)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 800), st.integers(0, 40))
def test_a_composite_is_found_by_every_period_that_has_one_of_its_days(first, length):
    start = date(2023, 1, 1) + timedelta(days=first)
    asked = Period(start, start + timedelta(days=length))
    found = acquisitions(BERLIN, asked, ["modis"], seed=1)
    meant = [a for a in YEARS if asked.meets(*a.interval)]
    assert list(found) == meant and {a.product for a in found} == set(COMPOSITES)


def test_the_sinusoidal_grid_is_that_of_modis():
    part = sinusoid.part_of_tile(18, 4, 2400, (8.2, 47.2, 8.6, 47.5), margin_m=0)
    points = part.points()
    assert points.lon_deg.min() < 8.2 and points.lon_deg.max() > 8.6
    # Corner of h35v10 as a real item gives it.
    found = sinusoid.SinusoidFrame(35, 10, 2400, 0, 0, 2400, 2400).transform
    real = (463.3127165, 0, 18903158.834333, 0, -463.3127165, -1111950.519667)
    assert found == pytest.approx(real, abs=0.01)
    inner = sinusoid.SinusoidFrame(18, 4, 2400, 0, 0, 2400, 2400).sub(100, 140, 200, 260)
    again = sinusoid.SinusoidFrame(18, 4, 2400, 80, 190, 100, 100).sub(20, 60, 10, 70)
    assert inner == again and np.array_equal(inner.points().x_m, again.points().x_m)


def test_order_and_misuse():
    period = Period.parse("2023-06-01/2023-06-05")
    found = acquisitions(BERLIN, period, SENSORS, seed=1)
    assert list(found) == sorted(found, key=lambda a: (a.sensor, a.moment, a.place, a.product))
    assert all(period.meets(*a.interval) if a.product else period.covers(a.moment) for a in found)
    with pytest.raises(MisuseError, match="landsat"):
        acquisitions(BERLIN, period, ["landsat"], seed=1)
    with pytest.raises(MisuseError, match="Sentinel"):
        incidence(next(a for a in found if a.sensor == "modis"), points_at([[12.6]], [[52.5]]))
    assert acquisitions(BERLIN, Period.parse("2010"), ["s2"], seed=1) == ()


def test_clipped_frames_keep_the_sixty_metre_grid():
    frame = squares(BERLIN)[0].frame
    part = clipped(frame, BERLIN, margin_m=2_000)
    assert part is not None and (part.x0 - frame.x0) % 60 == (frame.y0 - part.y0) % 60 == 0
    assert part.height % 6 == part.width % 6 == 0
    assert clipped(frame, (20.0, 10.0, 20.1, 10.1), margin_m=0) is None


@pytest.mark.parametrize("sensor", ["s2", "s1", "enmap"])
def test_footprints_hold_what_is_seen_and_little_more(sensor):
    found = acquisitions((11.4, 52.3, 13.2, 52.6), Period.parse("2023-06-01/2023-06-12"), [sensor], seed=1)
    one_each = {(a.place, a.relative_orbit): a for a in found}.values()
    for delivery in deliveries(list(one_each), levels=("L2A",), radar=("rtc",), clip=None):
        points = coarsely(delivery.frame, 99)
        inside = shapely.contains_xy(outline(delivery), points.lon_deg, points.lat_deg)
        assert (inside != seen(delivery.acquisition, points)).mean() < 0.01
