"""Peer: stackstac and dask on threads. `python by_stackstac.py CATALOG OUT`, bounds in BBOX, zone in EPSG."""

import os
import sys

import dask
import numpy as np
import pystac
import stackstac
import xarray as xr

BANDS, CHUNK = ["B02", "B03", "B04", "B08"], 1024
NOT_CLEAR = [0, 1, 3, 8, 9, 10]

items = sorted(pystac.Catalog.from_file(sys.argv[1]).get_items(recursive=True), key=lambda i: i.datetime)
for item in items:
    item.make_asset_hrefs_absolute()
stack = stackstac.stack(
    [i.to_dict(transform_hrefs=False) for i in items],
    assets=[*BANDS, "SCL"], epsg=int(os.environ["EPSG"]), resolution=10,
    bounds=tuple(map(float, os.environ["BBOX"].split(","))), chunksize=(1, 1, CHUNK, CHUNK), rescale=False,
    fill_value=np.nan, xy_coords="center",
)  # fmt: skip
classes = stack.sel(band="SCL")
clear = ~(classes.isin(NOT_CLEAR) | classes.isnull()).drop_vars("band")
added = [1000.0 if i.properties["s2:processing_baseline"] >= "04.00" else 0.0 for i in items]
seen = stack.sel(band=BANDS).where(clear)
seen = seen.where(seen > 0) - xr.DataArray(added, dims="time", coords={"time": stack.time})
found = seen.chunk({"time": -1}).median("time", skipna=True).fillna(0).round().astype("u2")
out = found.reset_coords(drop=True).to_dataset(dim="band")
out.attrs = {}
for name in out.data_vars:
    out[name].attrs = {}
with dask.config.set(scheduler="threads", num_workers=int(os.environ.get("WORKERS", "2"))):
    out.to_zarr(sys.argv[2], mode="w", zarr_format=3, consolidated=False)
