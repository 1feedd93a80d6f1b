"""Training the network of a product, from samples to a bundle."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from eomap.api.planning import Notify, silent
from eomap.errors import MisuseError


def train(
    product: str,
    data: str,
    out: str | Path,
    *,
    steps: int = 0,
    minutes: float = 0.0,
    seed: int = 1,
    device: str = "cpu",
    half: bool = False,
    version: str = "1.0.0",
    resume: bool = False,
    workers: int = 1,
    jobs: int = 1,
    notify: Notify = silent,
) -> dict[str, Any]:
    """Train the network of a product and write its bundle into `out`; return what its model.toml says.

    `data`: twin://places=240,seed=7, or the folder of a published set. `steps` or `minutes`; none: the
    recipe's steps. `half`: multiply in bfloat16. `workers` processes share each batch (Ray); `jobs` make
    samples. Checkpoints and pictures of examples lie in `<out>.training`, and `resume` goes on from there:
    the weights are bit for bit those of a run that was not interrupted. Raises MisuseError before anything is
    made.
    """
    from eomap.training.recipe import recipe

    how = recipe(product)
    place = Path(out)
    _vet(steps, minutes, workers, place)
    return run_recipe(
        how, data, place, steps=steps, minutes=minutes, seed=seed, device=device, half=half, version=version,
        resume=resume, workers=workers, jobs=jobs, notify=notify,
    )  # fmt: skip


def run_recipe(
    recipe: Any,
    data: str,
    out: Path,
    *,
    steps: int,
    minutes: float,
    seed: int,
    device: str,
    half: bool,
    version: str,
    resume: bool,
    workers: int,
    jobs: int,
    notify: Notify,
) -> dict[str, Any]:
    """Do what `train` does with a recipe in hand."""
    from eomap.training import loop
    from eomap.training.bundle import Figure, Told, verify_bundle, write_bundle
    from eomap.training.data import opened
    from eomap.training.windows import Windows

    samples = opened(data, recipe, jobs=jobs, notify=notify)
    windows = Windows(recipe, samples)
    folder = out.with_name(f"{out.name}.training")
    course = loop.Course(steps=steps, minutes=minutes, seed=seed, device=device, half=half)
    painted = _painted(recipe, windows, course, folder, notify)
    if workers > 1:
        from eomap.engine.on_ray import together
        from eomap.training.several import train_in_several

        found = train_in_several(
            recipe, data, course, folder=folder, resume=resume, workers=workers, together=together
        )
    else:
        found = loop.train(recipe, windows, course, folder=folder, resume=resume, notify=painted)
    on = f"{'synthetic ' if samples.synthetic else ''}test windows, in regions that were not trained on"
    figures = tuple(Figure(k, v, found.tested, on, samples.synthetic) for k, v in found.figures.items())
    told = Told(out.name, version, samples.name, samples.synthetic, figures, found.progress.best_step, seed)
    named = replace(recipe, aside=windows.aside_names)
    write_bundle(out, found.network, named, told, asides=len(named.aside))
    return dict(verify_bundle(out))


def _painted(recipe: Any, windows: Any, course: Any, folder: Path, notify: Notify) -> Notify:
    """Return a notify that draws examples of each validation besides."""
    from eomap.training.loop import said
    from eomap.training.picture import examples

    batch = next(windows.judged("val"))

    def tell(kind: str, info: Any) -> None:
        plain = {k: v for k, v in info.items() if k != "network"}
        if kind == "train-val":
            import torch

            network = info["network"]
            network.eval()
            with torch.inference_mode():
                y, _ = said(network, batch, course)
            network.train()
            plain["picture"] = str(
                examples(folder / f"examples-{info['step']:06d}.png", batch, y.cpu().numpy(), recipe)
            )
        notify(kind, plain)

    return tell


def _vet(steps: int, minutes: float, workers: int, out: Path) -> None:
    if steps and minutes:
        raise MisuseError("--steps", expected="--steps or --minutes", got="both")
    if steps < 0 or minutes < 0 or workers < 1:
        raise MisuseError("training", expected="steps, minutes and workers above 0", got="less")
    if out.exists() and not (out / "model.toml").is_file():
        raise MisuseError("--out", expected="a new folder, or a bundle to replace", got=str(out))
