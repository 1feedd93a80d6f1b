"""The options that commands share, and sizes of memory as people write them."""

from collections.abc import Callable
from typing import Any

import click

from eomap.errors import MisuseError

SELECTION = (
    click.option("--aoi", help="Area: GeoJSON, GPKG, GeoParquet, KML or Shapefile."),
    click.option("--bbox", help="Area as west,south,east,north in degrees."),
    click.option("--product", default="lcz", show_default=True, help="Which map to make."),
    click.option(
        "--sensor", help="Of whose pixels, for products that can: sentinel-2, sentinel-1, enmap ..."
    ),
    click.option("--method", help="How many looks become one picture.  [default: median; of radar: mean]"),
    click.option("--bands", help="Bands of a composite, e.g. B02,B03,B04,B08.  [default: the sensor's]"),
    click.option("--speckle", help="Filter of radar looks: lee or multitemporal.  [default: none]"),
    click.option("--orbit", help="Radar looks of one orbit only: ascending, descending or a number."),
    click.option(
        "--composite",
        help="What a map is made from: median, or cloudfree, a network's picture of one day."
        "  [default: median]",
    ),
    click.option("--period", help="2024, 2024-06 or 2024-06-01/2024-08-31.  [default: the last full year]"),
    click.option(
        "--catalog",
        default="earth-search",
        show_default=True,
        help="earth-search, planetary-computer, cdse, dlr-enmap, a path or URL of STAC, or a kept search.",
    ),
    click.option("--collection", help="STAC collection.  [default: the catalogue's for the sensor]"),
    click.option("--model", help="Network; see `eomap models list`.  [default: by the scenes' level]"),
    click.option(
        "--mask",
        default="auto",
        show_default=True,
        help="auto or none; scl, network, spectral, s2cloudless or ukis; of radar border.",
    ),
    click.option(
        "--extent",
        default="aoi",
        show_default=True,
        help="aoi: the cube spans the area's tiles; global: the Earth.",
    ),
    click.option(
        "--grid",
        default="lattice",
        show_default=True,
        help="lattice: one global grid in degrees; utm: Sentinel-2's own pixels, nothing resampled, a group"
        " per UTM zone; EPSG:32632: that one zone for an area on a border.",
    ),
    click.option("--layer", "layers", multiple=True, help="Optional layer to add, e.g. probability."),
    click.option(
        "--memory", default="6GB", show_default=True, help="Budget of one worker; the plan keeps within it."
    ),
    click.option("--max-cloud", type=float, help="Leave out scenes called cloudier than this, in percent."),
    click.option("--max-looks", type=int, help="Read only the best looks, so many at each place."),
    click.option(
        "--runtime",
        default="float32",
        show_default=True,
        help="How the network is asked on CPUs: float32 gives the same bits everywhere; auto takes the"
        " fastest way here that was seen to say the same (bfloat16, OpenVINO).",
    ),
    click.option("--search", help="Keep the catalogue's answer in this .parquet, and read it there again."),
)
ENGINE = (
    click.option("--engine", default="ray", show_default=True, help="ray, or inline (one process)."),
    click.option("--workers", type=int, help="Predictors.  [default: one per GPU, else one per CPU]"),
    click.option("--address", help="A running Ray cluster.  [default: this machine]"),
)


def with_options(*options: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a decorator that adds the options, in order."""

    def add(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def _from_campaign(context: click.Context, _: click.Parameter, path: str | None) -> None:
    """Take the options that a campaign file gives for those that the command line does not."""
    if path is None:
        return
    import tomllib
    from pathlib import Path

    names = {o: p.name or "" for p in context.command.params for o in p.opts}
    try:
        said = tomllib.loads(Path(path).read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise MisuseError("--campaign", expected="a TOML file of options", got=f"{path}: {problem}") from None
    if unknown := sorted(k for k in said if f"--{k}" not in names or k == "campaign"):
        known = ", ".join(o.removeprefix("--") for o in names if o != "--campaign")
        raise MisuseError(f"--campaign {path}", expected=f"some of {known}", got=", ".join(unknown))
    context.default_map = {**(context.default_map or {}), **{names[f"--{k}"]: v for k, v in said.items()}}


campaign_option = click.option(
    "--campaign",
    is_eager=True,
    expose_value=False,
    callback=_from_campaign,
    help="Take options from a TOML file (jobs/ has some); those given here go first.",
)
cube_argument = click.argument("cube")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def bytes_of(text: str) -> int:
    """Return a size such as 3GB or 800MiB in bytes; raise MisuseError for what is none."""
    units = {
        "kb": 1e3,
        "mb": 1e6,
        "gb": 1e9,
        "tb": 1e12,
        "kib": 2**10,
        "mib": 2**20,
        "gib": 2**30,
        "b": 1,
        "": 1,
    }
    digits = text.strip().lower().rstrip("abcdefghijklmnopqrstuvwxyz ")
    unit = text.strip().lower()[len(digits) :].strip()
    try:
        size = int(float(digits) * units[unit])
    except (ValueError, KeyError, OverflowError):
        raise MisuseError("--memory", expected="a size such as 3GB or 800MB", got=text) from None
    if size <= 0:
        raise MisuseError("--memory", expected="more than nothing", got=text)
    return size
