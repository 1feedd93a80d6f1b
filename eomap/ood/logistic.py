"""Logistic regression of two balanced classes with an L2 penalty, by Newton's method.

Axis letters: n sample, d feature.
"""

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]


def balanced_logistic(
    x_nd: F64, event_n: Bool, *, penalty: float = 1.0, iterations: int = 100
) -> tuple[F64, float]:
    """Return the coefficients (d) and the intercept of the log-odds of the event.

    Minimises penalty/2 |coefficients|^2 + sum of weight x log-loss, with weights that give both classes the
    same sum (n / 2 each). The intercept is not penalised. Both classes must occur.
    """
    share = event_n.mean()
    weight = np.where(event_n, 0.5 / share, 0.5 / (1 - share))
    x = np.column_stack([x_nd, np.ones(len(x_nd))])
    ridge = np.append(np.full(x_nd.shape[1], penalty), 0.0)
    sign = np.where(event_n, 1.0, -1.0)
    w = np.zeros(x.shape[1])
    for _ in range(iterations):
        p = 1 / (1 + np.exp(np.clip(-(x @ w), -700, 700)))
        gradient = x.T @ (weight * (p - event_n)) + ridge * w
        if np.abs(gradient).max() < 1e-8 * len(x):
            break
        hessian = (x.T * (weight * p * (1 - p))) @ x + np.diag(ridge)
        step = np.linalg.lstsq(hessian, gradient, rcond=None)[0]
        w = _downhill(w, step, gradient, lambda v: _loss(x, v, weight, sign, ridge))
    return w[:-1], float(w[-1])


def _loss(x: F64, w: F64, weight: F64, sign: F64, ridge: F64) -> float:
    return float((weight * np.logaddexp(0, -sign * (x @ w))).sum() + (ridge * w * w).sum() / 2)


def _downhill(w: F64, step: F64, gradient: F64, loss) -> F64:
    """Return the point a Newton step leads to, the step halved until the loss falls enough."""
    before, slope, length = loss(w), float(gradient @ step), 1.0
    while length > 1e-10 and loss(w - length * step) > before - 1e-4 * length * slope:
        length /= 2
    return w - length * step
