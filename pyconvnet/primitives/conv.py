"""The convolution triple: the three partial derivatives of one trilinear form, and im2col with its transpose.

    T(x, w, g) = <g, conv(x, w)> = <conv_input(g, w), x> = <conv_weight(g, x), w>

Each of the three takes two of the letters and returns the cotangent of the third, so the two rules of each
are the other two: six one-line rules, closed under differentiation. conv_input is the transposed convolution.
"""

from .. import kernels
from ..autograd import adjoint, primitive

# One set of params for the three: the spatial sizes of x and w besides the usual settings.
# geometry = dict(input_size, kernel_size, stride, padding, dilation, groups)


@primitive
def conv(x, w, *, input_size, kernel_size, stride, padding, dilation, groups):
    """y[n,o,i,j] = sum_{c,u,v} w[o,c,u,v] x[n,c, i*stride + u*dilation - padding, j*...]"""
    return kernels.conv(x, w, stride, padding, dilation, groups)


@primitive
def conv_input(g, w, *, input_size, kernel_size, stride, padding, dilation, groups):
    """The x of <g, conv(x, w)>: every output pixel paints its filter back onto the input."""
    return kernels.conv_input(g, w, input_size, stride, padding, dilation, groups)


@primitive
def conv_weight(g, x, *, input_size, kernel_size, stride, padding, dilation, groups):
    """The w of <g, conv(x, w)>: every tap correlates the output's cotangent with the input under it."""
    return kernels.conv_weight(g, x, kernel_size, stride, padding, dilation, groups)


conv.gradients(
    lambda g, y, x, w, **geometry: conv_input(g, w, **geometry),
    lambda g, y, x, w, **geometry: conv_weight(g, x, **geometry),
)
conv_input.gradients(
    lambda x, y, g, w, **geometry: conv(x, w, **geometry),
    lambda x, y, g, w, **geometry: conv_weight(g, x, **geometry),
)
conv_weight.gradients(
    lambda w, y, g, x, **geometry: conv(x, w, **geometry),
    lambda w, y, g, x, **geometry: conv_input(g, w, **geometry),
)


@primitive
def im2col(x, *, input_size, kernel_size, stride, padding, dilation):
    """Every window of x as a column: [N, C, H, W] to [N, C*kh*kw, L], as torch.nn.functional.unfold."""
    return kernels.im2col(x, kernel_size, stride, padding, dilation)


@primitive
def col2im(cols, *, input_size, kernel_size, stride, padding, dilation):
    """Every column added back to its window: the transpose of im2col, torch.nn.functional.fold."""
    return kernels.col2im(cols, input_size, kernel_size, stride, padding, dilation)


adjoint(im2col, col2im)
