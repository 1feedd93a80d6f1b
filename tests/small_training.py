"""A tiny recipe and made-up samples with a rule that a network can find: brightness of one band, per 20 m."""

from dataclasses import replace

import numpy as np
import torch
from torch import nn

from eomap.core.recipe import Picture, Recipe, Variation
from eomap.nn.normalised import Normalised
from eomap.sensors.sentinel2 import LCZ_BANDS
from eomap.training.samples import Array, Samples, Spec


class Small(nn.Module):
    def __init__(self, channels, drop=0.1):
        super().__init__()
        self.one = nn.Conv2d(channels, 8, 3, padding=1)
        self.drop = nn.Dropout(drop)
        self.two = nn.Conv2d(8, 2, 2, stride=2)

    def forward(self, x, aside):
        features = torch.relu(self.one(x))
        y = self.two(self.drop(features))
        return torch.cat([torch.sigmoid(y[:, :1]), y[:, 1:]], dim=1), features.mean(dim=(2, 3))


def small():
    return Normalised(Small(7), [0.0] * 5, [1.0] * 5, groups=(3, 2))


def target(physical):
    return physical["share"][None]


def loss(y, target, valid):
    return (((y[:, :1] - target) ** 2) * valid).sum() / valid.sum().clamp(min=1)


def figures(y, target):
    return {"mae": float(np.nanmean(np.abs(y[:, :1] - target)))}


RECIPE = Recipe(
    product="made-up",
    title="A made-up share",
    architecture="small_training:small",
    pictures=(
        Picture("sentinel-2", ("B02", "B03", "B04"), ("one", "other")),
        Picture("sentinel-1", ("VV", "VH"), ("radar",), optional=True),
    ),
    truth=("share",),
    target=target,
    outputs=("share", "sigma"),
    loss=loss,
    figures=figures,
    best="mae",
    side_px=16,
    step_px=8,
    cell_px=2,
    aside=("lon_deg", "lat_deg"),
    batch=4,
    steps=60,
    rate=2e-2,
    variation=Variation(gain=0.01),
    shown={"red": 2, "green": 1, "blue": 0, "value": 0, "sigma": 1},
)


def samples(count=12, side=24, seed=0):
    """Share = how dark the first band is; a tenth of the truth is unknown, some pixels unseen."""
    rng = np.random.default_rng(seed)
    code = (
        rng.integers(500, 3000, (count, 3, side // 2, side // 2)).repeat(2, 2).repeat(2, 3).astype(np.uint16)
    )
    share = np.rint((3000 - code[:, 0, ::2, ::2]) / 2500 * 10_000).astype(np.uint16)
    share[rng.random(share.shape) < 0.1] = 65_535
    other = code + np.uint16(20)
    code[0, :, :4] = 0
    radar = rng.integers(30_000, 45_000, (count, 2, side, side)).astype(np.uint16)
    specs = {
        "one": Spec("one", (3, side, side), "uint16", of="sentinel-2", bands=("B02", "B03", "B04")),
        "other": Spec("other", (3, side, side), "uint16", of="sentinel-2", bands=("B02", "B03", "B04")),
        "radar": Spec("radar", (2, side, side), "uint16", of="sentinel-1", bands=("VV", "VH")),
        "share": Spec("share", (side // 2,) * 2, "uint16", 20.0, scale=1e-4, nodata=65_535.0),
    }
    values = {"one": code, "other": other, "radar": radar, "share": share}
    third = count // 3
    return Samples(
        "made up",
        {name: Array(specs[name], values[name]) for name in specs},
        np.array(["train"] * (count - 2 * (third // 2)) + ["val"] * (third // 2) + ["test"] * (third // 2)),
        rng.uniform(-50, 50, (count, 2)).astype(np.float32),
        synthetic=True,
    )


def of_ten():
    return Normalised(Small(14, drop=0.0), [0.0] * 12, [1.0] * 12, groups=(10, 2))


def settled(physical):
    return physical["settlement"][None]


ON_TWIN = replace(
    RECIPE,
    product="settlement-try",
    title="Settlement, to try the loop",
    architecture="small_training:of_ten",
    pictures=(
        Picture("sentinel-2", LCZ_BANDS, ("s2_l2a_year",)),
        Picture("sentinel-1", ("VV", "VH"), ("s1_year",), optional=True),
    ),
    truth=("settlement",),
    target=settled,
    side_px=32,
    step_px=16,
    steps=8,
)
