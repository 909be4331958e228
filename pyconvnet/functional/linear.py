"""The linear layer."""

import math

from .. import primitives as P
from .arguments import floats, given


def linear(input, weight, bias=None):
    """y = input weight^T + bias; input [..., in], weight [out, in] or [in], bias [out] or []."""
    floats("linear", input=input, weight=weight, **given(bias=bias))
    if weight.ndim not in (1, 2):
        raise ValueError(f"linear: weight must be [out, in] or [in], got shape {weight.shape}")
    if input.ndim < 1 or input.shape[-1] != weight.shape[-1]:
        raise ValueError(
            f"linear: input has {input.shape[-1] if input.ndim else 'no'} features (last axis of {input.shape}) but "
            f"weight {weight.shape} expects {weight.shape[-1]}: was the input flattened?"
        )
    out = weight.shape[:-1]
    if bias is not None and bias.shape != out:
        raise ValueError(f"linear: bias has shape {bias.shape}, expected {out}: one number per output channel")
    rows = P.reshape(input, shape=(math.prod(input.shape[:-1]), weight.shape[-1]))
    matrix = P.reshape(weight, shape=(math.prod(out), weight.shape[-1]))
    y = P.reshape(P.matmul(rows, P.permute(matrix, dims=(1, 0))), shape=(*input.shape[:-1], *out))
    return y if bias is None else y + bias
