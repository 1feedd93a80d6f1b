"""From an area, a product and a catalogue's answer to a frozen plan. Pure: nothing is read or written."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

import numpy as np
import shapely
from pyproj import Geod

from eomap.core import speckle
from eomap.core.aoi import Aoi
from eomap.core.grid import LATTICE, Frame, Tile, Window, frame_of, tile_epsg, tile_window, window_within
from eomap.core.layer import bytes_of_shard
from eomap.core.period import Period
from eomap.core.plan import Plan, Task, digest
from eomap.core.product import Need, Product
from eomap.core.sensor import Ask
from eomap.core.source import Band, Item, Scene
from eomap.core.tiling import clip_to_tile, parts_of, tiles_of
from eomap.core.zones import tile_outline_deg, to_degrees
from eomap.errors import MisuseError
from eomap.looks import chosen_scenes, paired_scenes
from eomap.sensors import reads_by_band, sensor

_GEOD = Geod(ellps="WGS84")
BLOCKS_PX = (2000, 1000, 500, 250)
"""Sides of blocks that are read with all their bands at once, largest first: multiples of a 100 m cell."""
STRIPS_PX = (3000, 2000, 1000, 500, 250, 100)
"""Rows of blocks that are read band after band, as wide as their frame: the fewer, the fewer blocks of files
are decoded twice."""
PROCESS_BYTES = 600 << 20
"""What a process with a network holds before it sees a pixel: Python, numba, GDAL's cache, torch."""
READER_BYTES = (350 + 128) << 20
"""The same without torch (bench/composite.py, bench/peers), and what a reader keeps of blocks for the next
frame (io.rests)."""
LANDING_SHARDS = 3
"""A shard filled up, encoded, read back."""
MFLOP_PER_SECOND = 70_000.0
"""Of networks in float32: 59,000 to 88,000 on one 2.6 GHz core (bench/README.md)."""
LATTICE_CELLS_PER_SECOND = 1.6e6
"""Of a product without a network, per CPU-second: 10 looks composed, placed, landed (bench/composite.py)."""
MASKED_PIXELS_PER_SECOND = 1e7
"""Of the network that masks clouds, 10 m, per CPU-second (bench/masks.py)."""
READ_BYTES_PER_SECOND, JPEG_2000_BYTES_PER_SECOND = 150e6, 30e6
"""Needed bytes read and masked per CPU-second (bench/README.md)."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked for, with every default filled in."""

    product: Product
    period: Period
    catalog: str
    collection: str
    model: str
    model_sha256: str
    mask: str = "auto"
    extent: str = "aoi"
    extra_layers: tuple[str, ...] = ()
    memory_bytes: int = 6 << 30
    """Budget of one worker."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What makes the product another than its default; see `products.product`."""
    mask_network: str = ""
    """Digest of the network that masks clouds where a scene's mask is one."""
    max_cloud: float | None = None
    """Scenes that the catalogue calls cloudier than this, in percent, are left out; None keeps all."""
    grid: str = "lattice"
    """lattice, utm or EPSG:<zone>; see `core.zones.grid_of`."""
    max_looks: int | None = None
    """Looks that every part of a tile gets at most, the best ones (eomap.looks); None takes all."""
    mflop_per_cell: float = 0.0
    """Of the network."""
    temperature: float = 1.0
    """Of the network's probabilities."""
    runtime: str = "float32"
    """See `Plan.runtime`."""
    ood_sha256: str = ""
    """Of what tells how familiar the network is with what it sees."""
    picture_sha256: str = ""
    """Of the network that makes the picture which the product is made from (`Product.picture`)."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a catalogue holds of one more sensor that a product needs."""

    items: Sequence[Item]
    collection: str
    names: Mapping[str, str] | None = None
    signing: str = ""


