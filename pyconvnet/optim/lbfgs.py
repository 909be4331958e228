"""L-BFGS: Newton's direction from the last gradients, for losses without noise."""

from numbers import Integral, Real

import numpy as np

from ..autograd import value
from ..grad_mode import no_grad
from .line_search import Point, strong_wolfe
from .optimizer import Optimizer


class LBFGS(Optimizer):
    """p <- p + t d, d = -H g, H the inverse Hessian that history_size pairs (s, y) of steps and changes of the
    gradient imply. Liu & Nocedal (1989). step(closure) makes up to max_iter such iterations.

    It stops at max_eval calls of closure (default 5/4 max_iter), where no entry of the gradient exceeds
    tolerance_grad, or where steps or losses change by no more than tolerance_change. t is lr (the first: at most
    1 / |g|_1), or found by line_search_fn="strong_wolfe". One parameter group only.
    """

    def __init__(
        self, params, lr=1, max_iter=20, max_eval=None, tolerance_grad=1e-7, tolerance_change=1e-9, history_size=100,
        line_search_fn=None,
    ):  # fmt: skip
        for name, number in (("max_iter", max_iter), ("max_eval", max_eval), ("history_size", history_size)):
            if not isinstance(number, Integral) and not (name == "max_eval" and number is None):
                raise TypeError(f"LBFGS: {name} must be a whole number, got {number!r}")
            if number is not None and number < 1:
                raise ValueError(f"LBFGS: {name} must be at least 1, got {number}")
        for name, number in (("tolerance_grad", tolerance_grad), ("tolerance_change", tolerance_change)):
            if not isinstance(number, Real):
                raise TypeError(f"LBFGS: {name} must be a number, got {number!r}")
        if line_search_fn not in (None, "strong_wolfe"):
            raise ValueError(f"LBFGS: line_search_fn must be None or 'strong_wolfe', got {line_search_fn!r}")
        super().__init__(params, dict(
            lr=lr, max_iter=max_iter, max_eval=max_iter * 5 // 4 if max_eval is None else max_eval,
            tolerance_grad=tolerance_grad, tolerance_change=tolerance_change, history_size=history_size,
            line_search_fn=line_search_fn))  # fmt: skip

    def add_param_group(self, param_group):
        """There is one group only: all parameters are one vector."""
        if self.param_groups:
            raise ValueError("LBFGS: takes one parameter group, its direction mixes all parameters")
        super().add_param_group(param_group)

    def step(self, closure=None):
        """Up to max_iter iterations; closure() clears the gradients, computes the loss, calls backward, returns it.

        Returns the loss before the first of them."""
        if not callable(closure):
            raise TypeError("LBFGS: step needs a closure: it computes the loss several times in one step")
        with np.errstate(all="ignore"):
            return self._step(closure, self.param_groups[0])

    def _step(self, closure, group):
        params, tolerance_change = group["params"], group["tolerance_change"]
        state = self.state.setdefault(params[0], {"func_evals": 0, "n_iter": 0})
        first_loss = closure()
        loss, g = _number(first_loss), self._flat_gradient()
        state["func_evals"] += 1
        evaluations = 1
        if _largest(g) <= group["tolerance_grad"]:
            return first_loss

        for iteration in range(1, group["max_iter"] + 1):
            state["n_iter"] += 1
            d = self._direction(g, state, group["history_size"])
            state["d"], state["prev_flat_grad"], state["prev_loss"] = d, g, loss
            t = group["lr"] * (min(1.0, float(1.0 / np.abs(g).sum())) if state["n_iter"] == 1 else 1.0)
            slope = g.dot(d)
            state["t"] = t
            if slope > -tolerance_change:
                break

            last, used = iteration == group["max_iter"], 0
            if group["line_search_fn"]:
                found, used = strong_wolfe(
                    self._along(closure, d), Point(0.0, loss, g, slope), t, _largest(d), tolerance_change=1e-9,
                    max_evaluations=group["max_eval"] - evaluations,
                )  # fmt: skip
                loss, g, t = found.loss, found.gradient, float(found.t)
                self._move(t, d)
            else:
                self._move(t, d)
                if not last:  # with mini-batches the next step has another loss anyway
                    loss, g, used = _number(closure()), self._flat_gradient(), 1
            state["t"] = t
            evaluations += used
            state["func_evals"] += used

            if last or evaluations >= group["max_eval"] or _largest(g) <= group["tolerance_grad"]:
                break
            if _largest(d * t) <= tolerance_change or abs(loss - state["prev_loss"]) < tolerance_change:
                break
        return first_loss

    def _direction(self, g, state, history_size):
        """-H g by the two-loop recursion (Nocedal & Wright 2006, algorithm 7.4)."""
        if state["n_iter"] == 1:
            state.update(old_dirs=[], old_stps=[], ro=[], H_diag=1.0)
            return -g
        changes, steps, inverse_products = state["old_dirs"], state["old_stps"], state["ro"]
        y, s = g - state["prev_flat_grad"], state["d"] * state["t"]
        ys = y.dot(s)
        if ys > 1e-10:  # the curvature along s is positive
            if len(changes) == history_size:
                for history in (changes, steps, inverse_products):
                    history.pop(0)
            changes.append(y)
            steps.append(s)
            inverse_products.append(1.0 / ys)
            state["H_diag"] = ys / y.dot(y)
        pairs = list(zip(changes, steps, inverse_products))
        d, a = -g, []
        for y, s, ro in reversed(pairs):
            a.append(s.dot(d) * ro)
            d = d - a[-1] * y
        d = d * state["H_diag"]
        for (y, s, ro), a_i in zip(pairs, reversed(a)):
            d = d + (a_i - y.dot(d) * ro) * s
        return d

    def _along(self, closure, d):
        """evaluate(t) for the line search: go t along d, call closure, come back."""
        start = [p.data.copy() for p in self.param_groups[0]["params"]]

        def evaluate(t):
            t = float(t)  # a Python number: float32 directions stay float32
            self._move(t, d)
            loss, g = _number(closure()), self._flat_gradient()
            for p, array in zip(self.param_groups[0]["params"], start):
                p.data[...] = array
            return Point(t, loss, g, g.dot(d))

        return evaluate

    def _move(self, t, d):
        with no_grad():
            offset = 0
            for p in self.param_groups[0]["params"]:
                p.data += (t * d[offset : offset + p.data.size]).reshape(p.shape).astype(p.dtype, copy=False)
                offset += p.data.size

    def _flat_gradient(self):
        params = self.param_groups[0]["params"]
        parts = [np.zeros(p.data.size, p.dtype) if p.grad is None else self._gradient(p).ravel() for p in params]
        return np.concatenate(parts)

    def _check_state(self, number, p, entries):
        size = sum(q.data.size for q in self._all())
        for name in ("d", "prev_flat_grad"):
            if name in entries and np.shape(value(entries[name])) != (size,):
                raise ValueError(
                    f"LBFGS: the saved {name} has shape {np.shape(value(entries[name]))}, expected ({size},)"
                )


def _number(loss):
    loss = np.asarray(value(loss))
    if loss.size != 1:
        raise ValueError(f"LBFGS: closure must return one number, the loss; it returned shape {loss.shape}")
    return np.float64(loss.item())


def _largest(v):
    return np.abs(v).max(initial=0)
