"""What people see while they wait, on stderr."""

import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Notify = Callable[[str, Mapping[str, Any]], None]


def say(text: str) -> None:
    """Print a remark where it does not mix with answers."""
    print(text, file=sys.stderr, flush=True)


@contextlib.contextmanager
def searching() -> Iterator[Notify]:
    """Show how many items a search has found so far; nothing where nobody watches."""
    from rich.console import Console

    console = Console(stderr=True)
    with console.status("searching the catalogue") as line:
        yield (
            lambda kind, info: (
                line.update(f"searching the catalogue: {info['items']:,} items")
                if (kind == "search")
                else None
            )
        )


@contextlib.contextmanager
def running() -> Iterator[Notify]:
    """Show a bar over the area to map, with km2 per second and the time left."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
    with bar:
        yield _Shown(bar)


@contextlib.contextmanager
def building() -> Iterator[Notify]:
    """Show a bar over the pixels to make, and what is being written."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (BarColumn(), TaskProgressColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(stderr=True)) as bar:

        def show(kind: str, info: Mapping[str, Any]) -> None:
            if kind == "twin-begin":
                bar.add_task("", total=info["pixels"])
            elif kind == "twin-scene":
                bar.update(bar.task_ids[0], description=info["id"])
            elif kind == "twin-done":
                bar.update(bar.task_ids[0], advance=info["pixels"])

        yield show


@contextlib.contextmanager
def fitting() -> Iterator[Notify]:
    """Show a bar over the places that a detector is fitted on."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:

        def show(kind: str, info: Mapping[str, Any]) -> None:
            if kind in ("samples-begin", "ood-begin"):
                title = "drawing places" if kind == "samples-begin" else "looking at places"
                bar.add_task(title, total=info["places"], completed=info.get("done", 0))
            elif kind in ("samples-done", "ood-place"):
                bar.update(bar.task_ids[-1], advance=1)
            elif kind == "ood-fit":
                bar.add_task(f"fitting on {info['samples']:,} windows", total=None)

        yield show


class _Shown:
    """Turns events of a run into a bar."""

    def __init__(self, bar: Any) -> None:
        self.bar, self.map = bar, None
        self.fetches: dict[str, Any] = {}

    def __call__(self, kind: str, info: Mapping[str, Any]) -> None:
        if kind == "fetch":
            if info["model"] not in self.fetches:
                self.fetches[info["model"]] = self.bar.add_task(
                    f"fetching {info['model']}", total=None, rate=""
                )
            self.bar.update(self.fetches[info["model"]], completed=info["done"], total=info["total"])
        elif kind == "begin" and info["todo"]:
            self.map = self.bar.add_task(
                f"mapping 0/{info['todo']} tiles", total=info["km2"], completed=info["km2_done"], rate=""
            )
            self.count, self.todo, self.km2 = 0, info["todo"], 0.0
        elif kind == "settled":
            self.count, self.km2 = self.count + 1, self.km2 + info["km2"]
            task = self.bar.tasks[self.bar.task_ids.index(self.map)]
            rate = self.km2 / task.elapsed if task.elapsed else 0.0
            self.bar.update(
                self.map,
                advance=info["km2"],
                rate=f"{rate:,.1f} km2/s",
                description=f"mapping {self.count}/{self.todo} tiles",
            )
            if info["receipt"].status != "written":
                self.bar.console.print(
                    f"failed: {info['receipt'].tile}: {info['receipt'].error}", markup=False
                )
