"""The table that the chapters fill."""

from typing import NamedTuple


class Operator(NamedTuple):
    """build(node) -> function of the input tensors; how many outputs it has at most (None: any number)."""

    build: object
    outputs: int | None


TABLE = {}


def operator(*names, outputs=1):
    """Decorator: enter a builder under the names of its operators."""

    def enter(build):
        for name in names:
            TABLE[name] = Operator(build, outputs)
        return build

    return enter
