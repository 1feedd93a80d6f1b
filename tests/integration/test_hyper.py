"""EnMAP and MODIS composites from a catalogue, whole runs: on a made-up world, and on the real scenes."""

import json

import numpy as np
import pytest
import rasterio
from plain_world import PlainWorld
from pyproj import CRS, Transformer

from eomap import api
from eomap.core.grid import cell_index, frame_of, tile_epsg
from eomap.core.period import Period
from eomap.core.source import Band, Scene
from eomap.io.cube import open_cube
from eomap.io.pixels import RasterReader
from eomap.kernels.median import median_composite_numpy
from eomap.sensors import sensor
from eomap.sensors.enmap import CENTRE_NM, KEPT
from eomap.twin.build import Order, build

BOUNDS = (12.60, 52.50, 12.615, 52.508)
BBOX = ",".join(map(str, BOUNDS))
DAYS = "2023-06-02/2023-06-09"


def made(out, **asked):
    """Return the verified cube of a composite, and its plan."""
    plan = api.plan(product="composite", **asked)
    summary = api.run(plan, str(out), engine="inline")
    assert summary.complete, summary.failed
    assert api.verify(str(out)) == {}
    return open_cube(str(out)), plan


def seen_cells(cube, values):
    """Return codes (b, cell), and x and y in degrees, of the cells with a look."""
    window = cube.extent.window
    n = cube.read("n_clear", window)
    code = np.stack([cube.read(values, window, band=b) for b in range(bands_of(cube, values))])
    seen = (n > 0) & (n < 65_535)
    lon, lat = np.meshgrid(window.x(), window.y())
    return code[:, seen], lon[seen], lat[seen], n[seen]


def bands_of(cube, values):
    return len(next(layer for layer in cube.layers if layer.name == values).bands)


