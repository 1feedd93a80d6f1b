#!/bin/sh
# LCZ of Africa on a cluster, from its head node: jobs/africa-lcz.sh s3://bucket/africa-lcz-2025.zarr africa.geojson
# The year is named, because a run that lasts over New Year must keep its plan.
# The model: earth-search serves L2A, on which the default network must not be used (docs/explanation/lcz-havel.md).
set -eu
OUT="$1"
AOI="$2"
eomap run --aoi "$AOI" --product lcz --period 2025 --model sen2lcz-mf \
  --max-cloud 60 --memory 3GB --out "$OUT" --address auto
eomap verify "$OUT"
