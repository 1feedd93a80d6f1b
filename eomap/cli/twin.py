"""`eomap twin`: a synthetic Earth to try maps on."""

from typing import Any

import click


@click.group()
def twin() -> None:
    """A made-up Earth: scenes that no satellite took, and the truth about what they show."""


@twin.command("build")
@click.option("--bbox", help="Area as west,south,east,north in degrees.")
@click.option("--aoi", help="Area: GeoJSON, GPKG, GeoParquet, KML or Shapefile; its bounds are taken.")
@click.option("--period", required=True, help="2024, 2024-06 or 2024-06-01/2024-08-31.")
@click.option(
    "--sensors",
    default="s2",
    show_default=True,
    help="Comma-separated: s2 (Sentinel-2), s1 (Sentinel-1 RTC), s1-grd, enmap, modis.",
)
@click.option(
    "--level", "levels", multiple=True, help="Of Sentinel-2: L1C or L2A; may be repeated.  [default: L2A]"
)
@click.option("--out", required=True, help="A new folder, or one that the same command began.")
@click.option(
    "--seed", default=0, show_default=True, help="Another seed makes another Earth; orbits are the real ones."
)
@click.option(
    "--quirk", "quirks", multiple=True, metavar="NAME", help="A habit or fault of real catalogues; see below."
)
@click.option(
    "--whole-scenes", is_flag=True, help="Do not cut scenes to the area: 110 km, 0.7 GB per Sentinel-2 scene."
)
@click.option("--dated-truth", is_flag=True, help="Also the truth of every day that Sentinel-2 looked.")
@click.option(
    "--shift", default="none", show_default=True, metavar="KIND", help="Out of distribution; see below."
)
@click.option("--strength", default=1.0, show_default=True, help="Of the shift; 1 is plain to see.")
@click.option("--threads", type=click.IntRange(1, 64), help="Changes no byte.  [default: one per CPU]")
def twin_build(*, sensors: str, levels: tuple[str, ...], **how: Any) -> None:
    """Write a static STAC catalogue of synthetic scenes, and truth.json beside it.

    eomap twin build --bbox 12.6,52.4,12.8,52.6 --period 2024-06 --sensors s2,s1 --out twin

    Then map it like any other: eomap run --catalog twin/catalog.json --bbox 12.6,52.4,12.8,52.6 --period
    2024-06. Satellites fly on their real dates and tracks; every item, file and map made of it says that it
    is synthetic. The same command goes on after an interruption, and the same words give the same bytes.

    \b
    Quirks (repeat --quirk for more than one):
      two-baselines      every Sentinel-2 scene twice, as processed first and again
      offset-undeclared  files have the +1000, items do not say so
      offset-denied      files have the +1000, items say 0
      offset-twice       already taken away, and declared all the same
      missing-asset      every third item lacks one
      broken-file        every third product has a file that breaks off
      zero-mask          the scene classification is all zero
      string-numbers, null-datetime, no-proj, antimeridian, expired-tokens

    \b
    Shifts, with their truth: biome, city, sensor, drift, offset (of whole scenes);
      stripes, smoke, flood, glint, saturation (of a place)
    """
    from eomap import api
    from eomap.progress import building, say

    wanted = [s.strip() for s in sensors.split(",") if s.strip()]
    with building() as notify:
        made = api.build_twin(sensors=wanted, levels=levels or ("L2A",), notify=notify, **how)
    say(f"{made.catalog}: {made.items} items ({made.made} now), {made.bytes / 1e6:,.0f} MB, all synthetic")
