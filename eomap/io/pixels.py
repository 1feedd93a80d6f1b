"""Pixels of a band on a frame, read with rioxarray: only the windows needed, native where zones agree.

Rule for every resampling in here, by exact position of each frame pixel's centre: 10 m bands and classes
take the pixel that holds it (in the frame's own zone a copy of native pixels), 20 and 60 m bands are
linear between their pixel centres (`kernels.resample`; docs/explanation/lcz-havel.md says why). In another
zone positions come from a control grid (`kernels.warp`).
"""

import contextlib
import math
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from eomap.core.grid import Frame
from eomap.core.ports import CloudClassifier
from eomap.core.source import Band
from eomap.errors import BrokenInputError, TransientError
from eomap.io import access
from eomap.io.blocks import Blocks, blocks_of
from eomap.io.cloud_weights import load_cloud_network
from eomap.io.hdf4 import DataSet, data_set
from eomap.io.hrefs import gdal_path
from eomap.io.memory import keep_warm
from eomap.io.rests import Rests
from eomap.io.signing import redact
from eomap.io.wavelengths import described_centres_nm, nearest_band
from eomap.kernels.resample import interpolate
from eomap.kernels.warp import Place, Span, control_grids
from eomap.kernels.warp_area import warp_average
from eomap.kernels.warp_linear import warp_bilinear
from eomap.kernels.warp_nearest import take_nearest, warp_nearest

OPEN_FILES = 192
_ROTATED = 1e-10
"""Units of a CRS by which a pixel may lean."""
METRES_PER_DEGREE = 111_320.0
BLOCK_LIMIT_BYTES = 256 << 20
HELD_LIMIT_BYTES = 16 << 20
"""An open file keeps its last block, all bands of it; where that is more, it is closed after each reading."""
_TRANSIENT = (
    "timed out",
    "timeout",
    "HTTP response code: 5",
    "HTTP response code: 429",
    "HTTP error code: 5",
    "HTTP response code: 403",
    "connection",
    "CURL error",
    "SlowDown",
    "Recv failure",
)
_UNHEARD = "does not exist in the file system"
"""What GDAL says of a host that did not answer; of a file that the host lacks it says the 404."""
_CUT_OFF = "got 0 bytes"
"""What it says where a host stops answering for an open file: its token ran out, or the file ends there."""
_FORBIDDEN = "response code: 403"
_ATTEMPTS, _FIRST_WAIT_S = 4, 0.5

ENVIRONMENT = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_NUM_THREADS": "1",
    "GDAL_CACHEMAX": "128",
    "GDAL_HTTP_TIMEOUT": "60",
    "GDAL_HTTP_CONNECTTIMEOUT": "20",
    "VSI_CACHE": "TRUE",
    "GDAL_SKIP": "VRT",
    # Else a failed answer is remembered, and asking again asks nobody.
    "CPL_VSIL_CURL_NON_CACHED": "/vsicurl/",
}


