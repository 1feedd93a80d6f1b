"""Print the tables of docs/explanation/twin.md from bench/twin-fidelity.json, the bars first.

python bench/twin_report.py
"""

import json
from pathlib import Path
from typing import Any

from eomap.sensors.sentinel2 import LCZ_BANDS

JSON = Path(__file__).parent / "twin-fidelity.json"


def figure(values: list[float], places: int = 3) -> str:
    """Return a figure with its interval in words."""
    value, low, high = (f"{v:.{places}f}" for v in values)
    return f"{value} ({low} to {high})"


def table(head: str, rows: list[list[str]]) -> str:
    """Return a Markdown table; `head` names its columns, divided by bars."""
    lines = [f"| {head} |", "|" + "---|" * (head.count("|") + 1)]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)]) + "\n"


def bars(of: dict[str, Any]) -> str:
    """Return what was asked of the twin and what it reaches."""
    rows: list[list[str]] = []
    if "spectra" in of:
        held = [f for f in of["spectra"] if f["place"] == "Denmark"]
        reached = ", ".join(f"{f['class']} {figure(f['rmse'], 4)}" for f in held)
        met = sum(f["rmse"][0] <= 0.012 for f in held) >= 4
        rows.append(["spectra of four classes within RMSE .012 (Denmark, held out)", reached, word(met)])
    if "judged" in of.get("clouds", {}):
        for f in of["clouds"]["judged"]:
            if f["judge"] == "ukis-csmask" and f["part"] == "all":
                place = f"{f['ground']} ground, {seeds_of(f)}, never tuned on"
                asked = f"ukis-csmask on our clouds, kappa >= .75 ({place})"
                rows.append([asked, figure(f["kappa"]), word(f["kappa"][0] >= 0.75)])
        (learnt,) = of["clouds"]["learnt from the twin"]
        kappa = learnt["rows"][-1][1]
        rows.append(
            [
                "cloud model of the twin on the real scene, kappa >= .80",
                kappa,
                word(float(kappa.split()[0]) >= 0.8),
            ]
        )
    if "zones" in of:
        for judge in of["zones"]:
            right, kind = judge["accuracy"], judge["built or natural"]
            asked = f"{judge['judge']} on our zones: right >= .50, built or natural >= .93"
            reached = f"{figure(right)}, {figure(kind)}"
            rows.append([asked, reached, word(right[0] >= 0.5 and kind[0] >= 0.93)])
    if "radar" in of:
        speckle = of["radar"]["tables"][2]["rows"]
        off = max(abs(float(row[k]) / float(row[1]) - 1) for row in speckle for k in (2, 3))
        rows.append(["looks within 5 % of the request", f"off by {off:.1%} at most", word(off <= 0.05)])
        lags = [float(row[3]) for row in of["radar"]["tables"][1]["rows"]]
        inside = all(0.8 <= lag <= 0.9 for lag in lags)
        rows.append(["lag-1 correlation .80 to .90", ", ".join(f"{v:.3f}" for v in lags), word(inside)])
        worst = max(of["radar"]["off_db"], key=lambda f: abs(f["off"][0]))
        said = (
            f"worst: {worst['place']} {worst['class']} {worst['band'].upper()} {figure(worst['off'], 1)} dB"
        )
        rows.append(["class means within 1.5 dB of real ones", said, word(abs(worst["off"][0]) <= 1.5)])
    return table("bar | reached | met", rows)


def word(met: bool) -> str:
    return "yes" if met else "**no**"


def seeds_of(f: dict[str, Any]) -> str:
    return f"{'seeds' if f['seeds'][1:] else 'seed'} {', '.join(map(str, f['seeds']))}"


def clouds(of: list[dict[str, Any]]) -> str:
    """Return the table of what judges call our clouds."""
    rows = []
    for f in of:
        classes = ", ".join(f"{n} {a:.3f} / {b:.3f}" for n, (a, b) in f["found, right"].items())
        title = f"{f['ground']} ground, {seeds_of(f)}: {f['part']}"
        figures = [figure(f["kappa"]), f"{f['accuracy']:.3f}", classes]
        rows.append([f["judge"], title, str(f["scenes"]), *figures])
    return table("judge | of clouds over | scenes | kappa | accuracy | found / right", rows)


def enmap(of: dict[str, Any]) -> str:
    """Return the tables of EnMAP's classes and of the variance that the twin's components explain."""
    rows = []
    for f in of["classes"]:
        figures = [figure(f["rmse"], 4), figure(f["spread"], 2)] if "rmse" in f else ["too few pixels", ""]
        rows.append([f["class"], "{}, {}".format(*f["pixels"]), *figures])
    classes = table("class | pixels real, twin | RMSE of means | spread, twin / real", rows)
    spectra = [
        [f["class"], kind, *(f"{1000 * m:.0f} ± {1000 * s:.0f}" for m, s in f[kind])]
        for f in of["classes"]
        for kind in ("real", "twin")
        if kind in f
    ]
    head = " | ".join(f"{nm} nm" for nm in of["shown nm"])
    classes += "\n" + table(f"class | thousandths | {head}", spectra)
    parts = [[k, figure(v, 4)] for k, v in of.items() if k.startswith("explained")]
    return classes + "\n" + table(f"real variance in {of['components']} components | share", parts)


