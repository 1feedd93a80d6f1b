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
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
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
from eomap.io.hrefs import gdal_path
from eomap.io.signing import redact
from eomap.kernels.resample import interpolate
from eomap.kernels.warp import Place, Span, control_grids
from eomap.kernels.warp_linear import warp_bilinear
from eomap.kernels.warp_nearest import take_nearest, warp_nearest

OPEN_FILES = 96
METRES_PER_DEGREE = 111_320.0
BLOCK_LIMIT_BYTES = 256 << 20
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

    classifier: Callable[[], CloudClassifier] = load_cloud_network
    """Loads our cloud network, once a process."""

    def __post_init__(self) -> None:
        for name, value in ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        access.keep_out_of_logs()

    def read(self, band: Band, frame: Frame, *, signing: str = "") -> npt.NDArray[Any]:
        """Return raw digital numbers (y, x) on the frame; outside the file the band's nodata, or 0."""
        import rasterio

        attempt, renewed = 0, False
        while True:
            try:
                with access.environment(band.href, signing):
                    return self._read(band, frame, signing)
            except BrokenInputError:
                self._forget(band.href)
                raise
            except rasterio.errors.RasterioError as problem:
                self._forget(band.href)
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

    def _read(self, band: Band, frame: Frame, signing: str) -> npt.NDArray[Any]:
        file = self._file(band.href, signing)
        fill = band.nodata if band.nodata is not None else 0
        out = np.full(frame.shape, fill, dtype=file.dtype)
        smooth = not band.categorical and _pixel_m(file.box) > 1.5 * frame.pixel_m
        if file.place.crs == frame.epsg:
            self._paint_parallel(file, band.index, frame, out, fill=fill, smooth=smooth)
            return out
        for grid in control_grids(frame, file.place):
            window = grid.window(file.place.shape, reach_px=int(smooth))
            if window is None:
                continue
            native, corner = self._window(file, window, band.index), (window[0][0], window[1][0])
            if smooth:
                warp_bilinear(native, grid, corner=corner, nodata=fill, out=out)
            else:
                warp_nearest(native, grid, corner=corner, out=out)
        return out

    def _paint_parallel(
        self, file: "_Raster", index: int, frame: Frame, out: npt.NDArray[Any], *, fill: float, smooth: bool
    ) -> None:
        """Paint what a file in the frame's own zone holds of it over `out`."""
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
        native = self._window(file, ((r0, r1), (c0, c1)), index)
        if smooth:
            out[row_seen, col_seen] = interpolate(native, r - r0, c - c0, nodata=fill)
        else:
            out[row_seen, col_seen] = take_nearest(native, r.astype(np.int64) - r0, c.astype(np.int64) - c0)

    def _window(self, file: "_Raster", window: tuple[Span, Span], index: int) -> npt.NDArray[Any]:
        with self._lock:
            self.decoded_bytes += _block_bytes(file, *window)
        return file.window(*window, index=index)

    def _file(self, href: str, signing: str) -> "_Raster":
        with self._lock:
            if href in self._open:
                self._open.move_to_end(href)
                return self._open[href]
        self._signed[href] = access.signed(href, signing)
        file = _opened(gdal_path(self._signed[href]), href)
        with self._lock:
            self._open[href] = file
            while len(self._open) > OPEN_FILES:
                self._forget(next(iter(self._open)))
        return file

    def _forget(self, href: str) -> None:
        """Close a file, should it be open."""
        file = self._open.pop(href, None)
        if file is not None:
            with contextlib.suppress(OSError):
                file.pixels.close()

    def close(self) -> None:
        """Close every open file."""
        for href in list(self._open):
            self._forget(href)
        self._signed.clear()


@dataclass(frozen=True, slots=True)
class _Raster:
    """An open file: its pixels, read where they are asked for, its place, and the size of its blocks."""

    pixels: Any
    """Blocks where they can be had straight from the file, else xarray.DataArray (b, y, x), not loaded."""
    box: Any
    """odc.geo.GeoBox"""
    place: Place
    """The same as the kernels take it."""
    blocks_yx: tuple[int, int]
    dtype: Any

    def window(self, rows: tuple[int, int], cols: tuple[int, int], *, index: int) -> npt.NDArray[Any]:
        """Return pixels (y, x) of a band, counted from 1, between those rows and columns."""
        if isinstance(self.pixels, Blocks):
            return self.pixels.window(rows, cols, index=index)
        read: npt.NDArray[Any] = self.pixels[index - 1, slice(*rows), slice(*cols)].to_numpy()
        return read


def _opened(path: str, href: str) -> _Raster:
    """Return an open raster; refuse one that would not fit or cannot be placed, before a pixel is read."""
    from odc.geo.geobox import GeoBox

    blocks = blocks_of(path)
    if blocks is not None:
        data = blocks.dataset
        shape, transform, crs = data.shape, data.transform, data.crs
        block, dtype, pixels = data.block_shapes[0], np.dtype(data.dtypes[0]), blocks
    else:
        pixels = _by_gdal(path, href)
        shape, transform, crs = pixels.shape[1:], pixels.rio.transform(), pixels.rio.crs
        said = pixels.encoding["preferred_chunks"]
        block, dtype = (said["y"], said["x"]), pixels.dtype
    if crs is None or transform.is_identity:
        raise BrokenInputError(redact(href), expected="a georeferenced raster", got="no CRS or transform")
    box: Any = GeoBox(shape, transform, crs)
    corner_xy, pixel_xy = (transform.c, transform.f), (transform.a, transform.e)
    place = Place(box.crs.epsg or box.crs.to_wkt(), corner_xy, pixel_xy, tuple(shape))
    file = _Raster(pixels, box, place, tuple(block), dtype)
    size = math.prod(file.blocks_yx) * dtype.itemsize
    if size > BLOCK_LIMIT_BYTES:
        raise BrokenInputError(
            redact(href), expected=f"blocks up to {BLOCK_LIMIT_BYTES >> 20} MiB", got=f"{size >> 20} MiB"
        )
    if not file.box.axis_aligned:
        raise BrokenInputError(redact(href), expected="a north-up raster", got="a rotated one")
    return file


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
    for (start, stop), side, size in zip((rows, cols), file.blocks_yx, file.box.shape, strict=True):
        area *= min(-(-stop // side) * side, size) - start // side * side
    return int(area * file.dtype.itemsize)


def _inside(at_px: npt.NDArray[Any], size: int) -> slice:
    """Return which of evenly spaced positions lie inside a file of that many pixels."""
    seen = np.flatnonzero((at_px >= 0) & (at_px < size))
    return slice(int(seen[0]), int(seen[-1]) + 1) if seen.size else slice(0, 0)


def _pixel_m(box: Any) -> float:
    """Return the height of a file's pixels in metres."""
    return abs(box.affine.e) * (METRES_PER_DEGREE if box.crs.geographic else 1.0)
