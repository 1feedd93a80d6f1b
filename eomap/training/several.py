"""One training in several processes: each takes its share of every batch, gradients are averaged.

Every process opens the samples itself, from the same files; the first one judges, and writes checkpoints.
Samples must lie there before.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from eomap.core.recipe import Recipe
from eomap.errors import MisuseError
from eomap.training.data import opened
from eomap.training.loop import Course, Ranks, Trained, judged, resumed, train
from eomap.training.windows import Windows

Notify = Callable[[str, Mapping[str, Any]], None]
Together = Callable[..., None]
"""`together(work, workers=n)` calls `work(rank, count)` in so many processes; see `engine.on_ray`."""


@dataclass(frozen=True, slots=True)
class Share:
    """What one process does; a value that travels."""

    recipe: Recipe
    data: str
    course: Course
    folder: Path
    resume: bool
    cache: str
    """Where the samples lie: EOMAP_CACHE of the process that began."""

    def __call__(self, rank: int, count: int) -> None:
        """Train as one of several."""
        import torch
        from torch.nn.parallel import DistributedDataParallel

        if self.cache:
            os.environ["EOMAP_CACHE"] = self.cache
        torch.set_num_threads(1)
        windows = Windows(self.recipe, opened(self.data, self.recipe))
        ranks = Ranks(rank, count, lambda network: DistributedDataParallel(network))
        train(self.recipe, windows, replace(self.course, ranks=ranks), folder=self.folder, resume=self.resume)


def train_in_several(
    recipe: Recipe,
    data: str,
    course: Course,
    *,
    folder: Path,
    resume: bool,
    workers: int,
    together: Together,
) -> Trained:
    """Return what several processes made of a training; as good as what one would, but not the same bits.

    Raises MisuseError where batches cannot be shared out, or for `minutes`, which every process would take
    otherwise.
    """
    if recipe.batch % workers or course.minutes:
        raise MisuseError(
            "--workers", expected=f"a divisor of the batch of {recipe.batch}, and --steps", got=str(workers)
        )
    cache = os.environ.get("EOMAP_CACHE", "")
    together(Share(recipe, data, course, folder.resolve(), resume, cache), workers=workers)
    network, progress = resumed(recipe, folder, course)
    batches = list(Windows(recipe, opened(data, recipe)).judged("test"))
    figures, _ = judged(network, recipe, batches, course)
    return Trained(network.eval(), progress, figures, sum(len(b.code_ncyx) for b in batches), 0.0)