@dataclass
class RasterReader:
    """The pixel port over rioxarray and GDAL; keeps the files of one worker open while its frame is read."""

    decoded_bytes: int = 0
    """Bytes of pixels asked of the decoder so far, in whole blocks; some may have come from its cache."""
    _open: "OrderedDict[str, Any]" = field(default_factory=OrderedDict, repr=False)
    _lock: Any = field(default_factory=threading.Lock, repr=False)
    """Threads may share a reader as long as each reads files of its own."""
    _signed: dict[str, str] = field(default_factory=dict, repr=False)
    """Open hrefs as they were signed: what to call refused when a host stops answering."""

    rests: Rests = field(default_factory=Rests, repr=False)
    """What frames left over of the blocks they cut."""
    classifier: Callable[[], CloudClassifier] = load_cloud_network
    """Loads our cloud network, once a process."""

    def __post_init__(self) -> None:
        for name, value in ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        access.keep_out_of_logs()
        keep_warm()

    def read(self, band: Band, frame: Frame, *, signing: str = "") -> npt.NDArray[Any]:
        """Return raw digital numbers (y, x) on the frame; outside the file the band's nodata, or 0."""
        return self.read_many((band,), frame, signing=signing)[0]

    def read_many(self, bands: Sequence[Band], frame: Frame, *, signing: str = "") -> list[npt.NDArray[Any]]:
        """Return what `read` does for each of several bands of one file, all measured or all categorical."""
        import rasterio

        band = bands[0]
        attempt, renewed = 0, False
        while True:
            try:
                with access.environment(band.href, signing):
                    made = self._read(bands, frame, signing)
                file = self._open.get(band.place)
                if file is not None and file.held_bytes > HELD_LIMIT_BYTES:
                    self._forget(band.place)
                return made
            except BrokenInputError:
                self._forget(band.place)
                raise
            except rasterio.errors.RasterioError as problem:
                self._forget(band.place)
                text = " ".join(_causes(problem)).lower()
                remote = "://" in band.href
                cut_off = remote and _CUT_OFF in text and attempt + 1 < _ATTEMPTS  # else the file ends there
                unheard = remote and _UNHEARD in text
                if not cut_off and not unheard and not any(mark.lower() in text for mark in _TRANSIENT):
                    raise BrokenInputError(
                        redact(band.href),
                        expected="a readable GeoTIFF or JPEG 2000",
                        got=redact(str(problem))[:200],
                    ) from None
                attempt += 1
                if signing and (cut_off or _FORBIDDEN in text):
                    access.refused(self._signed.get(band.href, ""), signing)
                    attempt, renewed = (_ATTEMPTS if renewed else attempt), True
                if attempt == _ATTEMPTS:
                    raise TransientError(
                        redact(band.href),
                        expected="an answer",
                        got=redact(str(problem))[:200],
                        hint="run the same command again to continue",
                    ) from None
                time.sleep(_FIRST_WAIT_S * 2 ** (attempt - 1))

    def _read(self, bands: Sequence[Band], frame: Frame, signing: str) -> list[npt.NDArray[Any]]:
        file = self._file(bands[0], signing)
        numbers = [file.number_of(b) for b in bands]
        fills = [b.nodata if b.nodata is not None else 0 for b in bands]
        outs = [np.full(frame.shape, fill, dtype=file.dtype) for fill in fills]
        smooth = not bands[0].categorical and file.pixel_m > 1.5 * frame.pixel_m
        if file.place.crs == frame.epsg:
            self._paint_parallel(file, numbers, frame, outs, fills=fills, smooth=smooth)
            return outs
        if bands[0].mean_of is not None:
            self._paint_means(file, bands, frame, outs)
            return outs
        for grid in control_grids(frame, file.place):
            window = grid.window(file.place.shape, reach_px=int(smooth))
            if window is None:
                continue
            corner = (window[0][0], window[1][0])
            natives = self._windows(file, window, numbers, grid.skew_px())
            for native, fill, out in zip(natives, fills, outs, strict=True):
                if smooth:
                    warp_bilinear(native, grid, corner=corner, nodata=fill, out=out)
                else:
                    warp_nearest(native, grid, corner=corner, out=out)
        return outs

    def _paint_parallel(
        self,
        file: "_Raster",
        numbers: Sequence[int],
        frame: Frame,
        outs: Sequence[npt.NDArray[Any]],
        *,
        fills: Sequence[float],
        smooth: bool,
    ) -> None:
        """Paint what a file in the frame's own zone holds of it over `outs`."""
        (x0, y0), (dx, dy) = file.place.corner_xy, file.place.pixel_xy
        (height, width), reach = file.place.shape, int(smooth)
        rows = (frame.y0 - (np.arange(frame.height) + 0.5) * frame.pixel_m - y0) / dy
        cols = (frame.x0 + (np.arange(frame.width) + 0.5) * frame.pixel_m - x0) / dx
        row_seen, col_seen = _inside(rows, height), _inside(cols, width)
        r, c = rows[row_seen], cols[col_seen]
        if not (r.size and c.size):
            return
        r0, r1 = max(int(r.min()) - reach, 0), min(int(r.max()) + 1 + reach, height)
        c0, c1 = max(int(c.min()) - reach, 0), min(int(c.max()) + 1 + reach, width)
        r, c = r - r0, c - c0
        window = (r0, r1), (c0, c1)
        if not smooth and isinstance(file.pixels, Blocks) and _one_by_one(r) and _one_by_one(c):
            for number, out in zip(numbers, outs, strict=True):  # pixel by pixel the frame's own
                self._fill(file.pixels, out[row_seen, col_seen], window, number)
            return
        for native, fill, out in zip(self._windows(file, window, numbers), fills, outs, strict=True):
            if smooth:
                out[row_seen, col_seen] = interpolate(native, r, c, nodata=fill)
            else:
                out[row_seen, col_seen] = take_nearest(native, r.astype(np.int64), c.astype(np.int64))

    def _paint_means(
        self, file: "_Raster", bands: Sequence[Band], frame: Frame, outs: Sequence[npt.NDArray[Any]]
    ) -> None:
        """Paint means by area of the numbers that count over `outs`."""
        for grid in control_grids(frame, file.place, at_corners=True):
            window = grid.window(file.place.shape, reach_px=1)
            if window is None:
                continue
            natives = self._windows(file, window, [file.number_of(b) for b in bands])
            for native, band, out in zip(natives, bands, outs, strict=True):
                (low, high), fill = band.mean_of or (-math.inf, math.inf), band.nodata or 0
                counted = np.where((native >= low) & (native <= high), native, fill).astype(native.dtype)
                corner = (window[0][0], window[1][0])
                mean = warp_average(counted, grid, corner=corner, nodata=fill)
                np.copyto(out, mean, where=mean != fill)

    def _windows(
        self,
        file: "_Raster",
        window: tuple[Span, Span],
        numbers: Sequence[int],
        slack_yx: tuple[int, int] = (0, 0),
    ) -> Iterable[npt.NDArray[Any]]:
        """Return pixels (y, x) of bands, counted from 1, in a window."""
        if not isinstance(file.pixels, Blocks):
            self._count(_block_bytes(file, *window) * len(numbers))
            return file.windows(*window, numbers)
        shape = [stop - start for start, stop in window]
        made = [np.empty(shape, file.dtype) for _ in numbers]
        for out, number in zip(made, numbers, strict=True):
            self._fill(file.pixels, out, window, number, slack_yx)
        return made

    def _fill(
        self,
        blocks: Blocks,
        out: npt.NDArray[Any],
        window: tuple[Span, Span],
        number: int,
        slack_yx: tuple[int, int] = (0, 0),
    ) -> None:
        self._count(blocks.fill(out, *window, index=number, rests=self.rests, slack_yx=slack_yx))

    def _count(self, decoded_bytes: int) -> None:
        with self._lock:
            self.decoded_bytes += decoded_bytes

    def _file(self, band: Band, signing: str) -> "_Raster":
        place, href = band.place, band.href
        with self._lock:
            if place in self._open:
                self._open.move_to_end(place)
                return self._open[place]
        self._signed[href] = access.signed(href, signing)
        path = gdal_path(self._signed[href])
        file = _opened_hdf4(path, band) if band.data_set else _opened(path, href)
        with self._lock:
            self._open[place] = file
            while len(self._open) > OPEN_FILES:
                self._forget(next(iter(self._open)))
        return file

    def _forget(self, href: str) -> None:
        """Close a file, should it be open."""
        file = self._open.pop(href, None)
        if file is not None:
            with contextlib.suppress(OSError):
                file.pixels.close()

    def next_frame(self) -> None:
        """Give up what earlier frames left over too long ago."""
        self.rests.turn()

    def close(self) -> None:
        """Close every open file."""
        self.rests = Rests()
        for href in list(self._open):
            self._forget(href)
        self._signed.clear()


