"""The ConvNet that maps a face to a vector: faces of one person near each other, those of two people far apart.

Deck "Fun Ways To Use ConvNets", slide "Face Recognition/Verification" (2, in part): train it once, for features.
"""

import numpy as np

import pyconvnet as pcn
from pyconvnet import functional as F
from pyconvnet import nn

WIDTHS = (16, 32, 64)  # channels of the convolutions, each followed by a 2 x 2 max-pool
WIDTHS_FOR_PHOTOGRAPHS = (16, 32, 64, 64)
FEATURES = 64


class EmbeddingNet(nn.Module):
    """Faces [N, 1 or 3, H, W] in [0, 1] to vectors [N, features], of length 1 if `unit`.

    `size` = (H, W). Colours are averaged, and each picture is taken to zero mean and unit spread: light and exposure
    say nothing about who it is. `normalised` puts batch norm behind each convolution.
    """

    def __init__(self, size=(32, 32), widths=WIDTHS, features=FEATURES, unit=True, normalised=False):
        super().__init__()
        self.size, self.features, self.unit = tuple(size), features, unit
        height, width = (side // 2 ** len(widths) for side in self.size)
        if not height or not width:
            raise ValueError(f"EmbeddingNet: {len(widths)} poolings leave nothing of {self.size[0]} x {self.size[1]}")
        layers, inputs = [], 1
        for outputs in widths:
            layers += [nn.Conv2d(inputs, outputs, 3, padding=1), *[nn.BatchNorm2d(outputs)] * normalised]
            layers += [nn.ReLU(), nn.MaxPool2d(2)]
            inputs = outputs
        self.convolutions = nn.Sequential(*layers)
        self.last = nn.Linear(inputs * height * width, features)

    def forward(self, images):
        if images.ndim != 4 or images.shape[1] not in (1, 3) or tuple(images.shape[2:]) != self.size:
            raise ValueError(f"EmbeddingNet: expected faces (N, 1 or 3, {self.size[0]}, {self.size[1]}), "
                             f"got {tuple(images.shape)}")  # fmt: skip
        y = self.last(self.early(images))
        return F.normalize(y) if self.unit else y

    def early(self, images):
        """What the convolutions found, before the last layer: [N, more]."""
        return self.convolutions(standardised(images)).flatten(1)

    def embed(self, images, batch=200, mirrored=False, early=False):
        """Arrays to arrays: the vectors float32 [N, features] of faces, computed in eval mode.

        `mirrored` adds the vector of the mirror image and takes the sum to length 1 again; `early` stops before the
        last layer.
        """
        images = np.asarray(images, np.float32)
        was_training = self.training
        self.eval()
        with pcn.no_grad():
            parts = [self._embed(images[i : i + batch], mirrored, early) for i in range(0, len(images), batch)]
        self.train(was_training)
        return np.concatenate(parts) if parts else np.zeros((0, self.features), np.float32)

    def _embed(self, images, mirrored, early):
        vectors = self.early if early else self
        y = vectors(pcn.tensor(images)).data
        if mirrored:
            y = y + vectors(pcn.tensor(np.ascontiguousarray(images[..., ::-1]))).data
        return unit(y) if self.unit and (mirrored or early) else y


def standardised(images):
    """Grey pictures [N, 1, H, W] with zero mean and unit spread each; a Tensor or an array."""
    grey = images.mean(1, keepdim=True) if isinstance(images, pcn.Tensor) else images.mean(1, keepdims=True)
    values = grey.data if isinstance(grey, pcn.Tensor) else grey  # what is subtracted counts as a constant
    mean, spread = values.mean((2, 3), keepdims=True), values.std((2, 3), keepdims=True)
    return (grey - mean) / (spread + 1e-4)


def squared_distances(x, y=None):
    """||x_i - y_j||^2 [N, M] of vectors [N, D] and [M, D], or of x with itself; Tensors or arrays.

    Without a root: at identical points the gradient is 0, where that of the distance itself is undefined.
    """
    y = x if y is None else y
    return ((x[:, None] - y[None]) ** 2).sum(-1)


def unit(vectors):
    """Rows of length 1; a row of zeros stays one."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
