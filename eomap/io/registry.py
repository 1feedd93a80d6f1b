"""The networks that eomap knows: models/registry.toml as frozen values. Reads no weights."""

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from eomap.errors import BrokenInputError, MisuseError

_PACKAGE = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class KnownAnswer:
    """The probabilities that reflectance mean + amplitude sin(step n) gives; n counts (y, x, b)."""

    mean: float
    amplitude: float
    step: float
    expected: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Model:
    """One network of the registry: where its weights come from and how it is built and fed."""

    name: str
    version: str
    title: str
    product: str
    architecture: str
    """`module:function` that returns the torch network without weights."""
    predictor: str
    """window: a patch network; dense: one pass over a frame."""
    url: str
    """Where the source file lies; empty where it is shipped with eomap."""
    file: str
    """Name of the source file; for a shipped network its path below the models folder."""
    sha256: str
    """Of the source file: the identity of the weights in plans and cubes."""
    size: int
    licence: str
    card: str
    """Path of the card below the models folder."""
    bands: tuple[str, ...]
    level: str
    """Processing level of the images it was trained on."""
    halo_px: int
    mflop_per_cell: float
    test: tuple[KnownAnswer, ...]
    keras_layers: str = ""
    """`module:function` that maps Keras layer names to torch modules; empty for safetensors."""

    @property
    def shipped(self) -> bool:
        """Say whether the weights come with eomap itself."""
        return not self.url

    @property
    def input_px(self) -> int:
        """Side of the smallest input, which gives one cell."""
        return 32 if self.predictor == "window" else 10 + 2 * self.halo_px


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
    """Return every network of the registry, in its order; the first of a product is its default."""
    entries = tomllib.loads((models_folder() / "registry.toml").read_text("utf-8"))["model"]
    return tuple(_model(entry) for entry in entries)


def model(name: str) -> Model:
    """Return the network of that name; raise MisuseError listing the known names."""
    for entry in models():
        if entry.name == name:
            return entry
    known = ", ".join(entry.name for entry in models())
    raise MisuseError("--model", expected=f"one of {known}", got=repr(name[:80]), hint="eomap models list")


def _model(entry: dict) -> Model:
    tests = tuple(KnownAnswer(**{**t, "expected": tuple(t["expected"])}) for t in entry["test"])
    return Model(**{**entry, "bands": tuple(entry["bands"]), "test": tests})
