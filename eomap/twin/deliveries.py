"""What a provider makes of an acquisition: a product with an id, a baseline and a file for each asset."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from eomap.core.grid import Frame
from eomap.errors import MisuseError
from eomap.sensors.sentinel2 import BANDS, SCENE_CLASS
from eomap.twin.acquisitions import LIGHTS, Acquisition, AnyFrame
from eomap.twin.degrees import DegreeFrame, part_of
from eomap.twin.sinusoid import part_of_tile
from eomap.twin.source import CLASSES_ENMAP, ENMAP_BANDS, LAND_COVER, RADIANCE, RANK
from eomap.twin.squares import Bounds, clipped

LEVELS, RADAR = ("L1C", "L2A"), ("rtc", "grd")
OFFSET_DN = 1000
_BASELINES = (
    (date(2021, 3, 30), "02.14"), (date(2021, 6, 30), "03.00"), (date(2022, 1, 25), "03.01"),
    (date(2022, 12, 6), "04.00"), (date(2023, 12, 13), "05.09"), (date(2024, 7, 23), "05.10"),
)  # fmt: skip
"""Ends of the days on which scenes were first processed so; later ones are 05.11."""
_REPROCESSED = ((date(2022, 1, 1), "05.00"), (date(2023, 12, 13), "05.10"))
"""Collection 1; later ones were not processed again with another number."""
COMMON = {
    "B01": ("coastal", "coastal", 0.443, 0.027), "B02": ("blue", "blue", 0.490, 0.098),
    "B03": ("green", "green", 0.560, 0.045), "B04": ("red", "red", 0.665, 0.038),
    "B05": ("rededge1", "rededge", 0.704, 0.019), "B06": ("rededge2", "rededge", 0.740, 0.018),
    "B07": ("rededge3", "rededge", 0.783, 0.028), "B08": ("nir", "nir", 0.842, 0.145),
    "B8A": ("nir08", "nir08", 0.865, 0.033), "B09": ("nir09", "nir09", 0.945, 0.026),
    "B10": ("cirrus", "cirrus", 1.3735, 0.075), "B11": ("swir16", "swir16", 1.610, 0.143),
    "B12": ("swir22", "swir22", 2.190, 0.242),
}  # fmt: skip
"""Sentinel-2 band to asset, common name, wavelength and width in micrometres, as Earth Search has them."""


@dataclass(frozen=True, slots=True)
class AssetFile:
    """One raster of a product: what is in it and how it is written."""

    key: str
    filename: str
    source: str
    """Which of the source's bands."""
    pixel_px: int
    """Side of its pixels in pixels of the product's frame."""
    dtype: str
    nodata: float | None
    scale: float | None = None
    """Value = number x scale + offset, as the item declares it; None where it says nothing."""
    offset: float | None = None
    categorical: bool = False
    bands: int = 1


@dataclass(frozen=True, slots=True)
class Delivery:
    """One product of an acquisition, whole or clipped."""

    acquisition: Acquisition
    collection: str
    frame: AnyFrame
    kind: str
    """L1C, L2A, rtc, grd, enmap or a key of COMPOSITES."""
    baseline: str = ""
    sequence: int = 0
    """Of Sentinel-2: 0 the first processing, 1 a later one."""
    offset_dn: int = 0
    """What is added to Sentinel-2's digital numbers in the files."""
    odd: bool = False
    """Whether faults that befall some products befall this one; see `quirks`."""

    @property
    def id(self) -> str:
        """The item's id; begins with SYNTHETIC_ for all to see."""
        made, when = self.acquisition, self.acquisition.moment
        if self.kind in LEVELS:
            return f"SYNTHETIC_{made.platform}_{made.place}_{when:%Y%m%d}_{self.sequence}_{self.kind}"
        if self.kind in RADAR:
            start, end = made.interval
            tail = f"{start:%Y%m%dT%H%M%S}_{end:%Y%m%dT%H%M%S}_{made.place}"
            return f"SYNTHETIC_{made.platform}_IW_GRDH_1SDV_{tail}" + ("_rtc" if self.kind == "rtc" else "")
        if self.kind == "enmap":
            return f"SYNTHETIC_ENMAP01-____L2A-DT{made.place}_{when:%Y%m%dT%H%M%SZ}_001_V010402"
        return f"SYNTHETIC_{product_name(self.kind)}.A{made.day:%Y%j}.{made.place}.{_version(self.kind)}"

    @property
    def files(self) -> tuple[AssetFile, ...]:
        """The product's rasters, in the order in which they are made."""
        if self.kind in LEVELS:
            return tuple(_sentinel2_files(self.kind, self.offset_dn))
        if self.kind in RADAR:
            return tuple(_radar_files(self.kind))
        return tuple(_enmap_files() if self.kind == "enmap" else _modis_files(self.kind))


