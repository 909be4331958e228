"""Normalisation layers: the functions with weight, bias and running statistics of their own."""

import numpy as np

from .. import functional as F
from ..autograd import Tensor
from .module import Module, Parameter, new_dtype


class _Norm(Module):
    """weight and bias [num_features], running_mean and running_var likewise, each only if asked for.

    `ranks` are those of the input that a class takes, `layout` their names in its errors.
    """

    ranks, layout = (), ""

    def __init__(self, num_features, eps, momentum, affine, track_running_stats, bias, device, dtype):
        super().__init__()
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        dtype = new_dtype(type(self).__name__, device, dtype)
        self.register_parameter("weight", Parameter(np.ones(num_features, dtype)) if affine else None)
        self.register_parameter("bias", Parameter(np.zeros(num_features, dtype)) if affine and bias else None)
        on = track_running_stats
        self.register_buffer("running_mean", Tensor(np.zeros(num_features, dtype)) if on else None)
        self.register_buffer("running_var", Tensor(np.ones(num_features, dtype)) if on else None)
        self.register_buffer("num_batches_tracked", Tensor(np.zeros((), np.int64)) if on else None)

    def reset_running_stats(self):
        """Forget the running statistics."""
        if self.track_running_stats:
            self.running_mean.data[...], self.running_var.data[...], self.num_batches_tracked.data[...] = 0, 1, 0

    def reset_parameters(self):
        """Forget the running statistics; weight 1 and bias 0."""
        self.reset_running_stats()
        for p, start in ((self.weight, 1), (self.bias, 0)):
            if p is not None:
                p.data[...] = start

    def check(self, input):
        """ValueError for an input of another rank."""
        if input.ndim not in self.ranks:
            raise ValueError(f"{type(self).__name__}: expected {self.layout}, got shape {input.shape}")

    def extra_repr(self):
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )


class _BatchNorm(_Norm):
    def __init__(
        self, num_features, eps=1e-5, momentum=0.1, affine=True, track_running_stats=True, device=None, dtype=None, *,
        bias=True,
    ):  # fmt: skip
        super().__init__(num_features, eps, momentum, affine, track_running_stats, bias, device, dtype)

    def forward(self, input):
        self.check(input)
        momentum = self.momentum
        if self.training and self.track_running_stats:
            self.num_batches_tracked.data += 1
            if momentum is None:  # the plain average of all batches so far
                momentum = 1 / float(self.num_batches_tracked.data)
        training = self.training or not self.track_running_stats
        return F.batch_norm(
            input, self.running_mean, self.running_var, self.weight, self.bias, training, momentum or 0.0, self.eps
        )


class BatchNorm1d(_BatchNorm):
    """`F.batch_norm` over [N, C] or [N, C, L] with its own weight, bias and running statistics."""

    ranks, layout = (2, 3), "[N, C] or [N, C, L]"


class BatchNorm2d(_BatchNorm):
    """`F.batch_norm` over [N, C, H, W] with its own weight, bias and running statistics."""

    ranks, layout = (4,), "[N, C, H, W]"


class BatchNorm3d(_BatchNorm):
    """`F.batch_norm` over [N, C, D, H, W] with its own weight, bias and running statistics."""

    ranks, layout = (5,), "[N, C, D, H, W]"


class _InstanceNorm(_Norm):
    def __init__(
        self, num_features, eps=1e-5, momentum=0.1, affine=False, track_running_stats=False, device=None, dtype=None, *,
        bias=True,
    ):  # fmt: skip
        super().__init__(num_features, eps, momentum, affine, track_running_stats, bias, device, dtype)

    def forward(self, input):
        self.check(input)
        if input.ndim == self.ranks[0]:  # a single picture
            batch = self.forward(input.reshape(1, *input.shape))
            return batch.reshape(batch.shape[1:])
        own = self.training or not self.track_running_stats
        return F.instance_norm(
            input, self.running_mean, self.running_var, self.weight, self.bias, own, self.momentum or 0.0, self.eps
        )


class InstanceNorm1d(_InstanceNorm):
    """`F.instance_norm` over [N, C, L] or [C, L]; weights and running statistics only if asked for."""

    ranks, layout = (2, 3), "[N, C, L] or [C, L]"


class InstanceNorm2d(_InstanceNorm):
    """`F.instance_norm` over [N, C, H, W] or [C, H, W]; weights and running statistics only if asked for."""

    ranks, layout = (3, 4), "[N, C, H, W] or [C, H, W]"


class InstanceNorm3d(_InstanceNorm):
    """`F.instance_norm` over [N, C, D, H, W] or [C, D, H, W]; weights and running statistics only if asked for."""

    ranks, layout = (4, 5), "[N, C, D, H, W] or [C, D, H, W]"


class GroupNorm(Module):
    """`F.group_norm` with its own weight and bias [num_channels]."""

    def __init__(self, num_groups, num_channels, eps=1e-5, affine=True, device=None, dtype=None, *, bias=True):
        super().__init__()
        if num_groups < 1 or num_channels % num_groups:
            raise ValueError(f"GroupNorm: num_channels {num_channels} does not divide by num_groups {num_groups}")
        self.num_groups, self.num_channels, self.eps, self.affine = num_groups, num_channels, eps, affine
        dtype = new_dtype("GroupNorm", device, dtype)
        self.register_parameter("weight", Parameter(np.ones(num_channels, dtype)) if affine else None)
        self.register_parameter("bias", Parameter(np.zeros(num_channels, dtype)) if affine and bias else None)

    def forward(self, input):
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self):
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
            f"bias={self.bias is not None}"
        )


class LayerNorm(Module):
    """`F.layer_norm` with its own weight and bias of normalized_shape."""

    def __init__(self, normalized_shape, eps=1e-5, elementwise_affine=True, bias=True, device=None, dtype=None):
        super().__init__()
        single = isinstance(normalized_shape, (int, np.integer))
        self.normalized_shape = (int(normalized_shape),) if single else tuple(normalized_shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        dtype, on = new_dtype("LayerNorm", device, dtype), elementwise_affine
        self.register_parameter("weight", Parameter(np.ones(self.normalized_shape, dtype)) if on else None)
        self.register_parameter("bias", Parameter(np.zeros(self.normalized_shape, dtype)) if on and bias else None)

    def forward(self, input):
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self):
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}, "
            f"bias={self.bias is not None}"
        )


class LocalResponseNorm(Module):
    """`F.local_response_norm`"""

    def __init__(self, size, alpha=1e-4, beta=0.75, k=1.0):
        super().__init__()
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, input):
        return F.local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self):
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
