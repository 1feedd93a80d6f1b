#!/bin/sh
# A first look at a real catalogue, small enough for a laptop: jobs/havel-lcz.sh [havel.zarr]
# The model: earth-search serves L2A, on which the default network must not be used (docs/explanation/lcz-havel.md).
set -eu
OUT="${1:-havel.zarr}"
eomap run --bbox 12.60,52.49,12.66,52.51 --product lcz --period 2024-06 --model sen2lcz-mf --out "$OUT"
eomap verify "$OUT"
eomap export "$OUT" --png havel.png
