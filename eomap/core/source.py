"""What was observed: STAC items as eomap sees them, and scenes pinned for a task."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from eomap.core.period import Period


@dataclass(frozen=True, slots=True)
class Asset:
    """One file of an item, as the catalogue describes it (claims, not truths).

    `epsg`, `shape_yx` and `transform` (GDAL-free affine order a, b, c, d, e, f) are None where the
    catalogue is silent; the reader then asks the file.
    """

    name: str
    href: str
    media_type: str = ""
    epsg: int | None = None
    shape_yx: tuple[int, int] | None = None
    transform: tuple[float, ...] | None = None
    scale: float | None = None
    offset: float | None = None
    nodata: float | None = None
    etag: str = ""
    unit: str = ""
    """Unit of the physical values, in the catalogue's own words."""


@dataclass(frozen=True, slots=True)
class Item:
    """One STAC item: footprint in lon/lat degrees, moment in UTC, assets by their name in the catalogue."""

    id: str
    collection: str
    moment: datetime
    footprint_wkb: bytes
    """Polygon or multipolygon in OGC:CRS84, split at the antimeridian."""
    assets: tuple[Asset, ...]
    properties: Mapping[str, Any] = field(default_factory=dict)
    span: tuple[datetime, datetime] | None = None
    """First and last moment, both included, where the catalogue names them: a composite has days of them."""

    def within(self, period: Period) -> bool:
        """Say whether any of it was observed in a period, as catalogues answer."""
        return period.meets(*(self.span or (self.moment, self.moment)))

    def asset(self, name: str) -> Asset | None:
        """Return the asset of that name, or None."""
        return next((a for a in self.assets if a.name == name), None)


@dataclass(frozen=True, slots=True)
class Band:
    """One band of a scene: where its pixels lie and what its digital numbers mean.

    physical = dn * scale + offset, in the band's `unit`; pixels equal to `nodata` are unseen. Numbers of a
    `categorical` band are names, never interpolated.
    """

    name: str
    href: str
    scale: float
    offset: float
    nodata: float | None
    categorical: bool = False
    index: int = 1
    """Which band of the file, counted from 1."""
    unit: str = ""
    """Unit of the physical value where it is not a share: dB, amplitude (the root of a power), or empty."""
    centre_nm: float | None = None
    """Centre wavelength, where it decides: of a file that tells its bands' wavelengths the nearest is meant,
    whatever its number."""
    data_set: str = ""
    """Which data set of a file that holds several (HDF4), by the end of its name."""
    mean_of: tuple[float, float] | None = None
    """Where given, a pixel of a frame is the mean by area of the numbers below it that lie within this range,
    ends included, wherever grids are not parallel; other numbers count as nodata."""

    @property
    def place(self) -> str:
        """What is opened to read it: bands of one place are read together."""
        return f"{self.href}#{self.data_set}" if self.data_set else self.href


@dataclass(frozen=True, slots=True)
class Scene:
    """One acquisition pinned for a task: bands by the sensor's own names (B02, SCL ...)."""

    id: str
    collection: str
    moment: str
    """ISO 8601, UTC."""
    level: str
    """Processing level: L1C or L2A, GRD or RTC."""
    bands: tuple[Band, ...]
    offset_rule: str
    """Which rule decided the offset, for the provenance."""
    footprint_wkb: str
    """Hexadecimal WKB, lon/lat degrees."""
    signing: str = ""
    """How hrefs are signed before they are opened; empty where they are public."""
    etag: str = ""
    sensor: str = ""
    """Which sensor's it is, where the product reads several; empty for the first."""
    synthetic: bool = False
    """Made up, not observed: every map made from it says so."""
    epsg: int = 0
    """CRS of its pixels as far as the catalogue tells; 0 where it does not."""
    orbit: str = ""
    """Which orbit it was seen from, where looks from different ones must stay apart."""
    platform: str = ""
    """Which satellite saw it, where that is worth remembering."""
    cloud_percent: float | None = None
    """What the catalogue says, where a product takes looks one by one."""
    sun_azimuth_deg: float | None = None
    """Clockwise from north."""
    sun_elevation_deg: float | None = None

    def band(self, name: str) -> Band | None:
        """Return the band of that name, or None."""
        return next((b for b in self.bands if b.name == name), None)
