"""Answers as text for people: aligned lines and tables. `--json` gives the same as data."""

from collections.abc import Mapping, Sequence
from typing import Any


def table(records: Sequence[Mapping[str, Any]]) -> str:
    """Return records as aligned columns under their names."""
    if not records:
        return "nothing"
    heads = list(records[0])
    rows = [heads, *([_text(r.get(h)) for h in heads] for r in records)]
    widths = [max(len(r[i]) for r in rows) for i in range(len(heads))]
    right = [isinstance(records[0].get(h), int | float) for h in heads]
    return "\n".join(
        "  ".join(
            v.rjust(w) if to_right else v.ljust(w) for v, w, to_right in zip(r, widths, right, strict=True)
        ).rstrip()
        for r in rows
    )


def point(found: Mapping[str, Any]) -> str:
    """Return the answer of `api.query_point` as lines: where, status, then one layer per line."""
    lines = [f"{found['lon']}, {found['lat']}: {found['status']}"]
    if found["cell"]:
        cell = found["cell"]
        lines[0] += f" (tile {found['tile']}, cell {cell['row']}, {cell['col']})"
    width = max((len(n) for n in found["layers"]), default=0)
    for name, layer in found["layers"].items():
        value = "nothing" if layer["value"] is None else _text(layer["value"])
        unit = "" if layer["unit"] in ("", "1", None) else f" {layer['unit']}"
        meaning = f" {layer['class']}" if layer.get("class") else ""
        lines.append(f"{name:<{width}}  {value}{unit}{meaning}")
    return "\n".join(lines)


def zones(records: Sequence[Mapping[str, Any]]) -> str:
    """Return the answer of `api.query_zones` as a table: per zone its classes, then what is not mapped."""
    rows = []
    for number, record in enumerate(records):
        zone = record.get("name") or str(record["zone"])
        if record["code"] is not None:
            rows.append(_row(zone, record["class"], record["area_km2"], f"{100 * record['share']:.2f}"))
        if number + 1 == len(records) or records[number + 1]["zone"] != record["zone"]:
            rows += [_row(zone, name, record[key], "") for name, key in _UNMAPPED if record[key]]
    return table(rows)


_UNMAPPED = (
    ("(no clear look)", "no_look_km2"),
    ("(unwritten)", "unwritten_km2"),
    ("(outside the cube)", "outside_km2"),
)


def scores(found: Mapping[str, Any]) -> str:
    """Return the answer of `api.score` as text: per layer its figures, then its tables."""
    lines = ["SYNTHETIC: made-up scenes or made-up truth, no real place", ""] if found["synthetic"] else []
    for entry in found["layers"]:
        blank = entry["cells of truth left blank by the map"]
        lines.append(
            f"{entry['layer']} against {entry['truth']}: {entry['cells']:,} cells compared,"
            f" {blank:,} more have truth but no map"
        )
        width = max(len(k) for k in entry["metrics"])
        lines += [f"  {k:<{width}}  {_figure(v)}" for k, v in entry["metrics"].items()]
        # Tenths of every band are for --json and --html.
        for key in ("classes", "bands", "by", *(() if "bands" in entry else ("bins",))):
            if rows := [r for r in entry.get(key, ()) if r.get("true cells", 1) or r.get("mapped cells", 1)]:
                shown = [{k: v if isinstance(v, str) else _figure(v) for k, v in r.items()} for r in rows]
                lines += ["", table(shown)]
        lines.append("")
    if found["not scored"]:
        lines.append(f"not scored, no truth there: {', '.join(found['not scored'])}")
    return "\n".join(lines).rstrip()


def _figure(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) and abs(value) < 1000 else f"{value:,}"


def _row(zone: str, name: str, area_km2: float, share: str) -> dict[str, Any]:
    return {"zone": zone, "class": name, "km2": area_km2, "% of mapped": share}


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.3f}" if abs(value) < 1000 else f"{value:,.1f}"
    if isinstance(value, Mapping):
        return ", ".join(f"{k} {_text(v)}" for k, v in value.items())
    return "" if value is None else str(value)
