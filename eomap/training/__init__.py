"""Training: samples, one loop for every product, and the bundle that a training ends in."""
