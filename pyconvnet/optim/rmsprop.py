"""RMSprop."""

import numpy as np

from .optimizer import Optimizer


class RMSprop(Optimizer):
    """v <- alpha v + (1 - alpha) g^2;  p <- p - lr g / (sqrt(v) + eps). Tieleman & Hinton (2012).

    centered subtracts from v the square of the mean gradient (Graves 2013), so that it is a variance. With momentum
    p moves by lr b, b <- momentum b + g / (sqrt(v) + eps). weight_decay adds weight_decay p to g.
    """

    def __init__(
        self, params, lr=1e-2, alpha=0.99, eps=1e-8, weight_decay=0.0, momentum=0.0, centered=False, *,
        maximize=False, **left_out,
    ):  # fmt: skip
        super().__init__(params, dict(lr=lr, momentum=momentum, alpha=alpha, eps=eps, centered=centered,
                                      weight_decay=weight_decay, maximize=maximize), left_out)  # fmt: skip

    def update(self, p, g, state, group):
        alpha = group["alpha"]
        if group["weight_decay"]:
            g = g + group["weight_decay"] * p
        if not state:
            state.update(step=np.zeros((), np.float32), square_avg=np.zeros_like(p))
            if group["momentum"] > 0:
                state["momentum_buffer"] = np.zeros_like(p)
            if group["centered"]:
                state["grad_avg"] = np.zeros_like(p)
        state["step"] += 1
        v = state["square_avg"]
        v *= alpha
        v += (1 - alpha) * g * g
        if group["centered"]:
            mean = state["grad_avg"]
            mean += (1 - alpha) * (g - mean)
            with np.errstate(invalid="ignore"):  # rounding may leave a negative variance: NaN, as in PyTorch
                v = v - mean * mean
                root = np.sqrt(v)
        else:
            root = np.sqrt(v)
        direction = g / (root + group["eps"])
        if group["momentum"] > 0:
            b = state["momentum_buffer"]
            b *= group["momentum"]
            b += direction
            direction = b
        p -= group["lr"] * direction
