#!/bin/sh
# A first look at a real catalogue, small enough for a laptop: jobs/havel-lcz.sh [havel.zarr]
set -eu
OUT="${1:-havel.zarr}"
eomap run --bbox 12.60,52.49,12.66,52.51 --product lcz --period 2024-06 --out "$OUT"
eomap verify "$OUT"
eomap export "$OUT" --png havel.png
