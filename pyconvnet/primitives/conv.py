"""The convolution triple: the three partial derivatives of one trilinear form, and im2col with its transpose.

    T(x, w, g) = <g, conv(x, w)> = <conv_input(g, w), x> = <conv_weight(g, x), w>

Each of the three takes two of the letters and returns the cotangent of the third, so the two rules of each
are the other two: six one-line rules, closed under differentiation. conv_input is the transposed convolution.
"""

from .. import kernels
from ..autograd import adjoint, primitive
from .quiet import quiet

# One set of params for the three: the spatial sizes of x and w besides the usual settings.
# geometry = dict(input_size, kernel_size, stride, padding, dilation, groups)


@primitive
def conv(x, w, *, input_size, kernel_size, stride, padding, dilation, groups):
    """y[n,o,i,j] = sum_{c,u,v} w[o,c,u,v] x[n,c,p,q] at p = i stride + u dilation - padding, q alike with j, v"""
    return quiet.run(kernels.conv, x, w, stride, padding, dilation, groups)


@primitive
def conv_input(g, w, *, input_size, kernel_size, stride, padding, dilation, groups):
    """x[n,c,p,q] = sum_{o,i,j,u,v at p,q} w[o,c,u,v] g[n,o,i,j]: every output pixel paints its filter onto the input"""
    return quiet.run(kernels.conv_input, g, w, input_size, stride, padding, dilation, groups)


@primitive
def conv_weight(g, x, *, input_size, kernel_size, stride, padding, dilation, groups):
    """w[o,c,u,v] = sum_{n,i,j} g[n,o,i,j] x[n,c,p,q]: every tap correlates g with the input under it"""
    return quiet.run(kernels.conv_weight, g, x, kernel_size, stride, padding, dilation, groups)


conv.gradients(
    lambda g, _, x, w, **geometry: conv_input(g, w, **geometry),
    lambda g, _, x, w, **geometry: conv_weight(g, x, **geometry),
)
conv_input.gradients(
    lambda x, _, g, w, **geometry: conv(x, w, **geometry),
    lambda x, _, g, w, **geometry: conv_weight(g, x, **geometry),
)
conv_weight.gradients(
    lambda w, _, g, x, **geometry: conv(x, w, **geometry),
    lambda w, _, g, x, **geometry: conv_input(g, w, **geometry),
)


@primitive
def im2col(x, *, input_size, kernel_size, stride, padding, dilation):
    """cols[n,cuv,ij] = x[n,c,p,q]: every window of x [N, C, H, W] as a column of [N, C kh kw, L] (F.unfold)"""
    return kernels.im2col(x, kernel_size, stride, padding, dilation)


@primitive
def col2im(cols, *, input_size, kernel_size, stride, padding, dilation):
    """x[n,c,p,q] = sum_{ij,uv at p,q} cols[n,cuv,ij]: every column added to its window (F.fold)"""
    return quiet.run(kernels.col2im, cols, input_size, kernel_size, stride, padding, dilation)


adjoint(im2col, col2im)
