"""Draw what `measure.py` wrote: `python bench/peers/picture.py bench/peers.json docs/images/peers.png`."""

import json
import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

WIDTH, ROW, LEFT, TOP = 900, 46, 250, 70
OURS, THEIRS, FLOOR = (31, 119, 180), (170, 170, 170), (214, 39, 40)


def main() -> None:
    report = json.loads(Path(sys.argv[1]).read_text())
    found = sorted(report["contenders"].items(), key=lambda pair: -pair[1]["cpu_s"])
    floor_s = report["floor"]["decode_s"]
    image = Image.new("RGB", (WIDTH, TOP + ROW * len(found) + 40), "white")
    draw, scale = ImageDraw.Draw(image), (WIDTH - LEFT - 150) / found[0][1]["cpu_s"]
    text, small = ImageFont.load_default(18), ImageFont.load_default(14)
    title = f"Cloud-free median of {report['km2']} km2, {report['scenes']} scenes (made up), two UTM zones"
    draw.text((16, 14), title, "black", text)
    draw.text(
        (16, 40), "CPU-seconds of all processes, imports included; peak memory of the largest", "black", small
    )
    for n, (name, cost) in enumerate(found):
        y = TOP + n * ROW
        draw.text((16, y + 6), name, "black", text)
        end = LEFT + cost["cpu_s"] * scale
        draw.rectangle((LEFT, y, end, y + ROW - 14), OURS if name.startswith("eomap") else THEIRS)
        draw.text((end + 8, y + 6), f"{cost['cpu_s']:.1f} s, {cost['peak_mb'] / 1000:.1f} GB", "black", text)
    x, bottom = LEFT + floor_s * scale, TOP + ROW * len(found)
    draw.line((x, TOP - 4, x, bottom), FLOOR, 2)
    draw.text((x - 60, bottom + 4), f"decoding alone, by GDAL: {floor_s:.1f} s", FLOOR, small)
    image.quantize(32).save(sys.argv[2], optimize=True)


if __name__ == "__main__":
    main()
