"""A learned vector for each index."""

import numpy as np

from .. import functional as F
from ..autograd import value
from . import init
from .module import Module, Parameter, new_dtype


class Embedding(Module):
    """`F.embedding` with its own weight [num_embeddings, embedding_dim], normal; row padding_idx is 0 and stays so."""

    def __init__(
        self, num_embeddings, embedding_dim, padding_idx=None, max_norm=None, norm_type=2.0,
        scale_grad_by_freq=False, sparse=False, _weight=None, _freeze=False, device=None, dtype=None,
    ):  # fmt: skip
        super().__init__()
        for name, given in (("max_norm", max_norm is not None), ("scale_grad_by_freq", scale_grad_by_freq),
                            ("sparse", sparse)):  # fmt: skip
            if given:
                raise NotImplementedError(f"Embedding: {name} is not offered: leave it out")
        if padding_idx is not None and not -num_embeddings <= padding_idx < num_embeddings:
            raise ValueError(f"Embedding: padding_idx {padding_idx} is outside the {num_embeddings} rows")
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.padding_idx = None if padding_idx is None else padding_idx % num_embeddings
        if _weight is None:
            dtype = new_dtype("Embedding", device, dtype)
            self.weight = Parameter(np.empty((num_embeddings, embedding_dim), dtype), not _freeze)
            self.reset_parameters()
        elif value(_weight).shape == (num_embeddings, embedding_dim):
            self.weight = Parameter(_weight, not _freeze)
        else:
            raise ValueError(
                f"Embedding: weight has shape {value(_weight).shape}, expected ({num_embeddings}, {embedding_dim})"
            )

    @classmethod
    def from_pretrained(
        cls, embeddings, freeze=True, padding_idx=None, max_norm=None, norm_type=2.0, scale_grad_by_freq=False,
        sparse=False,
    ):  # fmt: skip
        """With the given weight, trained no further unless freeze=False."""
        if value(embeddings).ndim != 2:
            raise ValueError(f"Embedding: the weight must be [number, dim], got shape {value(embeddings).shape}")
        return cls(
            *value(embeddings).shape, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse,
            _weight=embeddings, _freeze=freeze,
        )  # fmt: skip

    def reset_parameters(self):
        """Draw new vectors, standard normal."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            self.weight.data[self.padding_idx] = 0

    def forward(self, input):
        return F.embedding(input, self.weight, self.padding_idx)

    def extra_repr(self):
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}"
