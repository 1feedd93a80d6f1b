"""The ledger: one receipt per task, written once. It lies beside the cube, never inside it.

`plan.json` is what was planned; `receipts/<tile>.json` says that a task is done and what it wrote;
`failed/<tile>.json` says why one is not. A cube is complete when planned = recorded = present.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from eomap.core.grid import group_of
from eomap.core.plan import Plan, digest
from eomap.core.receipt import Receipt, manifest_sha256
from eomap.engine import scene_table
from eomap.errors import BrokenInputError, MisuseError

SUFFIX = ".ledger"
PLAN, MANIFEST = "plan.json", "manifest.json"
ORPHAN = "written, but no receipt says so"
UNFINISHED = "left behind by a write that was cut off"
NOT_PLANNED = "a receipt of a tile that was not planned"


@dataclass(frozen=True, slots=True)
class Ledger:
    """Receipts in a listing (eomap.io.store) at <cube>.ledger."""

    store: Any

    def plan(self) -> Plan | None:
        """Return the recorded plan, or None where no run has begun."""
        try:
            said = json.loads(self.store.read(PLAN))
            if scene_table.is_apart(said["scenes"]):
                said["scenes"] = scene_table.joined(said["scenes"], self.store.read(scene_table.FILE))
            return Plan.from_json(said)
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, KeyError) as problem:
            raise BrokenInputError(
                f"{self.store.url}/{PLAN}", expected="a plan", got=str(problem)[:200]
            ) from problem

    def begin(self, plan: Plan) -> None:
        """Record the plan before anything is written; raise MisuseError where another plan lies."""
        said = plan.to_json()
        if len(plan.scenes) >= scene_table.MANY:
            said, scenes = scene_table.set_apart(said)
            if self.plan() is None:
                self.store.put(scene_table.FILE, scenes)
        data = json.dumps(said, indent=1, sort_keys=True).encode()
        if not self.store.put_new(PLAN, data):
            self.refuse_other(plan)

    def refuse_other(self, plan: Plan) -> bool:
        """Return whether this plan is recorded here; raise MisuseError where another one is."""
        old = self.plan()
        if old is not None and old.run_id != plan.run_id:
            raise MisuseError(
                self.store.url.removesuffix(SUFFIX),
                expected=f"the plan it was begun with ({_short(old)})",
                got=f"another one ({_short(plan)})",
                hint="another --out, or remove the old cube and its ledger",
            )
        return old is not None

    def record(self, receipt: Receipt) -> Receipt:
        """Write a receipt that must not exist yet, and return the one that now stands.

        A lost answer to our own write is recognised by the attempt; an equal result of another
        worker is welcome; a different one means that the same task gave two results: a bug.
        """
        if receipt.status != "written":
            self.store.put(f"failed/{receipt.tile}.json", _dump(receipt))
            return receipt
        key = f"receipts/{receipt.tile}.json"
        if self.store.put_new(key, _dump(receipt)):
            self.store.delete(f"failed/{receipt.tile}.json")
            return receipt
        standing = self._receipt(key)
        if standing is None:
            self.store.put(key, _dump(receipt))
            return receipt
        if standing.attempt != receipt.attempt and standing.content() != receipt.content():
            raise RuntimeError(
                f"{self.store.url}/{key}: one task gave two results; "
                f"recorded {standing.content()}, now {receipt.content()}"
            )
        return standing

    def receipts(self) -> dict[str, Receipt]:
        """Return the receipts of finished tasks by tile id."""
        return dict(self._read("receipts"))

    def failures(self) -> dict[str, Receipt]:
        """Return the receipts of tasks that were set aside, by tile id."""
        done = set(self.receipts())
        return {tile: r for tile, r in self._read("failed") if tile not in done}

    def _read(self, folder: str) -> Iterator[tuple[str, Receipt]]:
        for key in self.store.keys(folder):
            match = re.fullmatch(rf"{folder}/((?:z\d{{5}})?r\d{{3}}c\d{{3}})\.json", key)
            if match and (receipt := self._receipt(key)) is not None:
                yield match[1], receipt

    def _receipt(self, key: str) -> Receipt | None:
        """Return a receipt; None for one that cannot be read: its task is done again."""
        try:
            return Receipt.from_json(json.loads(self.store.read(key)))
        except (FileNotFoundError, ValueError, TypeError, KeyError):
            return None

    def forget(self, tile: str) -> None:
        """Remove the receipt of a tile, so that its task is done again."""
        self.store.delete(f"receipts/{tile}.json")

    def manifest(self) -> dict[str, Any] | None:
        """Return the manifest (run_id, sha256, receipts); None where there is none, or none that is whole."""
        try:
            found = json.loads(self.store.read(MANIFEST))
            return found if digest(found["receipts"]) == found["sha256"] else None
        except (FileNotFoundError, ValueError, TypeError, KeyError):
            return None

    def close(self, plan: Plan) -> str | None:
        """Write the manifest when every task has its receipt, and return its digest; else None."""
        receipts = self.receipts()
        if any(t.tile.id not in receipts for t in plan.tasks):
            return None
        wanted = [receipts[t.tile.id] for t in plan.tasks]
        content = {
            "run_id": plan.run_id,
            "sha256": manifest_sha256(wanted),
            "receipts": [r.content() for r in wanted],
        }
        self.store.put(MANIFEST, json.dumps(content, indent=1, sort_keys=True).encode())
        return str(content["sha256"])


def audit(plan: Plan, ledger: Ledger, store: Any) -> dict[str, list[str]]:
    """Return what is wrong with each tile of a cube: planned = recorded = present = sums agree.

    Keys are tile ids, and `cube` for what belongs to no tile. An empty dict is a cube to trust.
    """
    problems: dict[str, list[str]] = {}
    receipts, owned = ledger.receipts(), set()
    for task in plan.tasks:
        tile = task.tile.id
        receipt = receipts.get(tile)
        if receipt is None:
            problems[tile] = ["planned but not done"]
            continue
        if receipt.task_key != task.key:
            problems.setdefault(tile, []).append("its receipt belongs to another task")
        for written in receipt.objects:
            owned.add(written.key)
            if fault := _fault(store, written.key, written.size, written.sha256):
                problems.setdefault(tile, []).append(f"{written.key}: {fault}")
    planned = {t.tile.id for t in plan.tasks}
    about = [f"{t}: {NOT_PLANNED}" for t in sorted(receipts.keys() - planned)]
    # What a task wrote before it was stopped is no orphan: the task will be done again.
    if planned <= receipts.keys():
        groups = sorted({group_of(t.tile.epsg) for t in plan.tasks})
        there = {k for z in groups for g in plan.layers for k in store.keys(f"{z}{g}/c")}
        about += [f"{k}: {ORPHAN}" for k in sorted(there - owned)]
        about += [f"{k}: {UNFINISHED}" for k in store.unfinished()]
        about += _unlike_manifest(receipts, planned, ledger.manifest(), problems)
    return {**problems, "cube": about} if about else problems


def _unlike_manifest(
    receipts: dict[str, Receipt],
    planned: set[str],
    manifest: dict[str, Any] | None,
    problems: dict[str, list[str]],
) -> list[str]:
    """Add the tiles whose receipts were changed after the manifest was closed; return faults of no tile."""
    if manifest is None:
        return ["its ledger has no whole manifest"]
    closed = {r["tile"]: digest(r) for r in manifest["receipts"]}
    for tile in sorted(planned):
        if closed.get(tile) != digest(receipts[tile].content()):
            problems.setdefault(tile, []).append("its receipt is not what the manifest was closed with")
    return []


def _fault(store: Any, key: str, size: int, sha256: str) -> str | None:
    try:
        data = store.read(key)
    except FileNotFoundError:
        return "missing"
    if len(data) != size:
        return f"{len(data)} bytes, recorded {size}"
    return None if hashlib.sha256(data).hexdigest() == sha256 else "its content is not what was recorded"


def _dump(receipt: Receipt) -> bytes:
    return json.dumps(receipt.to_json(), sort_keys=True, indent=1).encode()


def _short(plan: Plan | None) -> str:
    return (
        "none" if plan is None else f"run {plan.run_id[:12]}: {plan.product}, {plan.period}, {plan.network}"
    )


def with_attempt(receipt: Receipt, attempt: str, host: str) -> Receipt:
    """Return the receipt stamped with the attempt that made it."""
    return replace(receipt, attempt=attempt, host=host)
