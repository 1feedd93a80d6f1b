"""Arrays in, arrays out: the only home of numba. Each fast kernel has a plain numpy twin that defines it."""
