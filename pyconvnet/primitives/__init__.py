"""The primitives: every operation the engine can differentiate, each with its gradient rules beside it.

Why each has to be one (what is not here is composed):
add sub mul div neg power exp log sqrt sin cos tanh sigmoid abs: arithmetic, functions with derivatives of their own;
expm1 log1p softplus erf: no composition keeps their digits; where maximum minimum leaky_relu(_grad): selections, for a
product would turn inf into NaN; cast: the gradient returns in the old dtype; sum_to/expand_to, index/embed,
gather/scatter, gather_planes/scatter_planes, im2col/col2im: pairs of transposes; cumsum: its own transpose, reversed;
reshape permute concatenate: moves; matmul; conv conv_input conv_weight: one trilinear form; batch_norm and its two
gradients: fused for speed.
"""

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
from .shape import concatenate, embed, gather, gather_planes, index, permute, reshape, scatter, scatter_planes
