"""EnMAP, MODIS and the lights at night reach the catalogue whole, with names and nodata of real products."""

import numpy as np
import pytest
import rasterio
from plain_world import PlainWorld
from shapely.geometry import box

from eomap import api
from eomap.core.grid import Frame
from eomap.core.period import Period
from eomap.io.catalog import open_catalog
from eomap.twin import modis
from eomap.twin.acquisitions import acquisitions
from eomap.twin.build import Order, build, ordered
from eomap.twin.hyperspectral import NODATA
from eomap.twin.sinusoid import SinusoidFrame, pixel_of
from eomap.twin.source import RANK, PixelSource
from eomap.twin.world import World

SEED, AREA, PERIOD = 17, (11.25, 55.56, 11.26, 55.565), "2024-06-12/2024-06-18"
FOUND = acquisitions(AREA, Period.parse(PERIOD), ["enmap", "modis"], seed=SEED)
ENMAP = next(a for a in FOUND if a.sensor == "enmap")


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    """A whole, small build by the command's own function."""
    out = tmp_path_factory.mktemp("twin")
    area = ",".join(map(str, AREA))
    made = api.build_twin(out, bbox=area, period=PERIOD, sensors=("enmap", "modis"), seed=SEED)
    assert made.items == made.made == len(list(out.glob("*/*/SYNTHETIC*.json")))
    return out


COLLECTIONS = {
    "enmap-hsi-l2a": ("image", "int16", -32_768),
    "modis-13Q1-061": ("250m_16_days_NDVI", "int16", -3000),
    "modis-09A1-061": ("sur_refl_b01", "int16", -28_672),
    "modis-43A4-061": ("Nadir_Reflectance_Band1", "int16", 32_767),
    "modis-12Q1-061": ("LC_Type1", "uint8", 255),
    "vnp46a4-002": ("AllAngle_Composite_Snow_Free", "float32", np.float32(-999.9)),
}


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_every_product_is_found_and_says_that_it_is_synthetic(catalog, collection):
    key, dtype, nodata = COLLECTIONS[collection]
    found = open_catalog(str(catalog / "catalog.json")).search(
        collection, geometry=box(*AREA), period=Period.parse("2024")
    )
    assert found
    for item in found:
        assert item.id.startswith("SYNTHETIC_") and item.properties["eomap:synthetic"] is True
        with rasterio.open(item.asset(key).href) as file:
            assert (file.dtypes[0], file.nodata) == (dtype, nodata)
            assert "no satellite" in file.tags()["SYNTHETIC"]
            assert (file.read(1) != nodata).any()
            degrees = collection == "vnp46a4-002"
            assert file.crs.is_geographic == degrees
            side = 1 / 240 if degrees else file.transform.a
            assert file.transform.a == pytest.approx(side)


def test_enmaps_file_holds_what_the_world_shows(catalog):
    (path,) = catalog.glob("enmap-hsi-l2a/*/SPECTRAL_IMAGE_COG.TIF")
    with rasterio.open(path) as file:
        dn, (west, north) = file.read(), (round(file.transform.c), round(file.transform.f))
        assert file.count == 224 and "Nanometers" in file.descriptions[0]
    frame = Frame(32632, west, north, dn.shape[1] * 3, dn.shape[2] * 3)
    cube, _ = World(SEED).hyperspectral(ENMAP, frame)
    seen = dn[0] != NODATA
    assert seen.any() and (dn[129:135] == NODATA).all()
    expected = np.where(np.isnan(cube), NODATA, np.rint(np.nan_to_num(cube) * 1e4)).astype(int)
    assert np.array_equal(dn[:, seen], expected[:, seen])


def test_the_nbar_file_holds_reflectance_and_its_quality(catalog):
    home = next(catalog.glob("modis-43A4-061/*/Nadir_Reflectance_Band1.tif")).parent
    with rasterio.open(home / "Nadir_Reflectance_Band2.tif") as file:
        dn, (west, north) = file.read(1), (file.transform.c, file.transform.f)
    with rasterio.open(home / "BRDF_Albedo_Band_Mandatory_Quality_Band2.tif") as file:
        quality = file.read(1)
    h, v, _, _ = pixel_of(11.25, 55.56)
    whole = SinusoidFrame(h, v, 2400, 0, 0, 2400, 2400)
    a, _, x0, _, _, y0 = whole.transform
    row, col = round((y0 - north) / a), round((west - x0) / a)
    frame = whole.sub(row, row + dn.shape[0], col, col + dn.shape[1])
    made = next(a for a in FOUND if a.product == "43A4" and f".A{a.day:%Y%j}." in home.name)
    found = World(SEED).modis(made, frame, ["M2", RANK])
    hidden = found[RANK] == modis.CLOUDY
    assert np.array_equal(dn == 32_767, hidden) and np.array_equal(quality == 255, hidden)
    assert np.abs(dn * 1e-4 - found["M2"])[~hidden].max() < 6e-5
    assert np.array_equal(quality == 0, found[RANK] == modis.GOOD)


def test_the_same_order_gives_the_same_bytes_whatever_the_threads(tmp_path):
    order = Order((11.0, 55.5, 11.02, 55.51), Period.parse("2024-06-10/2024-06-20"), ("modis",), SEED)
    assert {d.kind for d in ordered(order)} == {"13Q1", "09A1", "43A4", "12Q1", "46A4"}
    source: PixelSource = PlainWorld(SEED)
    said = []
    for k in (1, 2):
        build(tmp_path / str(k), order, source, threads=k)
        files = sorted((tmp_path / str(k)).glob("*/SYNTHETIC*/*"))
        said.append([(p.name, p.read_bytes()) for p in files])
    assert said[0] == said[1] and len(said[0]) > 30
