"""Plans as tables that open on a map."""

from pathlib import Path

from eomap.core.plan import Plan
from eomap.errors import MisuseError
from eomap.io.place import whole_file


def table_kind(path: str) -> str:
    """Return .parquet or .geojson, by a path's ending; raise MisuseError for another one."""
    kind = Path(path).suffix.lower()
    if kind not in (".parquet", ".geojson"):
        raise MisuseError("--out", expected="a name ending in .parquet or .geojson", got=path)
    return kind


def write_plan(plan: Plan, path: str) -> None:
    """Write one row per tile: id, state, scenes, bytes, memory, seconds, footprint (lon/lat).

    GeoParquet or GeoJSON by the path's ending. Raises MisuseError for another ending or place.
    """
    import geopandas as gpd

    from eomap.core.grid import Tile
    from eomap.core.zones import tile_outline_deg

    kind = table_kind(path)
    rows = [
        {
            "tile": t.tile.id,
            "state": "planned",
            "scenes": len(t.scenes),
            "read_mb": round(t.read_bytes / 1e6, 1),
            "memory_mb": round(t.memory_bytes / 1e6),
            "seconds": t.seconds,
            "key": t.key,
            "geometry": tile_outline_deg(t.tile),
        }
        for t in plan.tasks
    ]
    rows += [
        {
            "tile": t,
            "state": "no scene",
            "scenes": 0,
            "read_mb": 0.0,
            "memory_mb": 0,
            "seconds": 0.0,
            "key": "",
            "geometry": tile_outline_deg(Tile.parse(t)),
        }
        for t in plan.unseen
    ]
    frame = gpd.GeoDataFrame(rows, geometry="geometry", crs="EPSG:4326")
    with whole_file(path) as part:
        if kind == ".parquet":
            frame.to_parquet(part)
        else:
            frame.to_file(part, driver="GeoJSON")