@pytest.fixture(scope="module")
def twin(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hyper") / "twin"
    order = Order(
        bounds_deg=BOUNDS, period=Period.parse(DAYS), sensors=("enmap", "modis"), seed=34, levels=("L2A",)
    )
    build(folder, order, PlainWorld(34))
    return folder


def asset(folder, collection, key):
    """Return the only raster of that asset in a collection of the twin."""
    (path,) = sorted((folder / collection).glob("*/*.json"))[:1]
    return path.parent / json.loads(path.read_text())["assets"][key]["href"]


def test_enmap_of_the_twin_by_wavelength(twin, tmp_path):
    bands = ("B010", "B050", "B085", "B200")
    cube, plan = made(
        tmp_path / "map.zarr", bbox=BBOX, catalog=str(twin), period="2023-06", sensor="enmap", bands=bands
    )
    assert len(plan.scenes) == 1 and all(s["synthetic"] for s in plan.scenes.values())
    code, lon, lat, _ = seen_cells(cube, "reflectance")
    assert code.shape[1] > 50
    with rasterio.open(asset(twin, "enmap-hsi-l2a", "image")) as file:
        image, inverse = file.read(), ~file.transform
        x, y = Transformer.from_crs(4326, file.crs, always_xy=True).transform(lon, lat)
        # Frames have their pixels where DLR has them, 15 m from where the twin does: the nearest to a frame
        # pixel's centre is the one south-east of it.
        assert file.transform.c % 30 == file.transform.f % 30 == 0
        x, y = (np.floor((v - 15) / 30) * 30 + 30 for v in (x, y))
        centre = [float(d.split("(")[1].split()[0]) for d in file.descriptions]
    numbers = [int(np.abs(np.array(centre) - CENTRE_NM[b]).argmin()) for b in bands]
    assert numbers != [int(b[1:]) - 1 for b in bands], "the file is not in the order of wavelengths"
    col, row = (np.floor(v).astype(int) for v in inverse @ (x, y))
    inside = (row >= 0) & (row < image.shape[1]) & (col >= 0) & (col < image.shape[2])
    assert inside.mean() > 0.95
    for values, n in zip(code, numbers, strict=True):
        np.testing.assert_array_equal(values[inside], np.clip(image[n, row[inside], col[inside]], 1, None))


@pytest.mark.parametrize(
    ("kind", "layer"), [("13q1", "vegetation_index"), ("09a1", "reflectance"), ("43a4", "reflectance")]
)
def test_modis_of_the_twin(twin, tmp_path, kind, layer):
    cube, plan = made(
        tmp_path / "map.zarr", bbox=BBOX, catalog=str(twin), period="2023-06", sensor=f"modis-{kind}"
    )
    assert plan.scenes and all(s["level"].lower() == kind for s in plan.scenes.values())
    layers = {g.name: g for g in cube.layers}
    window = cube.extent.window
    n = cube.read("n_clear", window)
    code = cube.read(layer, window, band=0)
    seen = (n > 0) & (n < 65_535)
    value = code[seen] * layers[layer].scale + layers[layer].offset
    assert seen.sum() >= 4 and (value > -0.2).all() and (value < 1).all()
    with rasterio.open(
        asset(twin, f"modis-{kind.upper()}-061", {"13q1": "250m_16_days_NDVI", "09a1": "sur_refl_b01",
                                                  "43a4": "Nadir_Reflectance_Band1"}[kind])
    ) as file:  # fmt: skip
        raw = file.read(1, masked=True).compressed() * 1e-4
    assert raw.min() - 1e-4 <= value.min() and value.max() <= raw.max() + 1e-4


@pytest.fixture(scope="module")
def example(shared):
    return str(shared / "data" / "catalog" / "catalog.json")


@pytest.mark.shared
def test_the_mosaic_of_potsdam_has_202_bands_without_a_hole(example, shared, tmp_path):
    cube, plan = made(
        tmp_path / "map.zarr",
        bbox="12.98,52.34,13.08,52.44",
        catalog=example,
        period="2022-07",
        sensor="enmap",
    )
    assert len(plan.scenes) == 18
    code, lon, lat, n = seen_cells(cube, "reflectance")
    assert code.shape[0] == len(KEPT) == 202 and (code > 0).all() and (n == 1).all()
    assert code.shape[1] > 30_000
    x, y = Transformer.from_crs(4326, 32633, always_xy=True).transform(lon, lat)
    matched = np.zeros(lon.size, bool)
    for path in (shared / "data" / "catalog" / "enmap-hsi-l2a").glob("enmap_potsdam*/image.tif"):
        with rasterio.open(path) as file:
            image, centre = file.read(), [float(d.split("(")[1].split()[0]) for d in file.descriptions]
            col, row = (np.floor(v).astype(int) for v in ~file.transform @ (x, y))
        here = (row >= 0) & (row < 32) & (col >= 0) & (col < 32)
        matched |= here
        taken = [int(np.abs(np.array(centre) - CENTRE_NM[b]).argmin()) for b in KEPT]
        direct = np.clip(image[taken][:, row[here], col[here]], 1, None)
        np.testing.assert_array_equal(code[:, here], direct.astype(np.uint16))
    assert matched.mean() > 0.999


@pytest.mark.shared
def test_the_year_of_sinop(example, shared, tmp_path):
    cube, plan = made(
        tmp_path / "map.zarr", bbox="-55.75,-11.80,-55.20,-11.50", catalog=example,
        period="2013-09-01/2014-08-31", sensor="modis-13q1",
    )  # fmt: skip
    assert len(plan.scenes) == 12
    code, lon, lat, n = seen_cells(cube, "vegetation_index")
    value = code[0] * 1e-4 - 0.2001
    assert n.max() == 12 and (n == 12).mean() > 0.95 and 0.6 < np.median(value) < 0.7
    by, reader = sensor("modis-13q1"), RasterReader()
    for task in plan.tasks:
        frame = frame_of(task.window, tile_epsg(task.tile), cell_px=1, halo_px=0, pixel_m=250)
        looks = [Scene(**s | {"bands": tuple(Band(**b) for b in s["bands"])}) for s in plan.scenes.values()]
        codes = np.stack([by.coded(reader.read(s.bands[0], frame), s.bands[0]) for s in looks])
        direct, clear = median_composite_numpy(codes[:, None], codes > 0)
        cells = cell_index(task.window, frame, cell_px=1)
        stored = cube.read("vegetation_index", task.window, band=0)
        wanted = stored != 65_535
        assert wanted.sum() > 10_000
        np.testing.assert_array_equal(stored[wanted], direct[0][cells][wanted])
        np.testing.assert_array_equal(cube.read("n_clear", task.window)[wanted], clear[cells][wanted])
    reader.close()
    assert nearest_median(shared, lon, lat, value) < 0.03


def nearest_median(shared, lon, lat, value):
    """Return how far values lie from the medians of the pixels at cells' centres, in the median.

    The composite has means by area, 16 % wider than a pixel of MODIS: alike, not equal.
    """
    paths = sorted((shared / "data" / "catalog" / "modis-13q1").glob("*/*.tif"))
    with rasterio.open(paths[0]) as file:
        crs, inverse = CRS.from_wkt(file.crs.to_wkt()), ~file.transform
    looks = np.stack([rasterio.open(p).read(1) for p in paths]).astype(float)
    looks[(looks < -2000) | (looks > 10_000)] = np.nan
    u, v = Transformer.from_crs(4326, crs, always_xy=True).transform(lon, lat)
    col, row = (np.floor(w).astype(int) for w in inverse @ (u, v))
    inside = (row >= 0) & (row < looks.shape[1]) & (col >= 0) & (col < looks.shape[2])
    assert inside.mean() > 0.98
    median = np.sort(looks, axis=0)[5] * 1e-4  # the lower of the two in the middle
    return np.nanmedian(np.abs(value[inside] - median[row[inside], col[inside]]))
