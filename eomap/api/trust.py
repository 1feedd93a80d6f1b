"""Whether a cube is what was planned: status, verify, repair."""

from collections import Counter
from typing import Any

from eomap.api.planning import Notify, silent
from eomap.api.running import Summary, run
from eomap.core.plan import Plan
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
        "model": plan.model,
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
    import numpy as np

    from eomap.core.grid import Tile, tile_window
    from eomap.engine.ledger import audit

    plan, ledger, cube = _recorded(out)
    problems = audit(plan, ledger, cube.store)
    attributes = cube.attributes()
    if attributes.get("eomap:run_id") != plan.run_id:
        problems.setdefault("cube", []).append("its metadata belongs to another run than its ledger")
    receipts = ledger.receipts()
    main = cube.layers[0]
    for tile, receipt in receipts.items():
        if tile in problems or main.scale is not None:
            continue
        codes, counts = np.unique(
            cube.read(main.name, tile_window(Tile.parse(tile), cube.extent.step)), return_counts=True
        )
        found = {str(int(k)): int(n) for k, n in zip(codes, counts, strict=True) if k != main.fill}
        if found != dict(receipt.histogram):
            problems[tile] = ["the sums of its classes are not those recorded"]
    if not problems:
        from eomap.core.receipt import manifest_sha256

        wanted = manifest_sha256([receipts[t.tile.id] for t in plan.tasks])
        if attributes.get("eomap:manifest_sha256") != wanted:
            problems["cube"] = ["its metadata does not name this manifest; `eomap run` again to publish it"]
    return problems


def repair(out: str, *, notify: Notify = silent, **how: Any) -> tuple[dict[str, list[str]], Summary]:
    """Do the tiles again that `verify` finds fault with; return what was wrong and the run's summary."""
    plan, ledger, cube = _recorded(out)
    problems = verify(out)
    for tile, faults in problems.items():
        if tile == "cube":
            for fault in faults:
                if fault.endswith("no receipt says so"):
                    cube.store.delete(fault.partition(":")[0])
            continue
        ledger.forget(tile)
    return problems, run(plan, out, notify=notify, **how)


def _recorded(out: str) -> tuple[Plan, Any, Any]:
    """Return plan, ledger and cube of a run; raise MisuseError where there is none."""
    from eomap.engine.ledger import SUFFIX, Ledger
    from eomap.io.cube import open_cube as opened
    from eomap.io.store import open_store

    cube = opened(out)
    ledger = Ledger(open_store(out.rstrip("/") + SUFFIX))
    plan = ledger.plan()
    if plan is None:
        raise MisuseError(
            out,
            expected=f"its ledger at {out}{SUFFIX}",
            got="nothing there",
            hint="a cube and its ledger move together",
        )
    return plan, ledger, cube