@dataclass(frozen=True, slots=True)
class _Raster:
    """An open file: its pixels, read where they are asked for, its place, and the size of its blocks."""

    pixels: Any
    """Blocks where they can be had straight from the file, else xarray.DataArray (b, y, x), not loaded."""
    place: Place
    pixel_m: float
    """Height of its pixels."""
    blocks_yx: tuple[int, int]
    dtype: Any

    centres_nm: tuple[float, ...] = ()
    """Centre wavelength of each band, where the file tells them."""
    held_bytes: int = 0
    """What an open file keeps of its last block."""

    def number_of(self, band: Band) -> int:
        """Return which band of the file, counted from 1, a band is."""
        if band.centre_nm is None or not self.centres_nm:
            return band.index
        return nearest_band(band, self.centres_nm)

    def windows(
        self, rows: tuple[int, int], cols: tuple[int, int], numbers: Sequence[int]
    ) -> Iterable[npt.NDArray[Any]]:
        """Return pixels (y, x) of bands, counted from 1, between those rows and columns."""
        if isinstance(self.pixels, DataSet):
            return [self.pixels.window(rows, cols, index=n) for n in numbers]
        at = [n - 1 for n in numbers]  # together: a block with the pixels of all bands is decoded once
        read: npt.NDArray[Any] = self.pixels[at, slice(*rows), slice(*cols)].to_numpy()
        return read