def baseline_on(day: date) -> str:
    """Return the processing baseline of scenes taken on a day, when they were new.

    >>> baseline_on(date(2020, 3, 2)), baseline_on(date(2022, 1, 25)), baseline_on(date(2025, 1, 1))
    ('02.14', '04.00', '05.11')
    """
    return next((name for end, name in _BASELINES if day < end), "05.11")


def reprocessed(delivery: Delivery) -> Delivery:
    """Return the same acquisition as processed again: a later baseline, where one followed, and offset."""
    day = delivery.acquisition.moment.date()
    baseline = next((name for end, name in _REPROCESSED if day < end), delivery.baseline)
    return replace(delivery, baseline=baseline, sequence=1, offset_dn=_offset(baseline))


def _offset(baseline: str) -> int:
    return OFFSET_DN if baseline >= "04.00" else 0


def deliveries(
    found: Sequence[Acquisition],
    *,
    levels: Sequence[str],
    radar: Sequence[str],
    clip: tuple[Bounds, float] | None,
) -> list[Delivery]:
    """Return the products of acquisitions, in their order, clipped to bounds and a margin in metres.

    Raises MisuseError for an unknown level.
    """
    if set(levels) - set(LEVELS) or set(radar) - set(RADAR):
        raise MisuseError("--level", expected="L1C or L2A", got=", ".join((*levels, *radar)))
    return [d for a in found for d in _of(a, levels, radar, clip)]


def _of(
    made: Acquisition, levels: Sequence[str], radar: Sequence[str], clip: tuple[Bounds, float] | None
) -> Iterator[Delivery]:
    frame = made.frame if clip is None else _clipped(made.frame, *clip)
    if frame is None:
        return
    if made.sensor == "s2":
        baseline = baseline_on(made.moment.date())
        for level in levels:
            yield Delivery(
                made, f"sentinel-2-{level.lower()}", frame, level, baseline, offset_dn=_offset(baseline)
            )
    elif made.sensor == "s1":
        for kind in radar:
            yield Delivery(made, f"sentinel-1-{kind}", frame, kind)
    elif made.sensor == "enmap":
        yield Delivery(made, "enmap-hsi-l2a", frame, "enmap")
    else:
        name = "vnp46a4" if made.product == LIGHTS else f"modis-{made.product}"
        yield Delivery(made, f"{name}-{_version(made.product)}", frame, made.product)


def product_name(kind: str) -> str:
    """Return the name of a composite's product: MOD of Terra alone, MCD of both, VNP of Suomi NPP.

    >>> product_name("13Q1"), product_name("43A4"), product_name("46A4")
    ('MOD13Q1', 'MCD43A4', 'VNP46A4')
    """
    return {"43A4": "MCD", "12Q1": "MCD", LIGHTS: "VNP"}.get(kind, "MOD") + kind


def _version(kind: str) -> str:
    return "002" if kind == LIGHTS else "061"


