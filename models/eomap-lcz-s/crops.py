"""Training crops: real pixels, cut, mixed and changed so that the teacher sees much more than 14 scenes.

A crop is reflectance (b, y, x) of CELLS x CELLS cells plus the halo of the student. Whatever is done
to a crop is done before the teacher looks at it: a label always belongs to the pixels shown.
"""

import numpy as np
import numpy.typing as npt
from scipy import ndimage

CELLS, HALO_PX = 5, 16
CROP_PX = CELLS * 10 + 2 * HALO_PX

F32 = npt.NDArray[np.float32]
Rng = np.random.Generator
# Haze brightens short wavelengths most; relative strength for B02 ... B12.
_HAZE = np.array([1.0, 0.75, 0.55, 0.45, 0.4, 0.35, 0.3, 0.28, 0.1, 0.05], np.float32)


def crop(scenes: list[F32], chance: F32, rng: Rng) -> F32:
    """Return one crop, made by a random recipe; `chance` is the share of each scene."""
    x = _cut(scenes, chance, rng)
    recipe = rng.random()
    if recipe < 0.15:
        x = np.where(_blobs(rng), _cut(scenes, chance, rng), x)
    elif recipe < 0.23:
        x = x + np.float32(rng.uniform(0.1, 0.5)) * (_cut(scenes, chance, rng) - x)
    elif recipe < 0.38:
        x = np.where(_blobs(rng), _made_up(x, _cut(scenes, chance, rng), rng), x)
    elif recipe < 0.55:
        x = _made_up(x, _cut(scenes, chance, rng), rng)
    return _quantised(_changed(x, rng))


def _cut(scenes: list[F32], chance: F32, rng: Rng) -> F32:
    """Return a random square of a random scene, turned or mirrored, sometimes zoomed."""
    scene = scenes[rng.choice(len(scenes), p=chance)]
    zoom = rng.uniform(0.6, 1.6) if rng.random() < 0.25 else 1.0
    side = min(round(CROP_PX * zoom), scene.shape[1], scene.shape[2])
    row = rng.integers(scene.shape[1] - side + 1)
    col = rng.integers(scene.shape[2] - side + 1)
    x = scene[:, row : row + side, col : col + side]
    if side != CROP_PX:
        index = np.minimum((np.arange(CROP_PX) + 0.5) * side / CROP_PX, side - 1).astype(int)
        x = x[:, index[:, None], index[None, :]]
    x = np.rot90(x, rng.integers(4), axes=(1, 2))
    return np.ascontiguousarray(x[:, :, ::-1] if rng.random() < 0.5 else x)


def _blobs(rng: Rng) -> npt.NDArray[np.bool_]:
    """Return a random mask (y, x) of smooth blobs, about half of the crop."""
    noise = ndimage.gaussian_filter(rng.standard_normal((CROP_PX, CROP_PX)), rng.uniform(3, 20))
    return noise > np.quantile(noise, rng.uniform(0.3, 0.7))


def _spectra(x: F32, rng: Rng, n: int) -> F32:
    """Return n spectra (n, b): pixels of a crop, or one of three archetypes near measured ones."""
    pixels = x.reshape(x.shape[0], -1).T
    picked = pixels[rng.integers(len(pixels), size=n)]
    ramp = np.linspace(0, 1, x.shape[0], dtype=np.float32)
    for i in range(n):
        kind = rng.random()
        if kind < 0.25:  # roofs and concrete: flat and bright
            picked[i] = rng.uniform(0.06, 0.45) * (1 + rng.uniform(-0.2, 0.6) * ramp)
        elif kind < 0.32:  # water: dark, darker with wavelength
            picked[i] = rng.uniform(0.04, 0.13) * np.exp(-rng.uniform(1.5, 5) * ramp)
        elif kind < 0.42:  # leaves: red edge
            nir, red = rng.uniform(0.15, 0.45), rng.uniform(0.02, 0.08)
            shape = [1.4, 1.3, 1.0, 1.5, 0, 0, 0, 0, 0, 0]
            picked[i] = np.float32(shape) * red
            picked[i, 4:] = np.float32([0.75, 0.9, 1.0, 1.05, 0.55, 0.3]) * nir
    return picked.astype(np.float32)


def _made_up(x: F32, y: F32, rng: Rng) -> F32:
    """Return a made-up texture: smooth or blocky patches of a few spectra, 10 to 200 m in size."""
    n = rng.integers(1, 7)
    spectra = np.concatenate([_spectra(x, rng, n), _spectra(y, rng, 1)])
    if rng.random() < 0.6:  # blocks and streets
        size = rng.integers(1, 7)
        n_side = CROP_PX // size + 2
        which = rng.integers(len(spectra), size=(n_side, n_side)).repeat(size, 0).repeat(size, 1)
        shift = rng.integers(size, size=2)
        which = which[shift[0] : shift[0] + CROP_PX, shift[1] : shift[1] + CROP_PX]
        if rng.random() < 0.4:
            step = rng.integers(4, 12)
            which[::step] = which[:, ::step] = 0
    else:
        noise = ndimage.gaussian_filter(rng.standard_normal((CROP_PX, CROP_PX)), rng.uniform(0.7, 15))
        edges = np.quantile(noise, np.linspace(0, 1, len(spectra) + 1)[1:-1])
        which = np.digitize(noise, edges)
    made = spectra[which].transpose(2, 0, 1)
    grain = rng.uniform(0, 0.15) * rng.standard_normal((1, CROP_PX, CROP_PX))
    return (made * (1 + grain)).astype(np.float32)


def _changed(x: F32, rng: Rng) -> F32:
    """Return the crop under another light: gain, contrast, haze, blur, noise."""
    n_bands = x.shape[0]
    if rng.random() < 0.75:
        jitter = rng.uniform(0.92, 1.08, (n_bands, 1, 1)) if rng.random() < 0.5 else 1.0
        x = x * np.float32(rng.uniform(0.8, 1.25)) * np.asarray(jitter, np.float32)
    if rng.random() < 0.25:
        mean = x.mean(axis=(1, 2), keepdims=True)
        x = mean + (x - mean) * np.float32(rng.uniform(0.5, 2.0))
    if rng.random() < 0.35:
        x = x + np.float32(rng.uniform(-0.03, 0.08)) * _HAZE[:, None, None]
    if rng.random() < 0.15:
        x = ndimage.gaussian_filter(x, (0, *[rng.uniform(0.4, 2.0)] * 2))
    if rng.random() < 0.2:
        x = x + rng.normal(0, rng.uniform(0.0005, 0.006), x.shape).astype(np.float32)
    return x


def _quantised(x: F32) -> npt.NDArray[np.uint16]:
    """Return the crop as the engine delivers it: uint16 reflectance x 10000."""
    return np.clip(np.rint(x * 10_000), 0, 65_535).astype(np.uint16)


def windows(dn: npt.NDArray[np.uint16], cells: int = CELLS) -> npt.NDArray[np.uint16]:
    """Return the teacher's 32x32 windows (cells * cells, b, 32, 32) of one crop."""
    lead = HALO_PX - 11
    view = np.lib.stride_tricks.sliding_window_view(dn[:, lead:, lead:], (32, 32), axis=(1, 2))
    view = view[:, : cells * 10 : 10, : cells * 10 : 10]
    return np.ascontiguousarray(view.transpose(1, 2, 0, 3, 4).reshape(cells * cells, dn.shape[0], 32, 32))