def _opened(path: str, href: str) -> _Raster:
    """Return an open raster; refuse one that would not fit or cannot be placed, before a pixel is read."""
    blocks = blocks_of(path)
    if blocks is not None:
        data = blocks.dataset
        shape, transform, crs = data.shape, data.transform, data.crs
        block, dtype, pixels = data.block_shapes[0], np.dtype(data.dtypes[0]), blocks
        said, held_bytes = data.descriptions, 0
    else:
        pixels = _by_gdal(path, href)
        shape, transform, crs = pixels.shape[1:], pixels.rio.transform(), pixels.rio.crs
        chunks = pixels.encoding["preferred_chunks"]
        block, dtype = (chunks["y"], chunks["x"]), pixels.dtype
        said = pixels.attrs.get("long_name", ())
        held_bytes = pixels.shape[0] * math.prod(block) * dtype.itemsize  # if bands are interleaved by pixel
    if crs is None or transform.is_identity:
        raise BrokenInputError(redact(href), expected="a georeferenced raster", got="no CRS or transform")
    if max(abs(transform.b), abs(transform.d)) > _ROTATED:
        raise BrokenInputError(redact(href), expected="a north-up raster", got="a rotated one")
    corner_xy, pixel_xy = (transform.c, transform.f), (transform.a, transform.e)
    code, geographic = _system(crs.to_wkt())
    place = Place(code, corner_xy, pixel_xy, tuple(shape))
    centres_nm = () if isinstance(said, str) else described_centres_nm(said)
    pixel_m = abs(transform.e) * (METRES_PER_DEGREE if geographic else 1.0)
    file = _Raster(pixels, place, pixel_m, tuple(block), dtype, centres_nm, held_bytes)
    size = math.prod(file.blocks_yx) * dtype.itemsize
    if size > BLOCK_LIMIT_BYTES:
        raise BrokenInputError(
            redact(href), expected=f"blocks up to {BLOCK_LIMIT_BYTES >> 20} MiB", got=f"{size >> 20} MiB"
        )
    return file


@lru_cache(maxsize=64)
def _system(wkt: str) -> tuple[int | str, bool]:
    """Return a CRS by its EPSG code, else as WKT, and whether it is one of longitude and latitude."""
    from pyproj import CRS

    crs = CRS.from_wkt(wkt)
    return crs.to_epsg() or crs.to_wkt(), crs.is_geographic


def _opened_hdf4(path: str, band: Band) -> _Raster:
    found = data_set(path, band.data_set)
    (a, _, c, _, e, f), shape, wkt = found.transform, found.grid.shape, found.wkt
    pixel_m = abs(e) * (METRES_PER_DEGREE if _system(wkt)[1] else 1.0)
    return _Raster(found, Place(wkt, (c, f), (a, e), shape), pixel_m, shape, found.dtype)


def _by_gdal(path: str, href: str) -> Any:
    import rioxarray

    # The driver is named, or GDAL would follow a VRT in disguise to any local file.
    driver = "JP2OpenJPEG" if href.lower().endswith(".jp2") else "GTiff"
    return rioxarray.open_rasterio(path, driver=driver, parse_coordinates=False, cache=False)


def _causes(problem: BaseException | None) -> Iterator[str]:
    """Yield what was said, from the last word back to the first: GDAL tells the reason at the bottom."""
    while problem is not None:
        yield str(problem)
        problem = problem.__cause__


def _block_bytes(file: _Raster, rows: tuple[int, int], cols: tuple[int, int]) -> int:
    """Return the bytes of all blocks that a window touches: a codec decodes no less."""
    area = 1
    for (start, stop), side, size in zip((rows, cols), file.blocks_yx, file.place.shape, strict=True):
        area *= min(-(-stop // side) * side, size) - start // side * side
    return int(area * file.dtype.itemsize)


def _inside(at_px: npt.NDArray[Any], size: int) -> slice:
    """Return which of evenly spaced positions lie inside a file of that many pixels."""
    seen = np.flatnonzero((at_px >= 0) & (at_px < size))
    return slice(int(seen[0]), int(seen[-1]) + 1) if seen.size else slice(0, 0)


def _one_by_one(at_px: npt.NDArray[Any]) -> bool:
    """Say whether positions name a file's pixels one after the other."""
    index = at_px.astype(np.int64)
    return bool(index[-1] - index[0] == index.size - 1 and (np.diff(index) == 1).all())
