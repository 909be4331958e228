"""The primitives: every operation the engine can differentiate, each with its gradient rules beside it."""

from .conv import col2im, conv, conv_input, conv_weight, im2col
from .elementwise import (
    abs,
    add,
    cast,
    cos,
    div,
    exp,
    expm1,
    leaky_relu,
    leaky_relu_grad,
    log,
    log1p,
    maximum,
    minimum,
    mul,
    neg,
    power,
    sigmoid,
    sin,
    softplus,
    sqrt,
    sub,
    tanh,
    where,
)
from .erf import erf
from .matmul import matmul
from .norm import batch_norm, batch_norm_composed, batch_norm_input, batch_norm_weight
from .reduce import cumsum, expand_to, sum_to
from .shape import concatenate, embed, gather, index, permute, reshape, scatter
