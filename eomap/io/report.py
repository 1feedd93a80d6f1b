"""One page of HTML about how good a map is: figures, tables, small pictures. No scripts, nothing fetched."""

import html
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from eomap.errors import MisuseError
from eomap.io.place import whole_file
from eomap.io.report_pictures import Picture, pictures
from eomap.io.sights import Sight

_STYLE = """
:root { color-scheme: light dark; --ink: #1d1f21; --soft: #5f6368; --line: #d5d8dc; --page: #ffffff;
  --card: #f5f6f8; --mark: 37, 99, 160; --warn: #b00020; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaed; --soft: #a5abb3; --line: #3c4046;
  --page: #17191c; --card: #212429; --mark: 120, 175, 235; --warn: #ff8a80; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem; max-width: 76rem; background: var(--page); color: var(--ink);
  font: 15px/1.45 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0 0 .3rem; } h2 { font-size: 1.25rem; margin: 2.2rem 0 .6rem; }
h3 { font-size: 1rem; margin: 1.4rem 0 .4rem; } p { margin: .3rem 0; }
.soft { color: var(--soft); } .banner { border: 2px solid var(--warn); color: var(--warn); font-weight: 600;
  padding: .5rem .8rem; border-radius: .4rem; margin: .8rem 0; }
.figures { display: flex; flex-wrap: wrap; gap: .6rem; margin: .6rem 0; }
.figures div { background: var(--card); border-radius: .4rem; padding: .45rem .8rem; min-width: 6.5rem; }
.figures dt { color: var(--soft); font-size: .8rem; } .figures dd { margin: 0; font-size: 1.25rem; }
.pictures { display: flex; flex-wrap: wrap; gap: 1rem; }
figure { margin: 0; flex: 1 1 18rem; max-width: 24rem; }
img { width: 100%; display: block; border: 1px solid var(--line); image-rendering: pixelated; }
figcaption { font-size: .85rem; color: var(--soft); margin-top: .25rem; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: .85rem; }
th, td { padding: .2rem .55rem; text-align: right; border-bottom: 1px solid var(--line);
  white-space: nowrap; }
th { font-weight: 600; } th.name, td.name { text-align: left; }
.confusion td, .confusion th { padding: .2rem .35rem; }
.swatch { display: inline-block; width: .9em; height: .9em; margin-right: .4em; vertical-align: -.1em;
  border: 1px solid var(--line); }
""".strip()


def check_place(path: str | Path) -> None:
    """Raise MisuseError where no page can be written to the path."""
    place = Path(path)
    if place.is_dir() or not os.access(place.parent, os.W_OK):
        raise MisuseError(str(path), expected="a place to write", got="none", hint="make the folder first")


