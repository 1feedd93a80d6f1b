#!/bin/sh
# Sealed ground and zones of towns west of Berlin, on Sentinel-2's own pixels: jobs/settlement-havel.sh [out.zarr]
set -eu
OUT="${1:-settlement-havel.zarr}"
eomap run --bbox 12.40,52.35,12.80,52.60 --product settlement --period 2024-05-01/2024-09-30 --max-looks 6 --grid utm --out "$OUT"
eomap verify "$OUT"
eomap export "$OUT" --png settlement-havel.png
