"""`eomap train`: teach the network of a product."""

from typing import Any

import click


@click.command()
@click.argument("product")
@click.option(
    "--data",
    default="twin://places=240,seed=7",
    show_default=True,
    help="Samples: the twin's, made once and kept, or the folder of a published set.",
)
@click.option("--out", required=True, help="Folder of the bundle, e.g. models/my-settlement; its name is it.")
@click.option("--steps", type=click.IntRange(1), help="Steps to take.  [default: the recipe's]")
@click.option("--minutes", type=click.FloatRange(0, min_open=True), help="As many steps as fit into it.")
@click.option("--resume", is_flag=True, help="Go on from the last checkpoint; give the same words again.")
@click.option("--seed", default=1, show_default=True, help="Same seed, same weights, on one kind of machine.")
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda or cuda:1.")
@click.option(
    "--half", is_flag=True, help="Multiply in bfloat16: faster where the processor has units for it."
)
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True, help="Processes (Ray).")
@click.option(
    "--jobs", type=click.IntRange(1), default=1, show_default=True, help="Processes making samples."
)
@click.option("--version", default="1.0.0", show_default=True, help="Of the bundle.")
def train(*, product: str, out: str, steps: int | None, minutes: float | None, **how: Any) -> None:
    """Teach the network of PRODUCT, judge it where it was not taught, and write it as a bundle.

    eomap train settlement --data twin://places=240,seed=7 --out models/settlement-s --minutes 20

    \b
    What --data may be:
      twin://places=240,seed=7  made-up places over the whole land, drawn once into EOMAP_CACHE;
                                val= and test= places more (a sixth and a quarter)
      FOLDER                    So2Sat LCZ42, SEN12MS-CR or SEN12MS-CR-TS as published

    Train, validation and test are different regions of the Earth. The state that did best in validation is
    kept; its figures on the test split, and whether all of that was synthetic, stand in the bundle's card.
    OUT.training holds checkpoints, and pictures of examples: input, truth, answer, doubt.

    An interrupted training goes on with --resume to the same weights, bit for bit.
    """
    from eomap import api
    from eomap.progress import say

    with _learning() as notify:
        about = api.train(
            product, how.pop("data"), out, steps=steps or 0, minutes=minutes or 0.0, notify=notify, **how
        )
    for kind in ("synthetic", "real"):
        for figure in about["figures"][kind]:
            say(f"{figure['name']} {figure['value']:.4g} ({figure['n']} {figure['on']})")
    say(f"{out}: {about['name']} {about['version']}, {about['size'] / 1e6:.2f} MB, {about['sha256'][:12]}")


def _learning() -> Any:
    """Return a context that shows a bar over samples, then over steps with loss and figures."""
    import contextlib

    @contextlib.contextmanager
    def shown() -> Any:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn(),
            TextColumn("{task.fields[said]}"),
        )  # fmt: skip
        with Progress(*columns, console=Console(stderr=True)) as bar:
            yield _Shown(bar)

    return shown()


class _Shown:
    """Turns events of a training into bars and lines."""

    def __init__(self, bar: Any) -> None:
        self.bar, self.task, self.loss = bar, None, 0.0

    def __call__(self, kind: str, info: Any) -> None:
        if kind == "samples-begin":
            self._begin("samples", info["places"], info["done"])
        elif kind == "train-begin":
            self._begin("training", info["steps"], info["done"])
        elif kind == "samples-done":
            self.bar.update(self.task, advance=1)
        elif kind == "train-step":
            self.loss = info["loss"] if not self.loss else 0.95 * self.loss + 0.05 * info["loss"]
            self.bar.update(self.task, completed=info["step"], said=f"loss {self.loss:.4g}")
        elif kind == "train-val":
            words = ", ".join(f"{k} {v:.4g}" for k, v in info.items() if isinstance(v, float))
            self.bar.console.print(f"step {info['step']}: {words}")

    def _begin(self, title: str, total: int, done: int) -> None:
        if self.task is not None:
            self.bar.remove_task(self.task)
        self.task = self.bar.add_task(title, total=total, completed=done, said="")