def write_report(path: str | Path, found: Mapping[str, Any], sights: Sequence[Sight | None]) -> Path:
    """Return the path of a new HTML page on the answer of `api.score`; `sights` are of its layers, in order.

    An existing file is replaced, whole or not at all. Raises MisuseError where the place cannot be written.
    """
    sections = "\n".join(_section(entry, sight) for entry, sight in zip(found["layers"], sights, strict=True))
    title = f"How good is {Path(str(found['cube'])).name}?"
    banner = (
        '<p class="banner">SYNTHETIC: made-up scenes or made-up truth. These figures say nothing about a real'
        " place and must not stand beside published ones.</p>"
        if found["synthetic"]
        else ""
    )
    page = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{_text(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>{_text(title)}</h1>
<p class="soft">{_text(_origin(found))}</p>
{banner}
{sections}
<p class="soft">Every cell counts the same. A dash is a figure that is not defined here. Made with eomap.</p>
</body>
</html>
"""
    with whole_file(path) as part:
        part.write_text(page, "utf-8")
    return Path(path)


def _origin(found: Mapping[str, Any]) -> str:
    said = [
        f"product {found['product']}" if found["product"] else "",
        f"period {found['period']}" if found["period"] else "",
        f"network {' and '.join(found['models'])}" if found["models"] else "",
        f"run {str(found['run'])[:12]}" if found["run"] else "",
        f"truth {Path(str(found['truth'])).name}",
        f"not scored, no truth there: {', '.join(found['not scored'])}" if found["not scored"] else "",
    ]
    return " · ".join(s for s in said if s)


def _section(entry: Mapping[str, Any], sight: Sight | None) -> str:
    legend = {c.value: c.color for c in sight.layer.legend} if sight else {}
    unit = "" if entry["unit"] in ("", "1") else f", in {entry['unit']}"
    dates = f", of {', '.join(entry['truth dates'])}" if entry["truth dates"] else ""
    parts = [
        f"<h2>{_text(entry['layer'])} against {_text(entry['truth'])}{_text(dates)}</h2>",
        f'<p class="soft">{entry["cells"]:,} cells compared{_text(unit)};'
        f" {entry['cells of truth left blank by the map']:,} more have truth but no map.</p>",
        _figures(entry["metrics"]),
        _pictures(pictures(sight) if sight else ()),
    ]
    if "classes" in entry:
        parts += [_titled("Classes", _table(entry["classes"], legend)), _confusion(entry)]
    if "bands" in entry:
        parts.append(_titled("Bands", _table(entry["bands"])))
    for key, title in (
        ("by", "By number of looks"),
        ("reliability", "Reliability: does it mean what it says?"),
        ("bins", "By tenths of the truth"),
    ):
        if entry.get(key):
            parts.append(_titled(title, _table(entry[key])))
    return f"<section>\n{chr(10).join(p for p in parts if p)}\n</section>"


def _figures(metrics: Mapping[str, Any]) -> str:
    boxes = "".join(f"<div><dt>{_text(k)}</dt><dd>{_number(v)}</dd></div>" for k, v in metrics.items())
    return f'<dl class="figures">{boxes}</dl>'


def _pictures(made: Sequence[Picture]) -> str:
    figures = "".join(
        f'<figure><img alt="{_text(p.caption)}" src="data:image/png;base64,{p.base64}">'
        f"<figcaption>{_text(p.caption)}</figcaption></figure>"
        for p in made
    )
    return f'<div class="pictures">{figures}</div>' if figures else ""


def _titled(title: str, body: str) -> str:
    return f'<h3>{_text(title)}</h3>\n<div class="wide">{body}</div>'


def _table(rows: Sequence[Mapping[str, Any]], legend: Mapping[int, str] | None = None) -> str:
    """Return rows as a table under their keys; `legend` puts the colour of a class before its name."""
    heads = list(rows[0])
    named = [isinstance(rows[0][h], str) for h in heads]
    lines = ["".join(_cell("th", _text(h), name=n) for h, n in zip(heads, named, strict=True))]
    for row in rows:
        cells = []
        for head, is_name in zip(heads, named, strict=True):
            text = _number(row[head])
            if head == "class" and legend and row["code"] in legend:
                text = f'<span class="swatch" style="background:#{legend[row["code"]]}"></span>{text}'
            cells.append(_cell("td", text, name=is_name))
        lines.append("".join(cells))
    body = "\n".join(f"<tr>{line}</tr>" for line in lines)
    return f"<table>\n{body}\n</table>"


def _cell(tag: str, text: str, *, name: bool = False) -> str:
    return f'<{tag} class="name">{text}</{tag}>' if name else f"<{tag}>{text}</{tag}>"


def _confusion(entry: Mapping[str, Any]) -> str:
    """Return the confusion matrix, rows true, darker for a larger share of the row."""
    codes = [c["code"] for c in entry["classes"]]
    head = "<tr><th>true \\ mapped</th>" + "".join(f"<th>{c}</th>" for c in codes) + "</tr>"
    lines = []
    for code, row in zip(codes, entry["confusion"], strict=True):
        total = sum(row)
        cells = "".join(
            f'<td style="background:rgba(var(--mark),{0.75 * n / total:.2f})">{n:,}</td>'
            if n
            else '<td class="soft">·</td>'
            for n in row
        )
        lines.append(f"<tr><th>{code}</th>{cells}</tr>")
    table = f'<table class="confusion">{head}{"".join(lines)}</table>'
    return _titled("Confusion: cells, shaded by the share of their row", table)


def _number(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool | str):
        return _text(value)
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.1f}" if abs(value) >= 1000 else f"{value:.4g}"
    return _text(json.dumps(value))


def _text(value: Any) -> str:
    return html.escape(str(value), quote=True)
