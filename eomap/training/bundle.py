"""The bundle that a training ends in: weights, what they are, what they can do, and how to know them again.

A folder models/NAME with weights.safetensors, model.toml, item.json (STAC MLM), card.md and, where there are
scores of familiarity, ood.safetensors. Written whole or not at all, and asked its own test before that.
"""

import hashlib
import json
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from eomap.core.recipe import Recipe
from eomap.errors import BrokenInputError, MisuseError
from eomap.training.describe import card, item
from eomap.training.toml_text import toml

WEIGHTS, OOD = "weights.safetensors", "ood.safetensors"
VECTORS = ((1500.0, 1000.0, 0.05), (2000.0, 1900.0, 0.37))
"""Mean, amplitude and step of the inputs that every bundle is asked."""
_TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number."""

    name: str
    value: float
    n: int
    """Of what `on` says."""
    on: str
    synthetic: bool


@dataclass(frozen=True, slots=True)
class Told:
    """What a bundle says of itself beyond its recipe."""

    name: str
    version: str
    trained_on: str
    """One line."""
    synthetic: bool
    figures: tuple[Figure, ...]
    steps: int
    seed: int
    extra: Mapping[str, bytes] = field(default_factory=dict)
    """Files to lie beside: ood.safetensors."""


def known_codes(channels: int, side_px: int, vector: tuple[float, float, float]) -> npt.NDArray[np.float32]:
    """Return the window (1, c, y, x) of a test: rint(mean + amplitude sin(step n)), n counting (c, y, x)."""
    mean, amplitude, step = vector
    n = np.arange(channels * side_px * side_px, dtype=np.float64)
    return (
        np.rint(mean + amplitude * np.sin(step * n)).reshape(1, channels, side_px, side_px).astype(np.float32)
    )


def answer(network: Any, codes: npt.NDArray[np.float32], asides: int) -> list[float]:
    """Return what a network says (k,) of the cell in the middle of a window, with 0 beside the pixels."""
    import torch

    with torch.inference_mode():
        y, _ = network(torch.from_numpy(codes), torch.zeros(len(codes), asides))
    return [float(v) for v in y[0, :, y.shape[2] // 2, y.shape[3] // 2]]


def write_bundle(folder: Path, network: Any, recipe: Recipe, told: Told, *, asides: int) -> Path:
    """Write the bundle of a network; return its folder. `asides`: numbers told beside the pixels, one a name.

    Replaces a bundle that is there, never another kind of folder. Raises MisuseError for that, and
    BrokenInputError, with nothing written, where the weights as written answer otherwise than the network.
    """
    from safetensors.torch import save

    _vet_target(folder)
    if asides != len(recipe.aside):
        raise ValueError(f"{asides} numbers beside the pixels, names {recipe.aside}")
    network = network.cpu().eval()
    weights = save({k: v.detach().contiguous() for k, v in network.state_dict().items()})
    tests = [_test(network, recipe, vector, asides) for vector in VECTORS]
    about = _about(recipe, told, weights, tests)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as made:
        part = Path(made) / "bundle"
        part.mkdir()
        (part / WEIGHTS).write_bytes(weights)
        (part / "model.toml").write_text(toml(about), encoding="utf-8")
        parameters = sum(p.numel() for p in network.parameters())
        said = item(recipe, about, parameters=parameters, made=datetime.now(UTC))
        (part / "item.json").write_text(
            json.dumps(said, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
        )
        (part / "card.md").write_text(card(recipe, about, parameters=parameters), encoding="utf-8")
        for name, data in told.extra.items():
            (part / name).write_bytes(data)
        verify_bundle(part)
        _put_in_place(part, folder, Path(made) / "before")
    return folder


def _put_in_place(part: Path, folder: Path, before: Path) -> None:
    """Rename a finished bundle to its place; the one that was there comes back where that fails."""
    if not folder.exists():
        part.rename(folder)
        return
    folder.rename(before)
    try:
        part.rename(folder)
    except OSError:
        before.rename(folder)
        raise


def verify_bundle(folder: Path) -> Mapping[str, Any]:
    """Return what model.toml says of a bundle whose weights are whole and answer its tests.

    Raises BrokenInputError where they do not.
    """
    from safetensors.torch import load

    from eomap.training.loop import built

    about = tomllib.loads((folder / "model.toml").read_text("utf-8"))
    data = (folder / WEIGHTS).read_bytes()
    if hashlib.sha256(data).hexdigest() != about["sha256"]:
        raise BrokenInputError(f"bundle {folder}", expected=f"sha256 {about['sha256'][:16]}", got="another")
    network = built(about["architecture"])
    network.load_state_dict(load(data))
    network.eval()
    channels = sum(max(s["looks"], 1) * len(s["bands"]) for s in about["sources"])
    for test in about["test"]:
        vector = test["mean"], test["amplitude"], test["step"]
        codes = known_codes(channels, about["windows"]["side_px"], vector)
        found = answer(network, codes, len(about["aside"]))
        if not np.allclose(found, test["expected"], rtol=_TOLERANCE, atol=_TOLERANCE):
            raise BrokenInputError(
                f"bundle {folder}", expected=f"the answer {test['expected'][:4]}", got=str(found[:4])
            )
    return about


def _vet_target(folder: Path) -> None:
    if folder.exists() and not (folder / "model.toml").is_file():
        raise MisuseError(
            "--out", expected="a new folder, or a bundle to replace", got=f"{folder} without a model.toml"
        )


def _test(network: Any, recipe: Recipe, vector: tuple[float, float, float], asides: int) -> dict[str, Any]:
    mean, amplitude, step = vector
    codes = known_codes(recipe.channels, recipe.side_px, vector)
    found = [round(v, 6) for v in answer(network, codes, asides)]
    if len(found) != len(recipe.outputs) or not np.isfinite(found).all():
        raise BrokenInputError(
            f"network of {recipe.product}", expected=f"{len(recipe.outputs)} numbers", got=str(found)
        )
    return {"mean": mean, "amplitude": amplitude, "step": step, "expected": found}


def _about(recipe: Recipe, told: Told, weights: bytes, tests: list[dict[str, Any]]) -> dict[str, Any]:
    figures = {
        "synthetic": [_figure(f) for f in told.figures if f.synthetic],
        "real": [_figure(f) for f in told.figures if not f.synthetic],
    }
    windows = {"side_px": recipe.side_px, "step_px": recipe.step_px, "cell_px": recipe.cell_px}
    return {
        "name": told.name,
        "version": told.version,
        "title": recipe.title,
        "product": recipe.product,
        "architecture": recipe.architecture,
        "file": WEIGHTS,
        "sha256": hashlib.sha256(weights).hexdigest(),
        "size": len(weights),
        "licence": recipe.licence,
        "card": "card.md",
        "synthetic": told.synthetic,
        "trained_on": told.trained_on,
        "level": recipe.level,
        "outputs": list(recipe.outputs),
        "aside": list(recipe.aside),
        "steps": told.steps,
        "seed": told.seed,
        "windows": windows | ({"lead_px": recipe.lead_px} if recipe.lead_px else {}),
        "figures": figures,
        "sources": [{"of": p.of, "bands": list(p.bands), "looks": p.looks} for p in recipe.pictures],
        "test": tests,
        **({"ood_sha256": hashlib.sha256(told.extra[OOD]).hexdigest()} if OOD in told.extra else {}),
    }


def _figure(figure: Figure) -> dict[str, Any]:
    return {
        "name": figure.name,
        "value": float(f"{figure.value:.6g}"),
        "n": figure.n,
        "on": figure.on,
        "synthetic": figure.synthetic,
    }
