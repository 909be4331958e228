"""Einstein's notation: every product and sum over axes that have names, as permutes, matrix products and sums.

A label is a letter, or for the axes under an ellipsis a negative number that counts them from the right.
"""

import string

import numpy as np

from .. import primitives as P
from ..autograd import Tensor, value
from .promotion import promoted
from .reductions import sum as total

_LETTERS = string.ascii_uppercase + string.ascii_lowercase  # what the numbers of a sublist stand for, as in PyTorch


def einsum(equation, *operands):
    """Multiply the operands and sum over every label that the output lacks: "bij,bjk->bik" is a batched matmul.

    A label repeated in one operand takes its diagonal; "..." stands for any further axes, which broadcast. Without
    "->" the output is "..." and then, in alphabetical order, the labels that occur once. Instead of the equation,
    each operand may be followed by a list of numbers (0 to 51) and `...`, the output's list last.
    """
    if not isinstance(equation, str):
        equation, operands = _equation((equation, *operands))
    if len(operands) == 1 and isinstance(operands[0], (tuple, list)):
        operands = operands[0]
    operands = [x if isinstance(x, Tensor) else Tensor(np.asarray(x)) for x in operands]
    terms, output = _parse(equation, [x.ndim for x in operands])
    sizes = _sizes(terms, operands)
    for label in output:
        if label not in sizes:
            raise ValueError(f"einsum: the output of {equation!r} has {label!r}, which no operand has")
    x, labels = _diagonal(operands[0], terms[0])
    for i in range(1, len(operands)):
        later = {*output, *(label for term in terms[i + 1 :] for label in term)}
        x, labels = _contract(x, labels, *_diagonal(operands[i], terms[i]), later)
    x, labels = _sum_out(x, labels, output)
    return _permute(x, [labels.index(label) for label in output])


def _equation(arguments):
    """The sublist form, einsum(a, [0, 1], b, [1, 2], [0, 2]), as an equation and its operands."""
    def term(numbers):
        try:
            return "".join("..." if n is ... else _LETTERS[range(52)[n]] for n in numbers)
        except (TypeError, IndexError):
            raise ValueError(f"einsum: {numbers!r} is no list of numbers from 0 to 51 and ellipses") from None

    output = "->" + term(arguments[-1]) if len(arguments) % 2 else ""
    pairs = arguments[: len(arguments) // 2 * 2]
    return ",".join(term(numbers) for numbers in pairs[1::2]) + output, pairs[::2]


def _parse(equation, ranks):
    """Labels of each operand and of the output."""
    left, *right = equation.replace(" ", "").split("->")
    terms = left.split(",")
    if len(right) > 1:
        raise ValueError(f"einsum: {equation!r} has more than one '->'")
    if len(terms) != len(ranks):
        raise ValueError(f"einsum: {equation!r} names {len(terms)} operands, {len(ranks)} were given")
    wide = 0
    for i, (term, rank) in enumerate(zip(terms, ranks)):
        letters = _letters(equation, term)
        extra = rank - len(letters)
        if extra < 0 or (extra and "..." not in term):
            raise ValueError(f"einsum: {term!r} has {len(letters)} labels, but operand {i} has {rank} axes")
        if "..." in term:
            wide = max(wide, extra)
        terms[i] = _labels(term, extra)
    if right:
        _letters(equation, right[0])
        output = _labels(right[0], wide)
        if len(set(output)) < len(output):
            raise ValueError(f"einsum: the output of {equation!r} has a label twice")
        return terms, output
    flat = [label for term in terms for label in term]
    once = sorted(label for label in set(flat) if isinstance(label, str) and flat.count(label) == 1)
    return terms, [*range(-wide, 0), *once]


def _letters(equation, term):
    letters = term.replace("...", "", 1)
    if not all(letter in _LETTERS for letter in letters):
        raise ValueError(f"einsum: {equation!r}: labels must be letters a-z, A-Z, and at most one '...' per operand")
    return letters


def _labels(term, extra):
    before, ellipsis, after = term.partition("...")
    return [*before, *(range(-extra, 0) if ellipsis else ()), *after]


def _sizes(terms, operands):
    sizes = {}
    for i, (term, x) in enumerate(zip(terms, operands)):
        own = {}
        for label, n in zip(term, x.shape):
            if own.setdefault(label, n) != n:
                raise ValueError(f"einsum: operand {i} has {label!r} twice, with sizes {own[label]} and {n}")
            if n != 1 and sizes.get(label, 1) not in (1, n):
                raise ValueError(f"einsum: {label!r} has size {n} in operand {i}, but {sizes[label]} before")
            sizes[label] = n if n != 1 else sizes.get(label, 1)
    return sizes


def _diagonal(x, labels):
    """x with every repeated label once."""
    unique = list(dict.fromkeys(labels))
    if len(unique) == len(labels):
        return x, labels
    flat = np.arange(value(x).size).reshape(x.shape)
    positions = np.einsum(flat, [unique.index(label) for label in labels], list(range(len(unique))))
    return P.gather(x, positions=positions, shape=x.shape), unique


def _sum_out(x, labels, kept):
    drop = tuple(i for i, label in enumerate(labels) if label not in kept)
    return (total(x, drop), [label for label in labels if label in kept]) if drop else (x, labels)


def _permute(x, order):
    return x if order == list(range(x.ndim)) else P.permute(x, dims=tuple(order))


def _contract(a, a_labels, b, b_labels, later):
    """Multiply two operands and sum over the labels that are not needed `later`."""
    shared = set(a_labels) & set(b_labels)
    summed = [k for k in a_labels if k in shared - later]
    lonely = {k for k in summed if a.shape[a_labels.index(k)] != b.shape[b_labels.index(k)]}  # one is broadcast:
    a, a_labels = _sum_out(a, a_labels, later | shared - lonely)  # the other may as well be summed beforehand
    b, b_labels = _sum_out(b, b_labels, later | shared - lonely)
    summed = [k for k in summed if k not in lonely]
    batch = [k for k in a_labels if k in b_labels and k not in summed]
    rows, columns = ([k for k in labels if k not in shared] for labels in (a_labels, b_labels))
    a = _permute(a, [a_labels.index(k) for k in (*batch, *rows, *summed)])
    b = _permute(b, [b_labels.index(k) for k in (*batch, *summed, *columns)])
    labels, n = [*batch, *rows, *columns], len(batch)
    if not summed:
        a = P.reshape(a, shape=(*a.shape, *(1,) * len(columns)))
        b = P.reshape(b, shape=(*b.shape[:n], *(1,) * len(rows), *b.shape[n:]))
        return P.mul(*promoted(a, b)), labels
    if a.dtype != b.dtype:
        raise TypeError(f"einsum: one operand is {a.dtype} but another is {b.dtype}: convert one of them")
    row_sizes, column_sizes = a.shape[n : n + len(rows)], b.shape[n + len(summed) :]
    k = int(np.prod(b.shape[n : n + len(summed)]))
    c = P.matmul(
        P.reshape(a, shape=(*a.shape[:n], int(np.prod(row_sizes)), k)),
        P.reshape(b, shape=(*b.shape[:n], k, int(np.prod(column_sizes)))),
    )
    return P.reshape(c, shape=(*c.shape[:n], *row_sizes, *column_sizes)), labels