def plan_of(
    aoi: Aoi,
    order: Order,
    items: Sequence[Item],
    *,
    names: Mapping[str, str] | None,
    signing: str,
    code: str,
    beside: Mapping[str, Found] | None = None,
) -> Plan:
    """Return the plan; equal inputs give an equal plan whatever the order of `items`.

    `names` maps Sentinel-2 bands to the catalogue's asset names; `beside` has what was found of the product's
    further needs, by sensor. Raises MisuseError when a worker could not hold the smallest task within the
    memory budget.
    """
    first, *others = order.product.needs
    scenes, notes = scenes_of(items, order, names=names, signing=signing)
    parts = parts_of(aoi, order.grid)
    tiles = [tile for part in parts.values() for tile in tiles_of(part)]
    chosen = _scenes_by_tile(parts, tiles, scenes)
    most = first.looks or first.most or order.max_looks
    if most:
        chosen = _best(parts, order, chosen, {i.id: _cloud_cover(i) for i in items}, most)
    for need in others:
        more, said = _beside(need, order, (beside or {}).get(need.of))
        scenes, notes = [*scenes, *more], [*notes, *said]
        chosen, lacking = _joined(parts, order, need, chosen, _scenes_by_tile(parts, tiles, more))
        if lacking:
            notes.append(f"{lacking} tiles without {sensor(need.of).title}: nothing is made there")
    return assembled(aoi, parts, order, chosen, scenes, notes, code=code)


def _beside(need: Need, order: Order, found: Found | None) -> tuple[list[Scene], list[str]]:
    """Return the scenes of a further need, and remarks."""
    title = sensor(need.of).title
    if found is None:
        return [], [f"no {title} in the catalogue: made without"]
    also = replace(order, collection=found.collection, mask=sensor(need.of).masks[0], max_cloud=None)
    scenes, notes = scenes_of(found.items, also, names=found.names, signing=found.signing, need=need)
    return [replace(s, sensor=need.of) for s in scenes], notes


def _joined(
    parts: Mapping[int, Aoi],
    order: Order,
    need: Need,
    chosen: Mapping[Tile, list[Scene]],
    more: Mapping[Tile, list[Scene]],
) -> tuple[dict[Tile, list[Scene]], int]:
    """Return the scenes of each tile with those of a further need, and how many tiles are left without."""
    joined, lacking = {}, 0
    for tile, scenes in chosen.items():
        own, area = more[tile], area_deg(parts[tile.epsg], tile)
        if need.looks:
            own = paired_scenes(own, [s.moment for s in scenes], area.bounds, area=area)
        elif need.most and own:
            own = chosen_scenes(
                own, area.bounds, cloud_percent={}, period=order.period, most=need.most, area=area
            )
        lacking += bool(scenes and not own and not need.optional)
        joined[tile] = [*scenes, *own] if scenes and (own or need.optional) else []
    return joined, lacking


def assembled(
    aoi: Aoi,
    parts: Mapping[int, Aoi],
    order: Order,
    chosen: Mapping[Tile, list[Scene]],
    scenes: Sequence[Scene],
    notes: Sequence[str],
    *,
    code: str,
) -> Plan:
    """Return the plan of the scenes chosen for each tile."""
    tasks = tuple(_task(parts[tile.epsg], order, tile, found) for tile, found in chosen.items() if found)
    used = sorted({s for t in tasks for s in t.scenes})
    by_id = {s.id: s for s in scenes}
    return Plan(
        product=order.product.name,
        product_version=order.product.version,
        code_version=code,
        aoi_hash=aoi.hash,
        aoi_bounds_deg=aoi.bounds_deg,
        extent=order.extent,
        period=str(order.period),
        catalog=order.catalog,
        collection=order.collection,
        model=order.model,
        model_sha256=order.model_sha256,
        mask=order.mask,
        layers=tuple(g.name for g in order.product.layers(order.extra_layers)),
        scenes={s: _fields(by_id[s]) for s in used},
        tasks=tasks,
        unseen=tuple(t.id for t, found in chosen.items() if not found),
        notes=(*aoi.notes, *notes),
        picture_model=order.product.picture.model if order.product.picture else "",
        picture_sha256=order.picture_sha256,
        grid=order.grid,
        runtime=order.runtime,
        settings=dict(order.settings),
    )


