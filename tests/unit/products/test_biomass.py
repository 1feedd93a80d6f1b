"""Biomass: its two variants, what they are handed, footprints, bounds by places."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up import EPSG, TILE, network_for

from eomap import api
from eomap.core.grid import Frame, Window, frame_of, tile_window
from eomap.core.product import Inputs, Seen
from eomap.errors import MisuseError
from eomap.io.registry import model
from eomap.nn.biomass_s import LEVELS_MG_HA, OUTPUTS
from eomap.nn.windows import Windowed
from eomap.products import product
from eomap.products.biomass import layers, training
from eomap.products.biomass.calibration import Judged, calibrated
from eomap.training.recipe import recipe


def test_each_variant_has_its_own_sensors_cells_and_network():
    sentinel, enmap = product("biomass"), product("biomass", {"sensor": "enmap"})
    assert [n.of for n in sentinel.needs] == ["sentinel-2", "sentinel-1"] and sentinel.needs[1].optional
    assert [n.of for n in enmap.needs] == ["enmap"] and len(enmap.needs[0].bands) == 202
    assert (sentinel.pixel_m, enmap.pixel_m) == (10, 30) and enmap.origin_m == 15
    assert sentinel.models != enmap.models and product("biomass", {"sensor": "sentinel"}) == sentinel
    for made in (sentinel, enmap):
        (name,) = made.models
        known = model(name)
        assert known.product == "biomass" and known.synthetic and known.channels == len(OUTPUTS)
        assert [s.bands for s in known.sources] == [n.bands for n in made.needs]
        assert known.halo_px == made.needs[0].halo_px and known.size < 5_000_000
        assert known.layout.side_px == {10: training.RECIPE, 30: training.ENMAP}[made.pixel_m].side_px


@pytest.mark.parametrize("asked", [{"sensor": "modis-13q1"}, {"method": "median"}])
def test_other_settings_are_refused(asked):
    with pytest.raises(MisuseError, match="biomass"):
        product("biomass", asked)


def seen_of(bands, value, shape=(8, 8)):
    return Seen(np.full((bands, *shape), value, np.uint16), np.full(shape, 3, np.uint16))


def test_a_sensor_that_saw_nothing_is_nought():
    frame, window = Frame(EPSG, 0, 0, 8, 8), Window(1, 0, 1, 0, 1)
    both = Inputs(frame, 0, (seen_of(10, 7), seen_of(2, 9)), window, np.ones((1, 1), bool))
    one = Inputs(frame, 0, (seen_of(10, 7), None), window, np.ones((1, 1), bool))
    assert [layers.codes(i, (10, 2))[:, 0, 0].tolist() for i in (both, one)] == [
        [7] * 10 + [9] * 2,
        [7] * 10 + [0] * 2,
    ]


def test_tenths_stay_below_fill():
    assert layers.as_tenths(np.float32([-1, 0.04, 0.06, 6553.4, 1e9])).tolist() == [0, 0, 1, 65_534, 65_534]


def test_footprints_hold_their_means_and_lie_apart():
    fine = np.random.default_rng(0).uniform(0, 300, (120, 120)).astype(np.float32)
    sparse = training.footprints({"biomass": fine})[0]
    known = np.isfinite(sparse)
    # Circles of 25 m hold about 5 pixels of 10 m; one every 60 m x 600 m.
    assert known.sum() / (20 * 2) == pytest.approx(np.pi * 1.25**2, rel=0.35)
    first = known[:6, :60]
    assert np.unique(sparse[:6, :60][first]).size == 1
    assert sparse[:6, :60][first][0] == pytest.approx(fine[:6, :60][first].mean(), rel=1e-5)
    unknown = np.full((120, 120), np.nan, np.float32)
    assert np.isnan(training.footprints({"biomass": unknown})).all()


def test_squares_of_30_m_are_means_and_unknown_where_any_is():
    fine = np.arange(36, dtype=np.float32).reshape(6, 6)
    fine[5, 5] = np.nan
    found = training.dense_30_m({"biomass": fine})
    assert found.shape == (1, 2, 2) and found[0, 0, 0] == fine[:3, :3].mean() and np.isnan(found[0, 1, 1])


def judged(seed, places=40, pixels=200, deviation=1.0):
    """Return pixels whose roots err by 2 deviations' worth of what the network says, places alike."""
    rng = np.random.default_rng(seed)
    root = rng.uniform(0, 18, places * pixels)
    truth = np.maximum(root + rng.normal(0, 2 * deviation, root.size), 0) ** 2
    said = np.full(root.size, deviation)
    return Judged(
        root,
        said,
        root**2 + deviation**2,
        2 * root * deviation + 0.1,
        truth,
        np.arange(places).repeat(pixels),
    )


