"""What a plan has to know of the ways to make one picture of looks; `kernels.composite` does it."""

BY_BAND = ("median", "mean", "p10", "p25", "p75", "p90")
"""Methods that take one band after the other."""
GREENNESS_BANDS = ("B04", "B08")
"""Red and near infrared, for `greenest`."""
BEST_EDGE_PX = 30
"""How far from cloud a look can gain by it, for `best`."""
DEVIATION_SCALES = (1e-6, 1.0, 1e-5)
"""Of the deviations from a geomedian as they are stored: spectral, Euclidean (in codes), Bray-Curtis."""
