"""A classifier with a label for each person, the obvious way to recognise faces; and the embedding inside it.

Deck "Fun Ways To Use ConvNets", slide "Face Recognition/Verification" (1, in part): "could train ConvNet using database
of faces, but (i) classification problem with many labels and (ii) if add a new face then need to retrain ConvNet".
"""

from copy import deepcopy

import numpy as np

import pyconvnet as pcn
from lectures.faces.foundation.embedding import unit
from pyconvnet import functional as F
from pyconvnet import nn

SCALE = 12.0  # of the cosines: they end at 1, too flat for a softmax by themselves


class FaceClassifier(nn.Module):
    """Logit of person k = scale times the cosine of the embedding and the vector of person k.

    Wang et al., "NormFace" (2017). Without its last layer it is an embedding, trained with no pair at all.
    """

    def __init__(self, embedding, people, scale=SCALE):
        super().__init__()
        self.embedding, self.scale = embedding, scale
        self.directions = nn.Parameter(np.zeros((people, embedding.features), np.float32))
        nn.init.normal_(self.directions, std=0.1)

    @property
    def people(self):
        """How many labels there are."""
        return len(self.directions.data)

    def forward(self, images):
        """Faces [N, C, H, W] to logits [N, people]."""
        return self.logits(self.embedding(images))

    def logits(self, embeddings):
        """Of embeddings [N, D], of length 1."""
        return self.scale * (embeddings @ F.normalize(self.directions).transpose(0, 1))

    def predict(self, images, mirrored=False):
        """The label (n,) of each face (n, C, H, W); arrays. `mirrored` as in `EmbeddingNet.embed`."""
        return (self.embedding.embed(images, mirrored=mirrored) @ unit(self.directions.data).T).argmax(1)

    def with_more(self, people):
        """A copy with as many labels more, whose vectors mean nothing yet: it must be trained again."""
        larger = FaceClassifier(deepcopy(self.embedding), self.people + people, self.scale)
        larger.directions.data[: self.people] = self.directions.data
        return larger


def classification_loss(model, images, people, rng=None):
    """Cross-entropy of the labels; images a Tensor."""
    return F.cross_entropy(model(images), pcn.tensor(np.asarray(people, np.int64)))
