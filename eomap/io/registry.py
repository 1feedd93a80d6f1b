"""The networks that eomap knows, as frozen values: published ones, our bundles, a user's bundles. No weights.

models/registry.toml lists the published networks; every other folder of models/ that holds a `model.toml` is
a bundle, as `eomap train` writes them. A bundle elsewhere is named by its path.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from eomap.core.windows import Layout
from eomap.errors import BrokenInputError, MisuseError

_PACKAGE = Path(__file__).parents[1]
BUNDLE, OOD = "model.toml", "ood.safetensors"
LCZ_CELL_PX, LCZ_CLASSES = 10, 17
PATCHES = Layout(side_px=32, step_px=LCZ_CELL_PX, cell_px=LCZ_CELL_PX, lead_px=11, batch=32)
"""Of published LCZ networks. The activations of 32 windows stay in the cache, 64 ran a fifth slower."""
MACRO_CELLS = 32


@dataclass(frozen=True, slots=True)
class KnownAnswer:
    """What a network says of the input mean + amplitude sin(step n); see `known_input`."""

    mean: float
    amplitude: float
    step: float
    expected: tuple[float, ...]
    """Of the cell in the middle."""


@dataclass(frozen=True, slots=True)
class Source:
    """What a network is shown of one sensor."""

    of: str
    bands: tuple[str, ...]
    looks: int = 0
    """0 for one picture."""

    @property
    def channels(self) -> int:
        """How many rasters."""
        return len(self.bands) * max(self.looks, 1)


@dataclass(frozen=True, slots=True)
class Model:
    """One network: where its weights come from and how it is built and fed."""

    name: str
    version: str
    title: str
    product: str
    architecture: str
    """`module:function` that returns the torch network without weights."""
    layout: Layout
    sources: tuple[Source, ...]
    channels: int
    """Numbers it gives per cell."""
    file: str
    """Name of the source file; for a network that comes with eomap its path below the models folder."""
    sha256: str
    """Of the source file: the identity of the weights in plans and cubes."""
    size: int
    licence: str
    card: str
    """Path of the card below the models folder."""
    level: str
    """Processing level of the images it was trained on."""
    test: tuple[KnownAnswer, ...]
    url: str = ""
    """Where the source file lies; empty where it is shipped with eomap."""
    home: str = ""
    """Folder of a bundle that is not one of eomap's own; `file` and `card` lie in it."""
    asides: tuple[str, ...] = ()
    """What it is told per window beside the pixels."""
    of_reflectance: bool = False
    """Whether it takes reflectance 0 to 1 in place of codes, and gives nothing but its answer."""
    features: str = ""
    """Layer whose output tells how familiar a window is; a network of codes gives features itself."""
    ood_sha256: str = ""
    """Of `ood.safetensors` beside the card, which tells how familiar windows are; empty without one."""
    temperature: float = 1.0
    """Of its probabilities, fitted on places held out; 1 where it gives no classes, or nothing was gained."""
    runtimes: tuple[str, ...] = ()
    """Faster ways to ask it (nn.runtime) that were seen to say the same on held-out windows."""
    mflop_per_cell: float | None = None
    synthetic: bool = False
    """Whether any of its training data was made up."""
    trained_on: str = ""
    """The same in words."""
    keras_layers: str = ""
    """`module:function` that maps Keras layer names to torch modules; empty for safetensors."""

    @property
    def shipped(self) -> bool:
        """Say whether the weights come with eomap itself, or lie in a bundle."""
        return not self.url

    @property
    def bands(self) -> tuple[str, ...]:
        """Bands of the first source."""
        return self.sources[0].bands

    @property
    def told(self) -> int:
        """Numbers it gives per cell, with how familiar the window was where that can be told."""
        return self.channels + bool(self.ood_sha256)

    @property
    def ood_path(self) -> Path:
        """Where the detector lies that tells how familiar windows are."""
        return self.path(self.card).with_name(OOD)

    @property
    def halo_px(self) -> int:
        """Pixels that a frame needs around its cells."""
        return self.layout.halo_px

    def path(self, name: str) -> Path:
        """Return where a file of its bundle lies, named as in `file` or `card`."""
        return (Path(self.home) if self.home else models_folder()) / name


def models_folder() -> Path:
    """Return the folder of cards and the registry: inside the wheel, or beside a source checkout."""
    for folder in (_PACKAGE / "_models", _PACKAGE.parent / "models"):
        if (folder / "registry.toml").is_file():
            return folder
    raise BrokenInputError(
        "model registry", expected="registry.toml in the package", got="none", hint="reinstall eomap"
    )


