"""Whether a cube is what was planned: status, verify, repair."""

from collections import Counter
from typing import Any

from eomap.api.planning import Notify, silent
from eomap.api.running import ENGINES, Summary, check_engine, cube_of, run, write_metadata
from eomap.core.plan import Plan
from eomap.core.receipt import Receipt
from eomap.errors import MisuseError


def status(out: str) -> dict[str, Any]:
    """Return how far a run is: planned, done and failed tiles, errors, seconds per stage, bytes read."""
    plan, ledger, _ = _recorded(out)
    receipts, failures = ledger.receipts(), ledger.failures()
    planned = [t.tile.id for t in plan.tasks]
    done = [t for t in planned if t in receipts]
    spent: Counter[str] = Counter()
    for tile in done:
        spent.update(receipts[tile].seconds)
    return {
        "out": out,
        "run_id": plan.run_id,
        "product": plan.product,
        "period": plan.period,
        "model": plan.model or None,
        "planned": len(planned),
        "done": len(done),
        "failed": {t: r.error for t, r in sorted(failures.items())},
        "waiting": len(planned) - len(done) - len(failures),
        "unseen": len(plan.unseen),
        "seconds": {k: round(v, 2) for k, v in sorted(spent.items())},
        "needed_bytes": sum(receipts[t].needed_bytes for t in done),
        "decoded_bytes": sum(receipts[t].decoded_bytes for t in done),
        "complete": len(done) == len(planned),
    }


def verify(out: str) -> dict[str, list[str]]:
    """Return what is wrong with a cube, by tile; empty when planned = recorded = present = sums agree."""
    from eomap.core.receipt import manifest_sha256
    from eomap.engine.ledger import audit
    from eomap.io.cube import metadata_faults

    plan, ledger, cube = _recorded(out)
    problems = audit(plan, ledger, cube.store)
    if faults := metadata_faults(cube, plan.run_id):
        return {**problems, "cube": [*problems.get("cube", []), *faults]}
    receipts = ledger.receipts()
    for tile, receipt in receipts.items():
        if tile not in problems and (fault := _sums(cube, tile, receipt)):
            problems[tile] = [fault]
    if not problems:
        wanted = manifest_sha256([receipts[t.tile.id] for t in plan.tasks])
        if cube.attributes().get("eomap:manifest_sha256") != wanted:
            problems["cube"] = ["its metadata does not name this manifest; `eomap run` again to publish it"]
    return problems


def _sums(cube: Any, tile: str, receipt: Receipt) -> str | None:
    """Return the fault where what a tile holds does not add up to its receipt."""
    from eomap.core.grid import Tile, tile_window
    from eomap.core.receipt import Tally, tally

    main, window = cube.layers[0], tile_window(Tile.parse(tile), cube.step)
    bands = range(len(main.bands)) if main.bands else (None,)
    found = tally(main, (cube.read(main.name, window, band=b) for b in bands))
    recorded = Tally(receipt.n_valid, dict(receipt.histogram), dict(receipt.sums))
    what = "classes" if main.legend else "values"
    return None if found == recorded else f"the sums of its {what} are not those recorded"


def repair(out: str, *, notify: Notify = silent, **how: Any) -> tuple[dict[str, list[str]], Summary]:
    """Do the tiles again that `verify` finds fault with; return what was wrong and the run's summary."""
    from eomap.engine.ledger import NOT_PLANNED, ORPHAN, UNFINISHED
    from eomap.io.cube import metadata_faults

    plan, ledger, cube = _recorded(out)
    check_engine(how.get("engine", ENGINES[0]), how.get("workers"), how.get("gpus_per_predictor"))
    problems = verify(out)
    for fault in problems.get("cube", []):
        name, _, kind = fault.partition(": ")
        if kind in (ORPHAN, UNFINISHED):
            cube.store.delete(name)
        elif kind == NOT_PLANNED:
            ledger.forget(name)
    for tile in problems.keys() - {"cube"}:
        ledger.forget(tile)
    if metadata_faults(cube, plan.run_id):
        write_metadata(plan, cube)
    return problems, run(plan, out, notify=notify, **how)


def _recorded(out: str) -> tuple[Plan, Any, Any]:
    """Return plan, ledger and cube of a run; raise MisuseError where there is none."""
    from eomap.engine.ledger import SUFFIX, Ledger
    from eomap.io.cube import open_cube as opened
    from eomap.io.store import open_store

    ledger = Ledger(open_store(out.rstrip("/") + SUFFIX))
    plan = ledger.plan()
    if plan is None:
        opened(out)  # says so where there is no cube either
        raise MisuseError(
            out,
            expected=f"its ledger at {out}{SUFFIX}",
            got="nothing there",
            hint="put its ledger back, or give the `eomap run` that made it again",
        )
    return plan, ledger, cube_of(plan, out)
