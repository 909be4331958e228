"""How much a network computes: multiply-accumulates, counted while it runs, for comparisons that no machine changes."""

from contextlib import contextmanager

import pyconvnet as pcn
from pyconvnet import nn


@contextmanager
def counted_macs(model):
    """`with counted_macs(model) as macs: model(x)`; then `macs.total` are those of its convolutions and linear layers.

    conv: N H' W' C' (C / groups) K_h K_w, as many as outputs times weights that each reads; linear: outputs times
    inputs. Biases, norms, activations and pooling are left out, as papers do.
    """
    macs = _Counter()
    handles = [
        module.register_forward_hook(macs.note)
        for module in model.modules()
        if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Linear)
    ]
    try:
        yield macs
    finally:
        for handle in handles:
            handle.remove()


class _Counter:
    def __init__(self):
        self.total = 0

    def note(self, module, inputs, output):
        reads = module.weight.data[0].size  # every output is a dot product with one row of the weight
        self.total += output.data.size * reads


def mega_macs(model, size):
    """Million multiply-accumulates for one picture of `size` (H, W)."""
    with pcn.no_grad(), counted_macs(model) as macs:
        model(pcn.zeros((1, 3, *size)))
    return macs.total / 1e6
