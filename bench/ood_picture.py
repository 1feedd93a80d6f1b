"""Draw docs/images/ood.png: a made-up scene, half of it under a shift, the LCZ map, its confidence and `ood`.

    EOMAP_SHARED=../shared python bench/ood_picture.py [--kind saturation]

Synthetic from end to end. The place is the first test place of the twin around which the shift covers
between a third and two thirds. One thread, about a minute.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import ood_shifts  # noqa: F401  says where the weights are
import torch
from PIL import Image, ImageDraw

from eomap.core.grid import Frame
from eomap.core.lcz_legend import LEGEND
from eomap.io.registry import model
from eomap.io.weights import load_network, weights_path
from eomap.nn.windows import Windowed
from eomap.training.places import Place, places
from eomap.training.twin_parts import clearest
from eomap.training.twin_samples import TwinOrder
from eomap.training.twin_views import Views
from eomap.twin.earth import points_of
from eomap.twin.shift import Kind, Shift, where
from eomap.twin.world import World

OUT = Path(__file__).parents[1] / "docs/images/ood.png"
SIDE_PX, LOOKS, ZOOM, HALO_PX, GAP_PX, TITLE_PX = 540, 3, 7, 40, 8, 18
NETWORK = "so2sat-resnet20"


def around(place: Place) -> Frame:
    """Return a larger frame around a place."""
    more = (SIDE_PX - 270) // 60 * 30 * 10
    return Frame(place.epsg, place.x0 - more, place.y0 + more, SIDE_PX, SIDE_PX)


def half_under(kind: Kind) -> Place:
    """Return the first test place half of whose surroundings are under a shift."""
    order = TwinOrder()
    for place in places(order.counts, seed=order.seed, side_px=order.side_px):
        if place.split == "test" and place.kind in ("city", "village"):
            points = points_of(around(place), every_px=20)
            share = where(Shift(kind), points, np.zeros(points.shape, bool), order.seed).mean()
            if 1 / 3 < share < 2 / 3:
                return place
    raise SystemExit(f"no place is half under {kind}")


def panel(rgb_yxb: np.ndarray, title: str, side: int) -> Image.Image:
    """Return an array as a square picture with a title above it."""
    image = Image.new("RGB", (side, side + TITLE_PX), "white")
    image.paste(
        Image.fromarray(rgb_yxb.astype(np.uint8)).resize((side, side), Image.Resampling.NEAREST),
        (0, TITLE_PX),
    )
    ImageDraw.Draw(image).text((1, 3), title, fill="black")
    return image


def ramp(value_yx: np.ndarray, low: tuple, high: tuple) -> np.ndarray:
    """Return numbers from 0 to 1 as colours between two (y, x, b)."""
    share = np.clip(value_yx, 0, 1)[..., None]
    return np.asarray(low) * (1 - share) + np.asarray(high) * share


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kind", default="saturation", choices=[k.value for k in Kind])
    kind = Kind(parser.parse_args().kind)
    torch.set_num_threads(1)
    place = half_under(kind)
    frame = around(place)
    views = Views(World(TwinOrder().seed, shift=Shift(kind)), frame, place.year)
    code = views.picture(clearest(views, views.optical_passes(), LOOKS), level="L1C")[0]
    entry = model(NETWORK)
    network = Windowed(load_network(replace(entry), weights_path(entry)))
    cut = HALO_PX - network.halo_px
    inner = np.ascontiguousarray(code[:, cut : SIDE_PX - cut, cut : SIDE_PX - cut])
    cells = (SIDE_PX - 2 * HALO_PX) // 10
    origin = -frame.y0 // 100 + HALO_PX // 10, frame.x0 // 100 + HALO_PX // 10
    value = network(inner, np.ones((cells, cells), bool), origin_rc=origin)
    colours = np.array([[int(c.color[i : i + 2], 16) for i in (0, 2, 4)] for c in LEGEND])
    seen = code[[2, 1, 0], HALO_PX:-HALO_PX, HALO_PX:-HALO_PX] / 10_000
    light = np.clip((seen - 0.03) / 0.25, 0, 1) ** (1 / 1.8) * 255
    side = cells * ZOOM
    grey = (235, 235, 235)
    panels = [
        panel(np.moveaxis(light, 0, -1), f"synthetic scene, {kind} in a part", side),
        panel(colours[value[:17].argmax(axis=0)], "local climate zones", side),
        panel(ramp(value[:17].max(axis=0), grey, (20, 60, 140)), "confidence (0 grey, 1 blue)", side),
        panel(ramp(value[17], grey, (170, 20, 20)), "ood (0 grey, 1 red)", side),
    ]
    whole = Image.new("RGB", (len(panels) * (side + GAP_PX) - GAP_PX, side + TITLE_PX), "white")
    for n, image in enumerate(panels):
        whole.paste(image, (n * (side + GAP_PX), 0))
    whole.quantize(256, method=Image.Quantize.MEDIANCUT).save(OUT, optimize=True)
    print(f"{OUT.name}: {place.kind} at {place.lon_deg:.2f} {place.lat_deg:.2f}")


if __name__ == "__main__":
    main()
