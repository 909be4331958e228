"""Stochastic gradient descent."""

from .optimizer import Optimizer


class SGD(Optimizer):
    """v <- momentum v + (1 - dampening)(g + weight_decay p);  p <- p - lr v.

    Nesterov: p <- p - lr (g + momentum v). v starts as the first g. Sutskever et al. (2013).
    """

    def __init__(
        self, params, lr=1e-3, momentum=0.0, dampening=0.0, weight_decay=0.0, nesterov=False, *, maximize=False,
        **left_out,
    ):  # fmt: skip
        super().__init__(params, dict(lr=lr, momentum=momentum, dampening=dampening, weight_decay=weight_decay,
                                      nesterov=nesterov, maximize=maximize), left_out)  # fmt: skip

    def _check_settings(self, settings):
        super()._check_settings(settings)
        if settings["nesterov"] and (settings["momentum"] <= 0 or settings["dampening"]):
            raise ValueError("SGD: nesterov needs a momentum above 0 and no dampening")

    def update(self, p, g, state, group):
        if group["weight_decay"]:
            g = g + group["weight_decay"] * p
        if group["momentum"]:
            if state.get("momentum_buffer") is not None:
                v = state["momentum_buffer"]
                v *= group["momentum"]
                v += (1 - group["dampening"]) * g
            else:
                v = state["momentum_buffer"] = g.copy()
            g = g + group["momentum"] * v if group["nesterov"] else v
        p -= group["lr"] * g
