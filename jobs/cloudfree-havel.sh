#!/bin/sh
# One look of June without its clouds, and local climate zones from it: jobs/cloudfree-havel.sh [FOLDER]
set -eu
OUT="${1:-.}"
eomap run --bbox 12.60,52.49,12.66,52.51 --product cloudfree --period 2024-06 --out "$OUT/havel-cloudfree.zarr"
eomap verify "$OUT/havel-cloudfree.zarr"
eomap export "$OUT/havel-cloudfree.zarr" --png havel-cloudfree.png
eomap run --bbox 12.60,52.49,12.66,52.51 --product lcz --composite cloudfree --period 2024-06 \
  --out "$OUT/havel-lcz-cloudfree.zarr"
