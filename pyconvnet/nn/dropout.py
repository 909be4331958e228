"""Dropout: active in training only."""

from .. import functional as F
from .module import Module


class Dropout(Module):
    """`F.dropout` while training, the input itself in evaluation. Slide "Recap: AlexNet (2012)" (in part)."""

    def __init__(self, p=0.5, inplace=False):
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError(f"Dropout: p is a probability and must lie in [0, 1], got {p}")
        self.p, self.inplace = p, inplace

    def forward(self, input):
        return F.dropout(input, self.p, self.training, self.inplace)

    def extra_repr(self):
        return f"p={self.p}, inplace={self.inplace}"
