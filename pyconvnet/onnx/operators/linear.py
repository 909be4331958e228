"""Matrix products: Gemm-9, 11, 13 and MatMul-9, 13."""

from ...functional.matmul import matmul as product
from .table import operator


@operator("Gemm")
def gemm(node):
    """Gemm: alpha A B + beta C, A and B transposed where the attributes say so; C broadcasts."""
    alpha, beta = node.attribute("alpha", 1.0), node.attribute("beta", 1.0)
    turn_a, turn_b = node.attribute("transA", 0), node.attribute("transB", 0)

    def compute(a, b, c=None):
        if a.ndim != 2 or b.ndim != 2:
            raise ValueError(f"A and B must be matrices, got {a.shape} and {b.shape}")
        y = product(a.T if turn_a else a, b.T if turn_b else b)
        y = y if alpha == 1 else (y * alpha).to(y.dtype)
        if c is None:
            return y
        shape = y.shape
        y = y + (c if beta == 1 else (c * beta).to(c.dtype))
        if y.shape != shape:
            raise ValueError(f"C {c.shape} does not broadcast to the product's shape {shape}")
        return y

    return compute


@operator("MatMul")
def matmul(node):
    """MatMul: NumPy's, of vectors, matrices and stacks of them."""
    return product
