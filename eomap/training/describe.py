"""What a bundle says of itself to people (card.md) and to catalogues (item.json, STAC MLM)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from eomap.core.recipe import Recipe

_EXTENSIONS = (
    "https://stac-extensions.github.io/mlm/v1.5.2/schema.json",
    "https://stac-extensions.github.io/file/v2.1.0/schema.json",
    "https://stac-extensions.github.io/version/v1.2.0/schema.json",
)
_SYNTHETIC = """**Trained on synthetic samples only**, those of eomap's twin. Figures on synthetic samples say
how well it does in that made-up world, and nothing about the real Earth."""
_BOX = (-180, -56, 180, 70)
"""Where samples are taken: west, south, east, north in degrees."""


def card(recipe: Recipe, about: Mapping[str, Any], *, parameters: int) -> str:
    """Return the card as Markdown."""
    lines = [f"# {about['name']}", "", f"{recipe.title}.", ""]
    if about["synthetic"]:
        lines += [_SYNTHETIC, ""]
    lines += [
        "| | |",
        "|---|---|",
        f"| Version | {about['version']} |",
        f"| Maps | {recipe.product}: {', '.join(recipe.outputs)} |",
        f"| Sees | {'; '.join(_seen(p.of, p.bands, p.looks) for p in recipe.pictures)}{_beside(recipe)} |",
        f"| Level of images | {recipe.level} |",
        f"| Window | {recipe.side_px} pixels of {recipe.pixel_m} m, every {recipe.step_px};"
        f" cells of {recipe.cell_px * recipe.pixel_m} m |",
        f"| Network | `{recipe.architecture}`, {parameters:,} parameters, {about['size'] / 1e6:.2f} MB |",
        f"| Trained on | {about['trained_on']} |",
        f"| Taught | {about['steps']} steps of {recipe.batch} windows, AdamW, seed {about['seed']} |",
        f"| Licence | {recipe.licence} |",
        f"| sha256 | {about['sha256']} |",
        "",
    ]
    for title, key in (("Figures on synthetic samples", "synthetic"), ("Figures on real data", "real")):
        lines += [f"## {title}", *_figures(about["figures"][key]), ""]
    if recipe.cautions:
        lines += ["## Known failures", recipe.cautions.strip(), ""]
    lines += ["Made by `eomap train`; model.toml has the same for programs.", ""]
    return "\n".join(lines)


def _figures(figures: Sequence[Mapping[str, Any]]) -> list[str]:
    if not figures:
        return ["None measured."]
    rows = [f"| {f['name']} | {f['value']:.4g} | {f['n']} | {f['on']} |" for f in figures]
    return ["| figure | value | n | on |", "|---|---|---|---|", *rows]


def _seen(of: str, bands: Sequence[str], looks: int) -> str:
    named = ", ".join(bands) if len(bands) <= 16 else f"{len(bands)} bands"
    return f"{of} {named}" + (f", {looks} looks" if looks else "")


def _beside(recipe: Recipe) -> str:
    return f"; told beside: {', '.join(recipe.aside)}" if recipe.aside else ""


def item(recipe: Recipe, about: Mapping[str, Any], *, parameters: int, made: datetime) -> dict[str, Any]:
    """Return the STAC item of a bundle."""
    west, south, east, north = _BOX
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": list(_EXTENSIONS),
        "id": f"{about['name']}-{about['version']}",
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "bbox": list(_BOX),
        "properties": {
            "title": recipe.title,
            "description": f"{recipe.title}. Trained on {about['trained_on']}. See card.md.",
            "datetime": None,
            "start_datetime": "2015-06-23T00:00:00Z",
            "end_datetime": "2035-12-31T23:59:59Z",
            "created": made.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "license": recipe.licence,
            "version": about["version"],
            "mlm:name": about["name"],
            "mlm:architecture": recipe.architecture.partition(":")[2],
            "mlm:tasks": ["regression"],
            "mlm:framework": "pytorch",
            "mlm:total_parameters": parameters,
            "mlm:pretrained": False,
            "mlm:accelerator_constrained": False,
            "mlm:input": [_input(recipe)],
            "mlm:output": [_output(recipe)],
            "eomap:synthetic": about["synthetic"],
        },
        "links": [{"rel": "about", "href": "./card.md", "type": "text/markdown"}],
        "assets": {
            "weights": {
                "href": "./weights.safetensors",
                "type": "application/octet-stream; application=safetensors",
                "title": "Weights",
                "roles": ["mlm:model", "mlm:weights", "data"],
                "mlm:artifact_type": "safetensors.torch.save_file",
                "file:checksum": f"1220{about['sha256']}",
                "file:size": about["size"],
            }
        },
    }


def _input(recipe: Recipe) -> dict[str, Any]:
    names = [
        f"{p.of}/{band}" + (f"/{look}" if p.looks else "")
        for p in recipe.pictures
        for look in range(max(p.looks, 1))
        for band in p.bands
    ]
    return {
        "name": "Codes as eomap's sensors give them, 0 where unseen",
        "bands": names,
        "input": {
            "shape": [-1, recipe.channels, recipe.side_px, recipe.side_px],
            "dim_order": ["batch", "bands", "height", "width"],
            "data_type": "float32",
        },
        "resize_type": None,
        "pre_processing_function": None,
    }


def _output(recipe: Recipe) -> dict[str, Any]:
    return {
        "name": recipe.product,
        "tasks": ["regression"],
        "result": {
            "shape": [-1, len(recipe.outputs), recipe.cells, recipe.cells],
            "dim_order": ["batch", "outputs", "height", "width"],
            "data_type": "float32",
        },
        "description": ", ".join(recipe.outputs),
        "post_processing_function": None,
    }
