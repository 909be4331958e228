"""How long something takes, and where the time of a prediction goes: proposals, features, heads, which is the rest."""

import time
from contextlib import contextmanager

from pyconvnet import nn

PARTS = "proposals", "features", "heads"


def fastest(work, repeats):
    """Seconds of the fastest of some runs: what else the machine did then disturbed least."""
    seconds = []
    for _ in range(repeats):
        begin = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begin)
    return min(seconds)


class Stopwatch:
    """Seconds of a block in `total`, and of its parts."""

    def __init__(self):
        self.total = self.proposals = self.features = 0.0

    @property
    def heads(self):
        """What is neither proposals nor features: the heads, their thresholds, non-max suppression."""
        return self.total - self.proposals - self.features


@contextmanager
def stopwatch(model, proposals=None, features=None):
    """`with stopwatch(model, "propose", "features") as watch: model.predict(images)`: watch.proposals + watch.features
    + watch.heads == watch.total, in seconds.

    The two names are attributes of `model` (with dots: of its parts) that propose boxes and compute features, methods
    or modules; None where it has no such part. Neither may call the other. AttributeError for a name it has not.
    """
    watch = Stopwatch()
    timed = [(*_owner(model, name), part) for part, name in (("proposals", proposals), ("features", features)) if name]
    before = [(owner, name, owner.__dict__.get(name)) for owner, name, _ in timed]
    try:
        for owner, name, part in timed:
            # In the object's own __dict__ it comes before the method of its class.
            owner.__dict__[name] = _timed(getattr(owner, name), watch, part)
        begin = time.perf_counter()
        yield watch
        watch.total = time.perf_counter() - begin
    finally:
        for owner, name, own in before:
            if own is None:
                owner.__dict__.pop(name, None)
            else:
                owner.__dict__[name] = own


def _owner(model, path):
    """(object, name of its method) to be timed; of a module it is `forward`, so that the module stays in its place."""
    *above, name = path.split(".")
    for part in above:
        model = getattr(model, part)
    named = getattr(model, name)
    return (named, "forward") if isinstance(named, nn.Module) else (model, name)


def _timed(call, watch, part):
    def timed(*arguments, **keywords):
        begin = time.perf_counter()
        try:
            return call(*arguments, **keywords)
        finally:
            setattr(watch, part, getattr(watch, part) + time.perf_counter() - begin)

    return timed