def scenes_of(
    items: Sequence[Item],
    order: Order,
    *,
    names: Mapping[str, str] | None,
    signing: str,
    need: Need | None = None,
) -> tuple[list[Scene], list[str]]:
    """Return the usable scenes of a need (the first unless told) by id, and remarks on those set aside."""
    need = need or order.product.needs[0]
    ask = Ask(need.bands, order.mask, order.collection, names, signing)
    found, notes = sensor(need.of).scenes_of(items, ask)
    by_id = {i.id: i for i in items}
    scenes, cloudy, elsewhere = [], 0, 0
    for scene in found:
        if need.orbit and need.orbit not in scene.orbit.split():
            elsewhere += 1
            continue
        item = by_id[scene.id]
        if order.max_cloud is not None and _cloud_cover(item) > order.max_cloud:
            cloudy += 1
            continue
        told = item.properties.get("eo:cloud_cover") if need.looks else None
        scenes.append(
            replace(
                scene,
                synthetic=bool(item.properties.get("eomap:synthetic")),
                cloud_percent=None if told is None else _cloud_cover(item),
            )
        )
    if cloudy:
        notes.append(f"{cloudy} scenes left out: cloudier than {order.max_cloud:g} %")
    if elsewhere:
        notes.append(f"{elsewhere} scenes left out: not of orbit {need.orbit}")
    return sorted(scenes, key=lambda s: s.id), sorted(notes)


def _cloud_cover(item: Item) -> float:
    try:
        return float(item.properties.get("eo:cloud_cover", 0))
    except (TypeError, ValueError):
        return 0.0


def _scenes_by_tile(
    parts: Mapping[int, Aoi], tiles: Sequence[Tile], scenes: Sequence[Scene]
) -> dict[Tile, list[Scene]]:
    """Return, for each tile, the scenes whose footprint meets the box of its cells within the AOI."""
    chosen: dict[Tile, list[Scene]] = {t: [] for t in tiles}
    if not scenes:
        return chosen
    footprints = shapely.from_wkb([bytes.fromhex(s.footprint_wkb) for s in scenes])
    areas = [tile_outline_deg(t) if len(tiles) >= 200 else area_deg(parts[t.epsg], t) for t in tiles]
    pairs = shapely.STRtree(footprints).query(areas, predicate="intersects")
    for tile, scene in zip(*pairs, strict=True):
        chosen[tiles[tile]].append(scenes[scene])
    return chosen


def area_deg(aoi: Aoi, tile: Tile) -> Any:
    """Return the part of an area that lies on a tile, in lon/lat degrees."""
    clip = clip_to_tile(aoi, tile)
    return tile_outline_deg(tile) if clip is None else to_degrees(clip, tile.epsg)


def _best(
    parts: Mapping[int, Aoi],
    order: Order,
    chosen: Mapping[Tile, list[Scene]],
    cloud: Mapping[str, float],
    most: int,
) -> dict[Tile, list[Scene]]:
    """Return, for each tile, the scenes of its best looks."""
    found = {}
    for tile, scenes in chosen.items():
        area = area_deg(parts[tile.epsg], tile)
        found[tile] = chosen_scenes(
            scenes,
            area.bounds,
            cloud_percent=cloud,
            period=order.period,
            most=most,
            area=area,
        )
    return found


def _fields(scene: Scene) -> dict[str, Any]:
    """Return what `asdict` returns of a scene, without its copies of copies: plans hold many."""
    said = {f.name: getattr(scene, f.name) for f in fields(Scene)}
    names = [f.name for f in fields(Band)]
    return {**said, "bands": tuple({n: getattr(b, n) for n in names} for b in scene.bands)}


