"""Plan Africa at 10 m for one year from millions of made-up items; print seconds, CPU and memory as JSON.

    python bench/plan_africa.py make ITEMS.parquet AREA.geojson [DAYS_APART]
    python bench/plan_africa.py plan ITEMS.parquet AREA.geojson [MAX_LOOKS]

`make` writes Sentinel-2 like items: squares of 110 km every 100 km of each UTM zone that meet the area, one
pass every DAYS_APART days (1: more than three satellites give), each processed twice, in three outlines. No
file behind them exists; all are `eomap:synthetic`. `plan` does what `eomap plan` does, from a new process.
"""

import json
import os
import platform
import resource
import sys
import time
from datetime import UTC, datetime, timedelta

YEAR, BATCH_DAYS = 2024, 10
BANDS = ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12", "SCL")
LETTERS = "ABCDEFGHJKLMNPQRSTUVWX"


def squares(area):
    """Return names (5 characters) and three outlines (n, 3) of the squares that meet an area."""
    import numpy as np
    import shapely
    from pyproj import Transformer

    names, outlines = [], []
    west, south, east, north = area.bounds
    shapely.prepare(area)
    for zone in range(int((west + 180) // 6) + 1, int((east + 180) // 6) + 2):
        to_degrees = Transformer.from_crs(32600 + zone, 4326, always_xy=True)
        for row in range(int(south * 1.11) - 1, int(north * 1.11) + 2):
            for col in range(1, 9):
                x, y = col * 1e5, row * 1e5
                parts = [(0, 1), (0, 0.6), (0.3, 1)]
                shapes = [shapely.box(x + a * 110e3, y - 10e3, x + b * 110e3, y + 100e3) for a, b in parts]
                moved = [shapely.transform(s, to_degrees.transform, interleaved=False) for s in shapes]
                centre = (moved[0].bounds[0] + moved[0].bounds[2]) / 2
                if int((centre + 180) // 6) + 1 == zone and shapely.intersects(area, moved[0]):
                    letter, last = divmod(row + 100, 22)
                    names.append(f"{zone:02d}{LETTERS[letter]}{LETTERS[col]}{LETTERS[last]}")
                    outlines.append(moved)
    return np.array(names), np.array(outlines, dtype=object)


def make(path: str, aoi: str, apart: int = 1) -> dict:
    import geopandas as gpd
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq
    import shapely

    from eomap.io.item_table import _GEO

    names, outlines = squares(shapely.union_all(gpd.read_file(aoi).geometry))
    wkb, bounds = shapely.to_wkb(outlines), shapely.bounds(outlines)
    dice = np.random.default_rng(7)
    writer, total = None, 0
    days = np.arange(0, 366, apart)
    for first in range(0, len(days), BATCH_DAYS):
        grid = np.meshgrid(days[first : first + BATCH_DAYS], np.arange(len(names)), [0, 1], indexing="ij")
        day, place, twin = (g.ravel() for g in grid)
        part = (day + place) % 3
        moment = [datetime(YEAR, 1, 1, 10, tzinfo=UTC) + timedelta(days=int(d)) for d in days]
        stamp = pa.array([f"{m:%Y%m%dT%H%M%S}" for m in moment]).take(pa.array(day // apart))
        square, base = pa.array(names[place]), pa.array(np.array(["02.14", "05.10"])[twin])
        short = pa.array(np.array(["0214", "0510"])[twin])
        name = pc.binary_join_element_wise("S2A_MSIL2A_", stamp, "_N", short, "_R001_T", square, "")
        folder = pc.binary_join_element_wise("https://example.com/made-up/", square, "/", name, "/", "")
        tif = pa.array(["image/tiff; application=geotiff"] * len(day)).dictionary_encode()
        hrefs = [pc.binary_join_element_wise(folder, f"{b}.tif", "") for b in BANDS]
        assets = [pa.StructArray.from_arrays([href, tif], ["href", "type"]) for href in hrefs]
        box = bounds[place, part]
        at = (np.datetime64(f"{YEAR}-01-01T10:00:00") + day * np.timedelta64(1, "D")).astype("datetime64[us]")
        table = pa.table(
            {
                "type": pa.array(["Feature"] * len(day)),
                "stac_version": pa.array(["1.1.0"] * len(day)),
                "id": name,
                "collection": pa.array(["sentinel-2-l2a"] * len(day)),
                "datetime": pa.array(at + twin * np.timedelta64(1, "s"), pa.timestamp("us", tz="UTC")),
                "geometry": pa.array(wkb[place, part], pa.binary()),
                "bbox": pa.StructArray.from_arrays(list(box.T), ["xmin", "ymin", "xmax", "ymax"]),
                "assets": pa.StructArray.from_arrays(assets, list(BANDS)),
                "eo:cloud_cover": pa.array(np.round(100 * dice.beta(0.6, 0.8, len(day)), 2)),
                "platform": pa.array(["sentinel-2a"] * len(day)),
                "s2:mgrs_tile": square,
                "s2:processing_baseline": base,
                "eomap:synthetic": pa.array(np.ones(len(day), bool)),
            }
        ).replace_schema_metadata({b"geo": json.dumps(_GEO).encode()})
        writer = writer or pq.ParquetWriter(path, table.schema, compression="zstd")
        writer.write_table(table)
        total += len(day)
    writer.close()
    return {"items": total, "squares": len(names), "bytes": os.path.getsize(path)}


def plan(path: str, aoi: str, looks: int = 8) -> dict:
    import pyarrow.parquet as pq

    from eomap import api

    began, cpu = time.perf_counter(), time.process_time()
    made = api.plan(aoi, product="composite", catalog=path, period=str(YEAR), max_looks=looks)
    wall, cpu = time.perf_counter() - began, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    text = json.dumps(made.to_json())
    return {
        "items": pq.read_metadata(path).num_rows,
        "max_looks": looks,
        "wall_s": round(wall, 1),
        "cpu_s": round(cpu, 1),
        "peak_bytes": peak * 1024,
        "tiles": len(made.tasks),
        "unseen": len(made.unseen),
        "scenes": len(made.scenes),
        "scenes_per_tile": round(sum(len(t.scenes) for t in made.tasks) / len(made.tasks), 1),
        "json_bytes": len(text),
        "json_s": round(time.perf_counter() - began, 1),
        "run_id": made.run_id,
    }


def main() -> None:
    what, path, aoi, *more = sys.argv[1:]
    said = {"make": make, "plan": plan}[what](path, aoi, *map(int, more))
    here = {"machine": platform.machine(), "cpus": os.cpu_count(), "load": os.getloadavg()[0]}
    print(json.dumps({**here, "synthetic": True, **said}))


if __name__ == "__main__":
    main()