def _clipped(frame: AnyFrame, bounds_deg: Bounds, margin_m: float) -> AnyFrame | None:
    if isinstance(frame, Frame):
        return clipped(frame, bounds_deg, margin_m=margin_m)
    if isinstance(frame, DegreeFrame):
        return part_of(frame, bounds_deg, margin_m=margin_m)
    return part_of_tile(frame.h, frame.v, frame.tile_px, bounds_deg, margin_m=margin_m)


def bands_of(level: str) -> tuple[str, ...]:
    """Return the spectral bands of a level: atmospheric correction leaves no B10."""
    return tuple(b for b in BANDS if level == "L1C" or b != "B10")


def _sentinel2_files(level: str, offset_dn: int) -> Iterator[AssetFile]:
    for band in bands_of(level):
        yield AssetFile(
            COMMON[band][0], f"{band}.tif", band, BANDS[band] // 10, "uint16", 0, 1e-4, -offset_dn * 1e-4
        )
    if level == "L2A":
        yield AssetFile("scl", "SCL.tif", SCENE_CLASS, 2, "uint8", 0, categorical=True)


def _radar_files(kind: str) -> Iterator[AssetFile]:
    for band in ("vh", "vv"):
        if kind == "rtc":
            yield AssetFile(band, f"iw-{band}.rtc.tiff", band.upper(), 1, "float32", -32_768)
        else:
            yield AssetFile(band, f"iw-{band}.tiff", band.upper(), 1, "uint16", 0)


def _enmap_files() -> Iterator[AssetFile]:
    yield AssetFile(
        "image", "SPECTRAL_IMAGE_COG.TIF", "image", 3, "int16", -32_768, 1e-4, 0.0, bands=ENMAP_BANDS
    )
    for name in CLASSES_ENMAP:
        file = f"QL_QUALITY_{name.replace('_', '').upper()}_COG.TIF"
        yield AssetFile(f"quality_{name}", file, name, 3, "uint8", 255, categorical=True)


_MODIS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "13Q1": (
        ("250m_16_days_EVI", "EVI"), ("250m_16_days_NDVI", "NDVI"), ("250m_16_days_MIR_reflectance", "M7"),
        ("250m_16_days_NIR_reflectance", "M2"), ("250m_16_days_red_reflectance", "M1"),
        ("250m_16_days_blue_reflectance", "M3"), ("250m_16_days_pixel_reliability", RANK),
    ),
    "09A1": (*((f"sur_refl_b0{n}", f"M{n}") for n in range(1, 8)), ("sur_refl_state_500m", "state")),
    "43A4": (
        *((f"Nadir_Reflectance_Band{n}", f"M{n}") for n in range(1, 8)),
        *((f"BRDF_Albedo_Band_Mandatory_Quality_Band{n}", "inversion") for n in range(1, 8)),
    ),
    "12Q1": (("LC_Type1", LAND_COVER),),
    LIGHTS: (("AllAngle_Composite_Snow_Free", RADIANCE),),
}  # fmt: skip


_FILLS = {"13Q1": -1000.0, "09A1": -28_672.0, "43A4": 32_767.0}
_CODES = {
    RANK: ("int8", -1.0),
    "state": ("uint16", 65_535.0),
    "inversion": ("uint8", 255.0),
    LAND_COVER: ("uint8", 255.0),
}
"""Types and nodata of what is no quantity."""
_LIGHTS_FILL = -999.9000244140625
"""-999.9 as float32 has it."""


def _modis_files(product: str) -> Iterator[AssetFile]:
    for key, source in _MODIS[product]:
        name = f"{key}.tif"
        if source in _CODES:
            yield AssetFile(key, name, source, 1, *_CODES[source], categorical=True)
        elif source == RADIANCE:
            yield AssetFile(key, name, source, 1, "float32", _LIGHTS_FILL)
        else:
            fill = -3000.0 if "VI" in source else _FILLS[product]
            yield AssetFile(key, name, source, 1, "int16", fill, 1e-4)