def _task(aoi: Aoi, order: Order, tile: Tile, scenes: list[Scene]) -> Task:
    product, need = order.product, order.product.needs[0]
    clip = clip_to_tile(aoi, tile)
    window = window_within(tile, product.step, tile.bounds if clip is None else clip.bounds)
    frame = frame_of(
        window,
        tile_epsg(tile),
        cell_px=product.cell_px,
        halo_px=need.halo_px,
        pixel_m=product.pixel_m,
        origin_m=product.origin_m,
    )
    scenes = sorted(scenes, key=lambda s: s.id)
    read = sum(_read_bytes(own, frame, sensor(n.of).bands) for n, own in _by_need(product, scenes) if own)
    block, memory = _block(order, tile, window, frame, scenes, clipped=clip is not None)
    clip_wkb = "" if clip is None else shapely.to_wkb(shapely.normalize(clip), hex=True)
    key = digest(
        [
            product.name,
            product.version,
            product.step,
            order.model_sha256,
            order.mask,
            tile.id,
            {k: v for k, v in asdict(window).items() if (k, v) != ("epsg", LATTICE)},
            clip_wkb,
            order.extra_layers,
            str(order.period),
            # In a zone the scenes of its own pixels come first (`fetch.looks_of`).
            [_identity(s) for s in scenes],
            *([dict(order.settings)] if order.settings else []),
            *([order.mask_network] if networked(order, scenes) else []),
            *([order.ood_sha256] if order.ood_sha256 else []),
            *([{"temperature": order.temperature}] if order.temperature != 1 else []),
            *([order.runtime] if order.runtime != "float32" else []),
            *([order.picture_sha256] if order.picture_sha256 else []),
        ]
    )
    jpeg = any(b.href.lower().endswith(".jp2") for s in scenes for b in s.bands)
    rate = JPEG_2000_BYTES_PER_SECOND if jpeg else READ_BYTES_PER_SECOND
    seconds = read / rate + _making_s(order, window, frame)
    if networked(order, scenes):
        seconds += len(scenes) * frame.height * frame.width / MASKED_PIXELS_PER_SECOND
    return Task(
        tile=tile,
        window=window,
        clip_wkb=clip_wkb,
        scenes=tuple(s.id for s in scenes),
        block_px=block[0],
        block_cols=block[1],
        read_bytes=read,
        memory_bytes=memory,
        seconds=round(seconds, 1),
        key=key,
    )


def networked(order: Order, scenes: Sequence[Scene]) -> bool:
    """Say whether the clouds of any of the scenes are masked by a network."""
    need, own = _by_need(order.product, scenes)[0]
    mask_of = sensor(need.of).mask_of
    return any(mask_of(s, order.mask) == "network" for s in own)


def _by_need(product: Product, scenes: Sequence[Scene]) -> list[tuple[Need, list[Scene]]]:
    """Return the scenes of each need of a product."""
    first = product.needs[0].of
    return [(n, [s for s in scenes if (s.sensor or first) == n.of]) for n in product.needs]


def _identity(scene: Scene) -> list[object]:
    """What makes a pinned scene the same scene: not where its files lie today."""
    return [
        scene.id,
        scene.collection,
        scene.moment,
        scene.level,
        scene.etag,
        scene.epsg,
        [
            [b.name, b.scale, b.offset, b.nodata, *([b.index, b.unit] if b.unit or b.index > 1 else [])]
            for b in scene.bands
        ],
        *([scene.orbit] if scene.orbit else []),
    ]


def _read_bytes(scenes: Sequence[Scene], frame: Frame, side_m: Mapping[str, float]) -> int:
    """Return the bytes of the scenes' pixels under a frame, decoded, in each band's own resolution."""
    box = shapely.box(*frame.bounds_deg())
    footprints = shapely.from_wkb([bytes.fromhex(s.footprint_wkb) for s in scenes])
    shares = shapely.area(shapely.intersection(footprints, box)) / box.area
    pixels = [
        sum((frame.pixel_m / side_m.get(b.name, frame.pixel_m)) ** 2 for b in scene.bands) for scene in scenes
    ]
    return int(np.dot(shares, pixels) * frame.height * frame.width * 2)


