"""Everything composed of primitives: `pcn.functional`, also `pcn.nn.functional`."""

from .activations import (
    elu,
    gelu,
    hardtanh,
    leaky_relu,
    log_softmax,
    relu,
    sigmoid,
    softmax,
    softplus,
    tanh,
)
from .classification_losses import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    kl_div,
    multi_margin_loss,
    nll_loss,
)
from .convolution import conv1d, conv2d, conv_transpose2d, fold, unfold
from .dropout import dropout
from .embedding import embedding, one_hot
from .embedding_losses import hinge_embedding_loss, margin_ranking_loss, triplet_margin_loss
from .grid_sampling import affine_grid, grid_sample
from .linear import linear
from .normalization import batch_norm, group_norm, instance_norm, layer_norm, local_response_norm
from .padding import pad
from .pooling import adaptive_avg_pool2d, adaptive_max_pool2d, avg_pool2d, max_pool1d, max_pool2d
from .regression_losses import huber_loss, l1_loss, mse_loss, smooth_l1_loss
from .resampling import interpolate, pixel_shuffle
from .similarity import cosine_similarity, normalize, pairwise_distance

__all__ = [
    "adaptive_avg_pool2d", "adaptive_max_pool2d", "affine_grid", "avg_pool2d", "batch_norm",
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "conv1d", "conv2d",
    "conv_transpose2d", "cosine_similarity", "cross_entropy", "dropout", "elu", "embedding", "fold",
    "gelu", "grid_sample", "group_norm", "hardtanh", "hinge_embedding_loss", "huber_loss",
    "instance_norm", "interpolate", "kl_div", "l1_loss", "layer_norm", "leaky_relu", "linear",
    "local_response_norm", "log_softmax", "margin_ranking_loss", "max_pool1d", "max_pool2d",
    "mse_loss", "multi_margin_loss", "nll_loss", "normalize", "one_hot", "pad", "pairwise_distance",
    "pixel_shuffle", "relu", "sigmoid", "smooth_l1_loss", "softmax", "softplus", "tanh",
    "triplet_margin_loss", "unfold",
]  # fmt: skip