def spectra(of: list[dict[str, Any]]) -> str:
    """Return the table of the nearest mixtures."""
    rows = [
        [f["place"], f["class"], figure(f["rmse"], 4), f"{f['styled']:.4f}", f["mixture"].lower()] for f in of
    ]
    return table("place | class | RMSE plain | styled | nearest mixture", rows)


def scored(title: str, scores: list[dict[str, Any]]) -> str:
    rows = []
    for s in scores:
        classes = ", ".join(f"{n} {v:.2f} / {s['right'].get(n) or 0:.2f}" for n, v in s["found"].items())
        rows.append([s["scene"], figure(s["accuracy"]), figure(s["kappa"]), classes])
    return table(f"{title} | accuracy | kappa | called so / rightly called so", rows)


def land(of: dict[str, Any]) -> str:
    """Return the tables of judges and models of land cover."""
    whole = of["variants"][0]
    parts = [
        scored("Dynamic World on the twin (synthetic)", whole["judge"]),
        scored("Dynamic World on real samples", of["Dynamic World on real samples"]),
        scored("learnt from the twin, on other places of it (synthetic)", whole["check"]),
        scored("learnt from the twin, on real samples", whole["real"]),
        scored(
            "learnt from two real samples, on the third", of["learnt from two real samples, on the third"]
        ),
    ]
    rows = []
    for v in of["variants"]:
        means = [sum(s["accuracy"][0] for s in v[k]) / len(v[k]) for k in ("judge", "check")]
        rows.append([v["lacks"], *(f"{m:.3f}" for m in means), *(figure(s["accuracy"]) for s in v["real"])])
    head = ["left out", "Dynamic World on it", "learnt from it, on the twin"]
    return "\n".join([*parts, table(" | ".join([*head, *(s["scene"] for s in whole["real"])]), rows)])


def likeness(of: dict[str, Any]) -> str:
    """Return the tables of means, spreads and two-sample tests."""
    rows = []
    for f in of["classes"]:
        ratios = sorted(t / r for t, r in zip(f["twin_spread"], f["real_spread"], strict=True))
        ratio = (ratios[len(ratios) // 2] + ratios[(len(ratios) - 1) // 2]) / 2
        halves = f["halves_auc"]
        rows.append(
            [f["place"], f["name"], "{}, {}".format(*f["pixels"]), figure(f["rmse"]), f"{ratio:.2f}"]
            + [f"{f['auc']:.2f}", "" if halves is None else f"{halves:.2f}"]
        )
    first = table(
        "place | class | pixels real, twin | RMSE of means | spread, twin / real | AUC | AUC, halves", rows
    )
    near = [[f["place"], *(f"{f[k]:.4f}" for k in ("25 %", "median", "75 %"))] for f in of["nearest pixel"]]
    bands = []
    for f in of["classes"]:
        for kind in ("real", "twin"):
            pairs = zip(f[f"{kind}_mean"], f[f"{kind}_spread"], strict=True)
            bands.append(
                [f["place"], f["name"], kind, *(f"{1000 * m:.0f} ± {1000 * s:.0f}" for m, s in pairs)]
            )
    return "\n".join(
        [
            first,
            table("place | nearest twin pixel, RMSE: 25 % | median | 75 %", near),
            table("place | class | thousandths | " + " | ".join(LCZ_BANDS), bands),
        ]
    )


def main() -> None:
    report = json.loads(JSON.read_text())
    found = {name: part["found"] for name, part in report["parts"].items()}
    print(bars(found))
    if "spectra" in found:
        print(spectra(found["spectra"]))
    if "land" in found:
        print(land(found["land"]))
    if "likeness" in found:
        print(likeness(found["likeness"]))
    if "judged" in found.get("clouds", {}):
        print(clouds(found["clouds"].pop("judged")))
    if "enmap" in found:
        print(enmap(found["enmap"]))
    for name in ("clouds", "radar", "air"):
        groups = found.get(name, {})
        for some in groups.values() if isinstance(groups, dict) else [groups]:
            for t in some:
                if "columns" in t:
                    print(table(" | ".join(t["columns"]), t["rows"]))
    for judge in found.get("zones", []):
        print(judge["judge"], judge["by zone"])
    print("looks", report["looks"])


if __name__ == "__main__":
    main()
