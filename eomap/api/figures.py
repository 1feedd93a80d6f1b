"""Tallies as the figures that people quote: plain dictionaries, None where a figure is not defined."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from eomap.api.tally import ClassTally, EventTally, ValueTally
from eomap.core.layer import Layer
from eomap.kernels import scores
from eomap.kernels.scores import Errors, Mean

LOOKS_FROM = (0, 1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 50)
"""Where the groups of numbers of looks begin; the last has no end."""


def class_figures(
    tally: ClassTally, layers: Mapping[str, Layer], more: Callable[[Any], Mapping[str, float]] | None
) -> dict[str, Any]:
    """Return the figures of a class map; `more` adds the product's own from the confusion matrix."""
    m = tally.matrix_cc
    figures = {
        "OA": scores.overall_accuracy(m),
        "AA": scores.average_accuracy(m),
        "kappa": scores.kappa(m),
        "macro F1": scores.macro_f1(m),
        **(more(m) if more else {}),
    }
    found: dict[str, Any] = {}
    if tally.right is not None:
        probability = np.arange(tally.right.yes_k.size) * (layers["confidence"].scale or 1.0)
        figures["ECE"] = tally.right.calibration_error(probability)
        found["reliability"] = [
            {"cells": n, layers["confidence"].name: p, "right": share}
            for n, p, share in tally.right.reliability(probability)
        ]
    if tally.wrong is not None:
        figures[f"AUROC of {layers['doubt'].name} for errors"] = tally.wrong.auroc()
    pairs = zip(
        layers["class"].legend,
        m.sum(axis=1),
        m.sum(axis=0),
        scores.producers_accuracy(m),
        scores.users_accuracy(m),
        scores.class_f1(m),
        strict=True,
    )
    classes = [
        {
            "code": c.value,
            "class": c.name,
            "true cells": int(true),
            "mapped cells": int(mapped),
            "PA": pa,
            "UA": ua,
            # Without true cells F1 is 0 or undefined by what the map invents: not a score of the class.
            "F1": f1 if true else math.nan,
        }
        for c, true, mapped, pa, ua, f1 in pairs
    ]
    by = [{**looks, "cells": mean.n, "OA": mean.value} for looks, mean in _grouped(tally.by, Mean())]
    return plain({"metrics": figures, "classes": classes, "confusion": m.tolist(), "by": by, **found})


def value_figures(tally: ValueTally, layers: Mapping[str, Layer], bands: tuple[str, ...]) -> dict[str, Any]:
    """Return the figures of a map of values; `bands` names what `tally.errors` are of."""
    layer = layers["value"]
    whole = sum(tally.errors, Errors())
    figures = {"MAE": whole.mae, "RMSE": whole.rmse, "bias": whole.bias, "R2": whole.r2}
    if len(bands) > 1:
        # Over bands together, their different levels would count as variance explained.
        figures["R2"] = _mean([e.r2 for e in tally.errors])
    if tally.structure:
        figures |= {
            "PSNR (dB)": whole.psnr(1.0),
            "SSIM": _mean([s.value for s in tally.structure]),
            "SAM (deg)": tally.angle_deg.value,
        }
    if "sigma" in layers:
        figures |= {
            "within 1 sigma": tally.coverage.share_1,
            "within 2 sigma": tally.coverage.share_2,
        }
    figures |= {"seam step / gradient": tally.seam.ratio, "the same in the truth": tally.true_seam.ratio}
    scale = layer.scale or 1.0
    per_band, bins = [], []
    for n, (name, e) in enumerate(zip(bands or ("",), tally.errors, strict=True)):
        row = {"band": name, "cells": e.n, "MAE": e.mae, "RMSE": e.rmse, "bias": e.bias, "R2": e.r2}
        if tally.structure:
            row |= {"PSNR (dB)": e.psnr(1.0), "SSIM": tally.structure[n].value}
        per_band.append(row)
        bins += [
            {
                **({"band": name} if bands else {}),
                "truth from": low * scale,
                "to": high * scale,
                "cells": pairs,
                "bias": bias,
                "MAE": mae,
            }
            for low, high, pairs, bias, mae in tally.bins[n].quantiles(10)
        ]
    by = [
        {**looks, "values" if len(bands) > 1 else "cells": e.n, "MAE": e.mae, "RMSE": e.rmse, "bias": e.bias}
        for looks, e in _grouped(tally.by, Errors())
    ]
    seam = {
        "step": tally.seam.step.value,
        "gradient beside it": tally.seam.beside.value,
        "cells": tally.seam.step.n,
    }
    found = {"metrics": figures, "bins": bins, "by": by, "seam": seam}
    return plain(found | ({"bands": per_band} if bands else {}))


def event_figures(tally: EventTally) -> dict[str, Any]:
    """Return the figures of a score that should tell an event from its absence."""
    o = tally.outcomes
    figures = {
        "AUROC": o.auroc(),
        "AUPR (event)": o.average_precision(),
        "AUPR (no event)": o.reverse.average_precision(),
        "FPR95": o.false_alarms(0.95),
        "share of events": float(o.yes_k.sum() / o.n) if o.n else math.nan,
    }
    return plain({"metrics": figures})


def _grouped(by: Mapping[int, Any], nothing: Any) -> list[tuple[dict[str, Any], Any]]:
    """Return the sums by group of numbers of looks, as ({from, to}, sum), lowest first."""
    made = []
    for start, stop in zip(LOOKS_FROM, (*LOOKS_FROM[1:], None), strict=True):
        inside = [by[k] for k in sorted(by) if k >= start and (stop is None or k < stop)]
        if inside:
            total = nothing
            for one in inside:
                total = total + one
            made.append(({"looks from": start, "to": None if stop is None else stop - 1}, total))
    return made


def _mean(values: list[float]) -> float:
    known = [v for v in values if not math.isnan(v)]
    return sum(known) / len(known) if known else math.nan


def plain(value: Any) -> Any:
    """Return data that JSON can say: NaN and infinity become None."""
    if isinstance(value, Mapping):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return value
