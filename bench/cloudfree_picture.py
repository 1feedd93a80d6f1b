"""Draw docs/images/cloudfree.png: looks, the cloud-free picture, its truth, sigma and source; a row a case.

    EOMAP_SHARED=../shared python bench/cloudfree_picture.py

Two test windows of the twin (synthetic) and two real scenes behind real cloud of another date, as
`bench/cloudfree.py` measures them. True colours of a row share one stretch, that of its truth; sigma is that
of B04, 0 to 0.05.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from cloudfree import Asked, Case, pictures, predictor, real_cases, twin_cases
from PIL import Image, ImageDraw

from eomap.io.drawing import font
from eomap.nn.cloud_free import BANDS
from eomap.products.cloudfree import PRODUCT

TARGET = Path(__file__).parents[1] / "docs/images/cloudfree.png"
SIDE, GAP, TOP = 150, 4, 20
TRUE = [BANDS.index(b) for b in ("B04", "B03", "B02")]
RED, SIGMA_TOP = BANDS.index("B04"), 500.0
TITLES = ("look to be cleared", "second look", "third look", "cloud-free", "truth", "sigma of B04", "source")
SHOWN = {
    "L2A medium": "twin (synthetic), clouds of three looks medium",
    "L2A heavy": "twin (synthetic), heavy",
    "Slovenia L1C, one other clear date": "Slovenia, real, half behind cloud of another date",
    "Punjab L1C, cumulus of August over June": "Punjab, real, half behind cumulus of another date",
}
U8 = npt.NDArray[np.uint8]


def shown_cases() -> Iterator[tuple[str, Case]]:
    """Yield one case of each kind: of the twin's the first whose look is about half hidden."""
    left = set(SHOWN)
    for cases in (twin_cases, real_cases):
        for group, case in cases():
            hidden = 1 - case.optical.clear_tyx[0].mean()
            if group in left and (cases is real_cases or 0.35 < hidden < 0.8):
                left.discard(group)
                yield group, case
            if cases is twin_cases and not any(g.startswith("L2A") for g in left):
                break


def true_colour(code_byx: npt.NDArray[np.generic], low: float, high: float) -> U8:
    """Return bands as colours, stretched."""
    value = np.nan_to_num(code_byx[TRUE].astype(np.float64))
    return (np.clip((value - low) / (high - low), 0, 1) ** 0.8 * 255).astype(np.uint8).transpose(1, 2, 0)


def panels(case: Case, asked: Asked) -> list[U8]:
    """Return the pictures of a row."""
    made, sigma, source = pictures(case, asked)
    low, high = np.nanpercentile(case.truth_byx[TRUE], [1, 99])
    colours = [
        true_colour(c, low, high) for c in (*case.optical.code_tbyx, made["cloudfree"], case.truth_byx)
    ]
    grey = (np.clip(sigma[RED] / SIGMA_TOP, 0, 1) * 255).astype(np.uint8)
    table = np.zeros((256, 3), np.uint8)
    legend = next(g for g in PRODUCT.gives if g.name == "source").legend
    for entry in legend:
        table[entry.value] = list(bytes.fromhex(entry.color))
    return [*colours, np.repeat(grey[..., None], 3, axis=2), table[source]]


def main() -> None:
    """Draw."""
    torch.set_num_threads(1)
    asked = predictor()
    rows = [(SHOWN[group], panels(case, asked)) for group, case in shown_cases()]
    step = SIDE + GAP
    sheet = Image.new("RGB", (step * len(TITLES) - GAP, (step + TOP) * len(rows) + TOP), "white")
    draw = ImageDraw.Draw(sheet)
    for k, title in enumerate(TITLES):
        draw.text((k * step, 3), title, fill="black", font=font(12))
    for n, (name, row) in enumerate(rows):
        top = TOP + n * (step + TOP)
        draw.text((0, top + 2), name, fill="black", font=font(12))
        for k, panel in enumerate(row):
            part = Image.fromarray(panel).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
            sheet.paste(part, (k * step, top + TOP))
    sheet.quantize(200).save(TARGET, optimize=True)


if __name__ == "__main__":
    main()
