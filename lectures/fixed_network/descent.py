"""Hold the network fixed, and let gradient descent change the picture: the one loop of style and insight."""

import numpy as np
from tqdm import tqdm

import pyconvnet as pcn
from lectures.training import Interrupted

OPTIMIZERS = ("adam", "lbfgs", "sgd")
RATES = {"adam": 0.03, "lbfgs": 1.0, "sgd": 1.0}
LATE, LATE_RATE = 0.7, 0.3  # from this share of the steps on, the rate is so much of itself
SCALE = 1e4  # of the loss for L-BFGS, whose rules when to stop are meant for numbers that are not tiny
EDGE = 0.01  # of the range: so far within the bounds a sine starts, at them it has no slope


def descend(start, loss_of, steps, optimizer="adam", lr=None, clip=(0.0, 1.0), bar="descent", history=20):
    """min over x of loss_of(x) from x = start, low <= x <= high: (picture float32, losses of all steps + 1 pictures).

    start [N, C, H, W] or any other shape; loss_of(Tensor) is a Tensor of one number, for "lbfgs" the same whenever
    it is asked (no jitter). `lr`: a number, which falls to 0.3 of itself for the last 30 % of the steps ("lbfgs":
    stays), or a function of the number of the step. `clip` None: no bounds. `bar`: its name, None for none.
    RuntimeError where the loss stops being a finite number; Interrupted by Ctrl-C.
    """
    if optimizer not in OPTIMIZERS:
        raise ValueError(f"descend: optimizer must be one of {', '.join(OPTIMIZERS)}, got {optimizer!r}")
    if steps < 0:
        raise ValueError(f"descend: steps must not be negative, got {steps}")
    rate = lr if callable(lr) else _falling(RATES[optimizer] if lr is None else lr, steps, optimizer != "lbfgs")
    walk = (_NewtonWalk if optimizer == "lbfgs" else _Walk)(np.array(start, np.float32), loss_of, clip)
    ways = walk.optimizer(optimizer, float(rate(0)), history)
    with tqdm(total=steps, desc=bar, unit="step", mininterval=0.5, leave=False, disable=bar is None) as progress:
        try:
            for step in range(steps):
                ways.param_groups[0]["lr"] = float(rate(step))
                walk.step(ways)
                progress.update()
                if step % 10 == 0:
                    progress.set_postfix_str(f"loss {walk.losses[-1]:.4g}", refresh=False)
        except KeyboardInterrupt:
            raise Interrupted(f"interrupted at step {len(walk.losses)} of {steps} of {bar or 'descent'}") from None
    with pcn.no_grad():
        picture = walk.picture()
        walk.losses.append(loss_of(picture).item())
    return np.array(picture.data), walk.losses


def _falling(lr, steps, falls):
    return lambda step: lr * (LATE_RATE if falls and step >= LATE * steps else 1.0)


class _Walk:
    """The picture x itself is what changes; after each step it is put back into the bounds."""

    def __init__(self, start, loss_of, clip):
        self.loss_of, self.clip, self.losses = loss_of, clip, []  # of the pictures before each step
        self.gone = False  # whether it has left the start
        self.x = pcn.tensor(start if clip is None else start.clip(*clip), requires_grad=True)

    def optimizer(self, name, lr, history):
        """The one that changes x."""
        return (pcn.optim.Adam if name == "adam" else pcn.optim.SGD)([self.x], lr=lr)

    def picture(self):
        """The picture as it stands: a Tensor."""
        return self.x

    def step(self, ways):
        """One step of an optimizer."""
        self.losses.append(self.asked())
        ways.step()
        if self.clip is not None:
            np.clip(self.x.data, *self.clip, out=self.x.data)

    def asked(self, scale=1.0):
        """The loss of the picture, and x.grad = scale * its gradient. ValueError, RuntimeError in words."""
        self.x.grad = None
        loss = self.loss_of(self.picture())
        if not isinstance(loss, pcn.Tensor) or loss.numel() != 1:
            got = f"shape {loss.shape}" if isinstance(loss, pcn.Tensor) else type(loss).__name__
            raise ValueError(f"descend: loss_of must return a Tensor of one number, got {got}: sum over the pictures?")
        if not loss.requires_grad:
            raise ValueError("descend: the loss does not depend on the picture: was it computed from an array of it?")
        (loss * scale).backward()
        if not np.isfinite(loss.item()) or not np.isfinite(self.x.grad.data).all():
            recent = ", ".join(f"{v:.3g}" for v in self.losses[-5:]) or "none"
            what = "its gradient" if np.isfinite(loss.item()) else "the loss"
            away = "keep a root, a logarithm or a division away from 0"
            remedy = f"lower lr, or {away}" if self.gone else f"the start itself is to blame: {away}"
            step = len(self.losses)
            raise RuntimeError(f"{what} is not a finite number at step {step} (last losses: {recent}): {remedy}")
        self.gone = True
        return loss.item()


class _NewtonWalk(_Walk):
    """L-BFGS knows no bounds, and a picture put back into them is not where it thinks it is. So it gets angles x
    without bounds, and the picture is low + (high - low) (1 + sin x) / 2."""

    def __init__(self, start, loss_of, clip):
        if clip is not None:
            low, high = clip
            start = np.arcsin(2 * np.clip((start - low) / (high - low), EDGE, 1 - EDGE) - 1).astype(np.float32)
        super().__init__(start, loss_of, None)
        self.bounds = clip
        self.known = {}  # {x: (loss, gradient)}: it asks again about the x that its search ended at

    def optimizer(self, name, lr, history):
        """L-BFGS, one iteration a step."""
        return pcn.optim.LBFGS([self.x], lr, max_iter=1, max_eval=25, tolerance_grad=0, tolerance_change=0,
                               history_size=history, line_search_fn="strong_wolfe")  # fmt: skip

    def picture(self):
        """Of the angles."""
        if self.bounds is None:
            return self.x
        low, high = self.bounds
        return (self.x.sin() + 1) * ((high - low) / 2) + low

    def step(self, ways):
        """One direction, and the search along it."""

        def closure():
            here = self.x.data.tobytes()
            if here not in self.known:
                self.known[here] = self.asked(SCALE), self.x.grad.data
            loss, gradient = self.known[here]
            self.x.grad = pcn.tensor(gradient)
            return loss * SCALE

        self.losses.append(float(ways.step(closure)) / SCALE)
        here = self.x.data.tobytes()
        self.known = {x: found for x, found in self.known.items() if x == here}