@given(st.integers(0, 1000))
@settings(max_examples=10, deadline=None)
def test_bounds_of_some_places_hold_nine_of_ten_of_others(seed):
    bounds, factors = calibrated(judged(seed))
    new = judged(seed + 1001)
    level = np.searchsorted(LEVELS_MG_HA, new.biomass_i, side="right")
    reach = np.asarray(bounds)[level] * new.deviation_i
    within = np.abs(np.sqrt(new.truth_i) - new.root_i) <= reach
    assert within.mean() == pytest.approx(0.92, abs=0.04)
    for j in range(1, len(bounds)):
        assert within[level == j].mean() > 0.86
    error = (new.biomass_i - new.truth_i)[level == 2]
    assert np.sqrt((error**2).mean() / ((factors[2] * new.sigma_i[level == 2]) ** 2).mean()) == pytest.approx(
        1, abs=0.1
    )


def test_a_level_of_few_places_takes_the_bound_of_all():
    some = judged(5)
    rare = (some.biomass_i > LEVELS_MG_HA[2]) & (some.place_i >= 5)
    few = Judged(*(getattr(some, f)[~rare] for f in Judged.__dataclass_fields__))
    bounds, _ = calibrated(few)
    assert np.isfinite(bounds).all() and bounds[3] != calibrated(some)[0][3]


def test_figures_are_of_known_pixels_only():
    rng = np.random.default_rng(2)
    truth = rng.uniform(0, 100, (2, 1, 8, 8)).astype(np.float32)
    y = np.concatenate([truth + 3, truth * 0 + 4, truth - 1, truth + 9], axis=1)
    unknown = truth.copy()
    unknown[0] = np.nan
    found = training.figures(y, unknown)
    assert found["rmse"] == pytest.approx(3, rel=1e-5) and found["bias"] == pytest.approx(3, rel=1e-5)
    assert found["coverage_90"] == 1 and found["within_sigma"] == 1 and found["rrmse"] < found["rmse"]


def test_the_recipe_is_found():
    assert recipe("biomass") is training.RECIPE
    for how in (training.RECIPE, training.ENMAP, training.SPARSE):
        assert how.channels == sum(p.channels for p in how.pictures) and how.cells == how.side_px


def test_enmap_maps_what_was_seen_and_nothing_else():
    made = product("biomass", {"sensor": "enmap"})
    whole = tile_window(TILE, made.step)
    window = Window(made.step, whole.row0 + 100, whole.row0 + 106, whole.col0 + 100, whole.col0 + 108)
    frame = frame_of(
        window, EPSG, cell_px=1, halo_px=made.needs[0].halo_px, pixel_m=made.pixel_m, origin_m=made.origin_m
    )
    seen = np.ones(frame.shape, np.uint16)
    seen[:, frame.width // 2 :] = 0
    code = np.broadcast_to(seen * np.uint16(700), (202, *frame.shape))
    wanted = np.ones(window.shape, bool)
    wanted[0] = False
    inputs = Inputs(frame, made.needs[0].halo_px, (Seen(code, seen),), window, wanted)
    given = made.compute(inputs, Windowed(network_for(made)))
    assert all(given[g.name].dtype == np.dtype(g.dtype) for g in made.gives)
    n_clear, biomass = given["n_clear"][1:], given["biomass"][1:]
    assert {0, 1} == set(np.unique(n_clear)) and ((biomass < 65_535) == (n_clear > 0)).all()
    assert all((given[g.name][0] == g.fill).all() for g in made.gives)


@pytest.mark.shared
@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
def test_a_real_scene_of_enmap_is_mapped(shared, tmp_path):
    plan = api.plan(
        catalog=str(shared / "data/catalog/catalog.json"),
        product="biomass",
        sensor="enmap",
        bbox="13.018,52.390,13.029,52.396",
        period="2022-07",
    )
    assert plan.model == "eomap-biomass-enmap-s"
    out = str(tmp_path / "potsdam.zarr")
    assert api.run(plan, out, engine="inline").complete and not api.verify(out)
    cube = api.open_cube(out)
    seen = cube.n_clear.to_numpy() == 1
    biomass, low, high = (cube[name].to_numpy()[seen] for name in ("biomass", "low", "high"))
    assert seen.sum() > 500 and (biomass >= 0).all() and (low <= high).all()
