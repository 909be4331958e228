"""Everything composed of primitives: `pcn.functional`, also `pcn.nn.functional`."""

from .activations import leaky_relu, log_softmax, relu, sigmoid, softmax, softplus, tanh
from .convolution import conv2d, linear
from .losses import binary_cross_entropy_with_logits, cross_entropy, mse_loss, nll_loss
from .normalization import batch_norm
from .pooling import max_pool2d

__all__ = [
    "batch_norm", "binary_cross_entropy_with_logits", "conv2d", "cross_entropy", "leaky_relu", "linear",
    "log_softmax", "max_pool2d", "mse_loss", "nll_loss", "relu", "sigmoid", "softmax", "softplus", "tanh",
]  # fmt: skip
