#!/bin/sh
# LCZ of Africa on a cluster, from its head node: jobs/africa-lcz.sh s3://bucket/africa-lcz-2025.zarr africa.geojson
# The year is named, because a run that lasts over New Year must keep its plan.
set -eu
OUT="$1"
AOI="$2"
eomap run --aoi "$AOI" --product lcz --period 2025 \
  --max-cloud 60 --out "$OUT" --address auto
eomap verify "$OUT"