def _making_s(order: Order, window: Window, frame: Frame) -> float:
    """Return the seconds from what was read to what is written."""
    product = order.product
    if not product.models:
        return window.shape[0] * window.shape[1] / LATTICE_CELLS_PER_SECOND
    # Networks see the cells of the zone; the lattice is finer from west to east the nearer the pole.
    rows, cols = ((n - 2 * product.needs[0].halo_px) // product.cell_px for n in frame.shape)
    return rows * cols * order.mflop_per_cell / MFLOP_PER_SECOND


def _memory(
    order: Order, tile: Tile, window: Window, frame: Frame, reading: int, *, clipped: bool, torch: bool
) -> int:
    """Return the bytes that a worker takes while its block takes so many."""
    product, need = order.product, order.product.needs[0]
    pixels = frame.height * frame.width
    held = 2 * sum(
        len(n.bands) * max(n.looks, 1) + 1 + n.looks + n.spread + n.days + 3 * n.deviations
        for n in product.needs
    )
    reader = PROCESS_BYTES if torch else READER_BYTES
    if product.models:
        # A worker is a process that predicts and two that ask it: one reads, the other holds what it read, a
        # gap-filled copy and another without the margin.
        return PROCESS_BYTES + 2 * reader + pixels * 4 * held + reading
    # One process: its composite, and first a block, then the layers and the shard that is landing.
    layers = product.layers(order.extra_layers)
    per_cell = 1 + sum(np.dtype(g.dtype).itemsize * max(len(g.bands), 1) for g in layers)
    shard = max(bytes_of_shard(g, window.step) for g in layers)
    # Where a zone's square is wanted whole, its cells are the composite's own pixels; its day is a copy.
    own = window.epsg != LATTICE and window == tile_window(tile, window.step) and not clipped
    copied = 1 + 2 * need.days + 6 * need.deviations if own else per_cell
    placing = window.shape[0] * window.shape[1] * copied + LANDING_SHARDS * shard
    return reader + pixels * held + max(reading, placing)


def _block(
    order: Order, tile: Tile, window: Window, frame: Frame, scenes: Sequence[Scene], *, clipped: bool
) -> tuple[tuple[int, int], int]:
    """Return rows and columns of the largest block that keeps a worker within its budget, and its memory."""
    needs = [(n, own) for n, own in _by_need(order.product, scenes) if own]
    strips = all(not n.looks and reads_by_band(n, _mask(order, n), own) for n, own in needs)
    shapes = ((frame.height, 0), *((n, 0) for n in STRIPS_PX)) if strips else tuple((n, n) for n in BLOCKS_PX)
    for high, wide in shapes:
        block = (min(high, frame.height), min(wide or frame.width, frame.width))
        memory = _memory(
            order,
            tile,
            window,
            frame,
            max(_reading(order, n, own, block, strips=strips) for n, own in needs),
            clipped=clipped,
            torch=networked(order, scenes),
        )
        if memory <= order.memory_bytes:
            return (high, wide), int(memory)
    raise MisuseError(
        f"{order.product.name} {tile.id}",
        expected=f"a task within {order.memory_bytes >> 20} MiB per worker",
        got=f"{memory >> 20} MiB for {len(scenes)} scenes",
        hint="a shorter --period, --max-cloud 60, fewer --workers or a larger --memory",
    )


def _mask(order: Order, need: Need) -> str:
    """Return the mask that a need's scenes are read with."""
    return order.mask if need is order.product.needs[0] else sensor(need.of).masks[0]


def _reading(
    order: Order, need: Need, scenes: Sequence[Scene], block: tuple[int, int], *, strips: bool
) -> int:
    """Return the bytes that a need takes while a block of so many rows and columns is read."""
    bands, looks, margin_of = len(need.bands), len(scenes), sensor(need.of).margin_px
    margin_px = max(margin_of(s, _mask(order, need)) for s in scenes) + speckle.margin_px(need.speckle)
    if need.looks:
        # One look with its temporaries; of a further sensor, as many as are near in time.
        per_pixel = (bands * 2 + 1) * (1 if need is order.product.needs[0] else looks + 1) + 8 * bands
    elif strips:
        # One band of all looks, where each is clear (twice, while it is found), and what one look takes.
        per_pixel = looks * (2 + 2) + 24
    else:
        # All looks, and one more with its temporaries.
        per_pixel = looks * (bands * 2 + 1) + 8 * bands
        if need.speckle != "none":  # the filtered codes, and the powers of one band with their temporaries
            per_pixel += looks * (bands * 2 + 2 * 4 + 8)
    return (block[0] + 2 * margin_px) * (block[1] + 2 * margin_px) * per_pixel


def task_km2(task: Task) -> float:
    """Return the geodesic area that a task maps."""
    epsg = task.tile.epsg
    area = to_degrees(shapely.from_wkb(task.clip_wkb), epsg) if task.clip_wkb else tile_outline_deg(task.tile)
    return abs(_GEOD.geometry_area_perimeter(area)[0]) / 1e6
