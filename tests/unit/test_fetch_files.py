"""Frames of scenes whose bands share a file: a block of a scene is asked for once, with all its bands."""

from dataclasses import dataclass, field, replace

import numpy as np
from made_up import EPSG, TILE, edge_within, job, scene

from eomap.core.grid import Window, tile_cells, tile_window
from eomap.core.source import Band
from eomap.products import product
from eomap.worker import sight_of

BANDS = ("B010", "B050", "B100")


@dataclass
class Files:
    """A reader of smooth files, that remembers what it was asked for."""

    asked: list = field(default_factory=list)

    def read(self, band, frame, *, signing=""):
        return self.read_many((band,), frame, signing=signing)[0]

    def read_many(self, bands, frame, *, signing=""):
        self.asked.append((bands[0].href, frame.x0, frame.y0, tuple(b.name for b in bands)))
        x = frame.x0 // 30 + np.arange(frame.width)[None, :]
        y = frame.y0 // 30 - np.arange(frame.height)[:, None]
        made = []
        for band in bands:
            if band.categorical:
                made.append(((x // 9 + y // 7) % 4 == 0).astype(np.uint8) + 0 * x)
            else:
                seed = band.index * 31 + len(band.href) * 7
                value = (x * 13 + y * 17 + seed) % 4000 - 5
                made.append(np.where(x * 30 < edge_within(TILE), value, -32768).astype(np.int16))
        return made

    def close(self):
        """Nothing is open."""


def enmap_scene(name, day):
    plain = scene(name, day, box=(12.0, 51.5, 13.5, 53.0))
    bands = [Band(b, name, 1e-4, 0.0, -32768.0, index=int(b[1:])) for b in BANDS]
    mask = Band("quality_cloud", name + "-cloud", 1.0, 0.0, None, categorical=True)
    return replace(plain, bands=(*bands, mask), level="L2A")


def composite(block_px, *, bands=BANDS):
    made = product("composite", {"sensor": "enmap", "bands": list(bands)})
    n, whole = tile_cells(made.step), tile_window(TILE, made.step)
    row0, col0 = whole.row0 + n // 3, whole.col0 + n // 3
    window = Window(made.step, row0, row0 + n // 5, col0, col0 + n // 5)
    scenes = (
        enmap_scene("a", "2024-06-01"),
        enmap_scene("bb", "2024-06-11"),
        enmap_scene("ccc", "2024-06-11"),
    )
    reader = Files()
    todo = replace(job(TILE, window, scenes, block_px=block_px, mask="auto"), product=made)
    return sight_of(todo, reader), reader.asked


def test_a_block_of_a_scene_is_asked_for_once_with_all_its_bands():
    found, asked = composite(250)
    assert len(asked) == len(set(asked)) and (found.first.n_clear_yx == 2).any()
    images = [a for a in asked if not a[0].endswith("-cloud")]
    assert images and {a[3] for a in images} == {BANDS}
    assert len({a[1:3] for a in images}) > 1, "one block proves little"


def test_blocks_do_not_matter_nor_whether_bands_come_one_by_one():
    whole, part = composite(2000)[0], composite(250)[0]
    np.testing.assert_array_equal(whole.first.code_byx, part.first.code_byx)
    np.testing.assert_array_equal(whole.first.n_clear_yx, part.first.n_clear_yx)
    alone = [composite(2000, bands=(b,))[0] for b in BANDS]
    for n, one in enumerate(alone):
        np.testing.assert_array_equal(one.first.code_byx[0], whole.first.code_byx[n])
        np.testing.assert_array_equal(one.first.n_clear_yx, whole.first.n_clear_yx)
    assert whole.frame.epsg == EPSG and (whole.first.n_clear_yx == 0).any()
