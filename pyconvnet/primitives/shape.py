"""Moving values without changing them: reshape, permute, concatenate, and index with its transpose, embed."""

import numpy as np

from ..autograd import adjoint, primitive
from ..kernels import backend
from .quiet import quiet


@primitive
def reshape(x, *, shape):
    """y = x in row-major order under another shape"""
    return np.reshape(x, shape)


reshape.gradients(lambda g, _, x, *, shape: reshape(g, shape=x.shape))


@primitive
def permute(x, *, dims):
    """y = x with axis dims[i] as its axis i"""
    return np.transpose(x, dims)


def _inverse(dims):
    """the permutation that undoes dims"""
    return tuple(int(i) for i in np.argsort(dims))


permute.gradients(lambda g, _, x, *, dims: permute(g, dims=_inverse(dims)))


@primitive
def concatenate(*xs, dim):
    """y = x_0, x_1, ... one after the other along axis dim"""
    return np.concatenate(xs, axis=dim)


class _OwnPart:
    """the slice of g along axis dim that x_i fills in y"""

    def __getitem__(self, i):
        def rule(g, y, *xs, dim):
            start = sum(x.shape[dim] for x in xs[:i])
            key = [slice(None)] * g.ndim
            key[dim] = slice(start, start + xs[i].shape[dim])
            return index(g, key=tuple(key), shape=g.shape)

        return rule


concatenate.rules = _OwnPart()


@primitive
def index(x, *, key, shape):
    """y = x[key], for whatever NumPy takes as a key; `shape` is that of x"""
    return x[key]


@primitive
def embed(g, *, key, shape):
    """x = 0, x[key] += g, a position named twice getting both: the transpose of index"""
    out = np.zeros(shape, g.dtype)
    parts = key if isinstance(key, tuple) else (key,)
    if all(isinstance(k, (int, slice, type(None), type(Ellipsis))) for k in parts):
        out[key] = g  # ints and slices name every position once
    else:
        np.add.at(out, key, g)
    return out


adjoint(index, embed)


@primitive
def gather(x, *, positions, shape):
    """y_i = x_flat[positions_i]; `shape` is that of x"""
    return quiet.run(np.take, x.reshape(-1), positions)


@primitive
def scatter(g, *, positions, shape):
    """x_flat = 0, x_flat[positions_i] += g_i for every i: the transpose of gather"""
    size = int(np.prod(shape))
    return np.bincount(positions.reshape(-1), g.reshape(-1), size).astype(g.dtype, copy=False).reshape(shape)


adjoint(gather, scatter)


@primitive
def gather_planes(x, *, image, chosen, shape, found=None):
    """y[r,c,ij] = x[image_r,c,chosen[r,c,ij]]: how pooling picks its winners; `found`: y where it is known"""
    return quiet.run(backend.current.gather_planes, x, image, chosen) if found is None else found


@primitive
def scatter_planes(g, *, image, chosen, shape):
    """x = 0, x[image_r,c,chosen[r,c,ij]] += g[r,c,ij]: the transpose of gather_planes, x of `shape`"""
    return quiet.run(backend.current.scatter_planes, g, image, chosen, shape)


gather_planes.gradients(lambda g, _, x, *, found=None, **places: scatter_planes(g, **places))
scatter_planes.gradients(lambda g, _, x, **places: gather_planes(g, **places))
