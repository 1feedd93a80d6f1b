"""Sentinel-2 as a sensor: its scenes, codes and masks behind the names that every sensor has."""

from collections.abc import Mapping, Sequence

from eomap.core.sensor import Ask, Beside, Bool, Pixels, Sensor
from eomap.core.source import Item, Scene
from eomap.errors import BrokenInputError
from eomap.sensors import cloudmask
from eomap.sensors.sentinel2.names import BANDS, LCZ_BANDS, SCENE_CLASS, level_of
from eomap.sensors.sentinel2.offset import SCALE, OffsetDecision, offset_doubt
from eomap.sensors.sentinel2.scenes import reflectance_dn, to_scene
from eomap.sensors.sentinel2.twins import newest_baseline


def scenes_of(items: Sequence[Item], ask: Ask) -> tuple[list[Scene], list[str]]:
    """Return the scenes of the items' newest baselines, and remarks on the others."""
    notes, known = [], []
    for item in items:
        try:
            level_of(item, ask.collection)
            known.append(item)
        except BrokenInputError as problem:
            notes.append(f"set aside: {problem}")
    kept, twins = newest_baseline(known)
    notes += twins
    scenes = []
    for item in kept:
        masking = cloudmask.bands_needed(level_of(item, ask.collection), ask.mask)
        helpful = tuple(b for b in (SCENE_CLASS, *masking) if b not in ask.bands)
        try:
            scenes.append(
                to_scene(item, (*ask.bands, *helpful), names=ask.names, signing=ask.signing, optional=helpful)
            )
        except BrokenInputError as problem:
            notes.append(f"set aside: {problem}")
    return scenes, notes


def _mask_of(scene: Scene, mask: str) -> str:
    """Return the mask that `auto` means for a scene."""
    if mask != "auto":
        return mask
    if scene.band(SCENE_CLASS):
        return "scl"
    return "network" if all(scene.band(b) for b in cloudmask.NETWORK_BANDS) else "spectral"


def _mask_bands(scene: Scene, mask: str) -> tuple[str, ...]:
    return cloudmask.bands_needed(scene.level, _mask_of(scene, mask))


def _clear(pixels: Pixels, scene: Scene, mask: str, beside: Beside | None = None) -> Bool:
    """Return where a scene is clear; `auto` without a network to ask is the spectral rule."""
    classes = pixels.get(SCENE_CLASS)
    dn = {name: band for name, band in pixels.items() if name != SCENE_CLASS}
    method, classify, setting = _mask_of(scene, mask), None, cloudmask.Setting()
    if method == "network" and beside and beside.classifier:
        # Loaded by the first mask that asks it, so that runs with SCL never do.
        classify, frame = beside.classifier(), beside.frame
        setting = cloudmask.Setting(origin_px=(-frame.y0 // frame.pixel_m, frame.x0 // frame.pixel_m))
    elif mask == "auto" and method == "network":
        method = "spectral"
    made = cloudmask.clear_mask(
        dn, classes, level=scene.level, method=method, classify=classify, setting=setting
    )
    return made[0]


def _margin_px(scene: Scene, mask: str) -> int:
    return cloudmask.margin_px(_mask_of(scene, mask))


def _doubt(scene: Scene, darkest: Mapping[str, float]) -> str | None:
    band = next((b for b in scene.bands if b.name in BANDS), None)
    if band is None:
        return None
    return offset_doubt(darkest, OffsetDecision(round(band.offset / band.scale), scene.offset_rule))


SENSOR = Sensor(
    name="sentinel-2",
    title="Sentinel-2",
    collections=("sentinel-2", "sentinel2"),
    bands=BANDS,
    default_bands=LCZ_BANDS,
    step=1,
    quantity="reflectance",
    scale=SCALE,
    offset=0.0,
    unit="1",
    masks=cloudmask.METHODS,
    methods=(
        *("median", "geomedian", "medoid", "best", "greenest", "latest"),
        *("mean", "p10", "p25", "p75", "p90"),
    ),
    scenes_of=scenes_of,
    coded=reflectance_dn,
    mask_bands=_mask_bands,
    clear=_clear,
    clear_beside=_clear,
    mask_of=_mask_of,
    margin_px=_margin_px,
    doubt=_doubt,
)
