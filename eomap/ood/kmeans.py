"""Clusters by k-means: greedy k-means++ seeds, then Lloyd's iterations. Same seed, same clusters.

Arthur and Vassilvitskii (2007), SODA, p. 1027; Lloyd (1982), doi:10.1109/TIT.1982.1056489.
Axis letters: n sample, d feature, k cluster.
"""

import numpy as np
import numpy.typing as npt

from eomap.errors import MisuseError

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]


def kmeans(x_nd: F64, k: int, *, seed: int = 0, iterations: int = 100) -> tuple[F64, I64]:
    """Return the centres (k, d) and the cluster of each sample (n).

    A cluster that loses all its samples moves to the sample farthest from its own centre; with fewer
    distinct samples than clusters some stay empty. Raises MisuseError unless 1 <= k <= n.
    """
    if not 1 <= k <= len(x_nd):
        raise MisuseError("k-means", expected=f"1 to {len(x_nd)} clusters", got=str(k))
    x = x_nd - x_nd.mean(axis=0)  # distances come from squares: near the origin they lose least
    centres = _seeds(x, k, np.random.default_rng(seed))
    cluster = np.full(len(x), -1)
    for _ in range(iterations):
        apart = squared_distances(x, centres)
        now = apart.argmin(axis=1)
        if (now == cluster).all():
            break
        cluster = now
        centres, cluster = _moved(x, centres, cluster, apart[np.arange(len(x)), now])
    return centres + x_nd.mean(axis=0), cluster


def squared_distances(x_nd: F64, centre_kd: F64) -> F64:
    """Return squared Euclidean distances (n, k), never below 0."""
    square = (x_nd * x_nd).sum(axis=1)[:, None] + (centre_kd * centre_kd).sum(axis=1)
    return np.maximum(square - 2 * x_nd @ centre_kd.T, 0)


def _seeds(x: F64, k: int, rng: np.random.Generator) -> F64:
    """Return k samples far apart: each the best of a few drawn by squared distance to those before."""
    trials = 2 + int(np.log(k))
    chosen = [int(rng.integers(len(x)))]
    nearest = squared_distances(x, x[chosen])[:, 0]
    for _ in range(1, k):
        total = nearest.sum()
        draws = rng.random(trials) * total
        picked = np.minimum(np.searchsorted(np.cumsum(nearest), draws, side="right"), len(x) - 1)
        after = np.minimum(nearest[:, None], squared_distances(x, x[picked]))
        best = int(after.sum(axis=0).argmin())
        chosen.append(int(picked[best]))
        nearest = after[:, best]
    return x[chosen]


def _moved(x: F64, centres: F64, cluster: I64, apart_n: F64) -> tuple[F64, I64]:
    """Return the means of the clusters, empty ones put on the samples that lie farthest off."""
    size = np.bincount(cluster, minlength=len(centres))
    empty = np.flatnonzero(size == 0)
    if empty.size:
        cluster = cluster.copy()
        for k, n in zip(empty, np.argsort(-apart_n, kind="stable"), strict=False):
            if apart_n[n] <= 0 or size[cluster[n]] < 2:
                continue
            size[cluster[n]] -= 1
            cluster[n], size[k] = k, 1
    member = np.zeros((len(centres), len(x)))
    member[cluster, np.arange(len(x))] = 1
    means = member @ x / np.maximum(size, 1)[:, None]
    return np.where(size[:, None] > 0, means, centres), cluster