@lru_cache(maxsize=1)
def models() -> tuple[Model, ...]:
    """Return every network that comes with eomap: those of the registry in order, then bundles by name."""
    folder = models_folder()
    entries = tomllib.loads((folder / "registry.toml").read_text("utf-8"))["model"]
    return (*(_published(e) for e in entries), *(_bundle(p) for p in sorted(folder.glob(f"*/{BUNDLE}"))))


def model(name: str) -> Model:
    """Return the network of that name, or of the bundle at that path; raise MisuseError for neither."""
    for entry in models():
        if entry.name == name:
            return entry
    if (Path(name) / BUNDLE).is_file():
        return _bundle(Path(name) / BUNDLE)
    known = ", ".join(entry.name for entry in models())
    raise MisuseError(
        "--model",
        expected=f"one of {known}, or the folder of a bundle",
        got=repr(name[:80]),
        hint="eomap models list",
    )


def note_detector(folder: Path, sha256: str, *, features: str) -> None:
    """Write the digest of a bundle's detector into its description, and the layer it looks at, if any."""
    path = folder / BUNDLE
    head, table, rest = path.read_text("utf-8").partition("\n[")  # plain values come before tables
    for key, value in (("ood_sha256", sha256), ("features", features)):
        if value:
            head = re.sub(rf"^{key} *=.*\n?", "", head, flags=re.M).rstrip("\n")
            head += f'\n{key} = "{value}"\n'
    path.write_text(head + table + rest, "utf-8")
    models.cache_clear()


def known_input(entry: Model, vector: KnownAnswer) -> npt.NDArray[np.uint16]:
    """Return the codes (c, y, x) of a test vector, of one window.

    The numbers are reflectance, and n counts (y, x, c), for a network that takes reflectance: such vectors
    came with Keras. Else they are codes, and n counts (c, y, x).
    """
    channels = sum(s.channels for s in entry.sources)
    side = entry.layout.side_px
    n = np.arange(side * side * channels)
    x = vector.mean + vector.amplitude * np.sin(vector.step * n)
    if entry.of_reflectance:
        codes = np.rint(x * 10_000).astype(np.uint16).reshape(side, side, channels)
        return np.ascontiguousarray(codes.transpose(2, 0, 1))
    return np.rint(x).clip(0, 65_535).astype(np.uint16).reshape(channels, side, side)


def _answers(entry: Mapping[str, Any]) -> tuple[KnownAnswer, ...]:
    return tuple(KnownAnswer(**{**t, "expected": tuple(t["expected"])}) for t in entry["test"])


def _published(entry: dict[str, Any]) -> Model:
    """Return a network of the registry: for local climate zones, of reflectance."""
    said = dict(entry)
    bands, halo_px, way = tuple(said.pop("bands")), said.pop("halo_px"), said.pop("predictor")
    layout = PATCHES
    if way == "dense":
        cells_px = MACRO_CELLS * LCZ_CELL_PX
        layout = Layout(cells_px + 2 * halo_px, cells_px, LCZ_CELL_PX, halo_px)
    return Model(
        **{
            **said,
            "layout": layout,
            "sources": (Source("sentinel-2", bands),),
            "channels": LCZ_CLASSES,
            "of_reflectance": True,
            "test": _answers(said),
        }
    )


def _bundle(path: Path) -> Model:
    """Return the network of a bundle; raise BrokenInputError where its description is not one."""
    try:
        said = tomllib.loads(path.read_text("utf-8"))
        windows, outputs, folder = said.pop("windows"), said.pop("outputs"), path.parent
        asides = tuple(said.pop("aside", ()))
        own = folder.parent == models_folder()
        beside = f"{folder.name}/" if own else ""
        for shown in ("figures", "steps", "seed"):
            said.pop(shown, None)
        return Model(
            **{
                **said,
                "layout": Layout(**windows),
                "sources": tuple(Source(**{**s, "bands": tuple(s["bands"])}) for s in said["sources"]),
                "channels": len(outputs),
                "asides": asides,
                "runtimes": tuple(said.get("runtimes", ())),
                "file": beside + said["file"],
                "card": beside + said["card"],
                "home": "" if own else str(folder),
                "test": _answers(said),
            }
        )
    except (KeyError, TypeError, ValueError, tomllib.TOMLDecodeError) as problem:
        raise BrokenInputError(str(path), expected="the description of a bundle", got=str(problem)) from None
