"""HDF4: names and places of data sets, what is refused, and a real file of MODIS."""

import sys

import numpy as np
import pytest
from pyproj import CRS, Transformer

from eomap.core.grid import Frame
from eomap.core.source import Band
from eomap.errors import BrokenInputError, MisuseError
from eomap.io.hdf4 import Grid, data_set, grid_of, is_called
from eomap.io.pixels import RasterReader


def described(name, size, field, projection="GCTP_SNSOID"):
    return f"""
\tGROUP={name}
\t\tGridName="MODIS"
\t\tXDim={size}
\t\tYDim={size // 2}
\t\tUpperLeftPointMtrs=(-4447802.078667,-8895604.157333)
\t\tLowerRightMtrs=(-3335851.559000,-10007554.677000)
\t\tProjection={projection}
\t\tProjParams=(6371007.181000,0,0,0)
\t\tGROUP=DataField
\t\t\tOBJECT=DataField_1
\t\t\t\tDataFieldName="{field}"
\t\t\tEND_OBJECT=DataField_1
\t\tEND_GROUP=DataField
\tEND_GROUP={name}
"""


METADATA = "GROUP=GridStructure" + described("GRID_1", 1200, "state_1km_1") + described("GRID_2", 2400, "b01")


def test_each_data_set_has_the_place_of_its_own_grid():
    corners = (-4447802.078667, -8895604.157333, -3335851.559, -10007554.677)
    assert grid_of(METADATA, "state_1km_1", "a.hdf") == Grid((600, 1200), corners, 6371007.181)
    assert grid_of(METADATA, "b01", "a.hdf").shape == (1200, 2400)


@pytest.mark.parametrize(
    "metadata",
    [METADATA.replace("b01", "b02"), METADATA.replace("GCTP_SNSOID", "GCTP_GEO"),
     METADATA.replace("XDim", "Q"), METADATA.replace("2400", "many"), ""],
)  # fmt: skip
def test_other_grids_are_refused_by_name(metadata):
    with pytest.raises(BrokenInputError, match=r"a\.hdf.*b01 on the sinusoidal grid"):
        grid_of(metadata, "b01", "a.hdf")


def test_names_end_as_asked():
    assert is_called("250m 16 days NDVI", "NDVI") and is_called(
        "Nadir_Reflectance_Band1", "Reflectance_Band1"
    )
    assert is_called("state_1km_1", "state_1km") and not is_called("state_1km_c", "state_1km")
    assert not is_called("250m 16 days NDVI quality", "NDVI")


def test_without_the_package_the_way_out_is_said(monkeypatch):
    for name in ("pyhdf", "pyhdf.SD", "pyhdf.error"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MisuseError, match=r"pip install 'eomap\[hdf4\]'"):
        data_set("a.hdf", "b01")


def test_what_is_no_file_here_is_refused(tmp_path):
    pytest.importorskip("pyhdf")
    (tmp_path / "a.hdf").write_bytes(b"no such thing")
    with pytest.raises(BrokenInputError, match="a readable HDF4 file"):
        data_set(str(tmp_path / "a.hdf"), "b01")
    with pytest.raises(BrokenInputError, match="this machine"):
        data_set("/vsicurl/https://x.org/a.hdf", "b01")


@pytest.mark.shared
def test_a_real_day_of_reflectance(shared):
    """Some places in Antarctica, by the file's own array and pyproj."""
    sd = pytest.importorskip("pyhdf.SD")
    (path,) = (shared / "data" / "modis").glob("MOD09GA*.hdf")
    x, y = Transformer.from_crs(4326, 3031, always_xy=True).transform(-178.0, -80.3)
    frame = Frame(3031, round(x, -1), round(y, -1), 90, 110, 500)
    at = np.meshgrid(
        frame.x0 + (np.arange(frame.width) + 0.5) * 500, frame.y0 - (np.arange(frame.height) + 0.5) * 500
    )
    sphere = CRS.from_proj4("+proj=sinu +R=6371007.181 +units=m +no_defs")
    u, v = Transformer.from_crs(3031, sphere, always_xy=True).transform(*at)
    reader = RasterReader()
    for name, size, fill in (("b01", 463.312717, -28672), ("state_1km", 926.625433, 65535)):
        raw = np.asarray(
            sd.SD(str(path)).select({"b01": "sur_refl_b01_1", "state_1km": "state_1km_1"}[name]).get()
        )
        row = np.floor((-8895604.157333 - v) / size).astype(int)
        col = np.floor((u + 4447802.078667) / size).astype(int)
        inside = (row >= 0) & (row < len(raw)) & (col >= 0) & (col < len(raw))
        wanted = np.where(inside, raw[row.clip(0, len(raw) - 1), col.clip(0, len(raw) - 1)], fill)
        band = Band(name, str(path), 1e-4, 0.0, float(fill), categorical=name != "b01", data_set=name)
        made = reader.read(band, frame)
        # Positions are drawn between nodes that are set for UTM, not for a pole.
        assert (made == wanted).mean() > 0.985 and made.dtype == raw.dtype and (made != fill).mean() > 0.2
    reader.close()
