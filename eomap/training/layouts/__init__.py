"""Published sets of samples, each read where it lies, in its own layout and with its own splits."""
