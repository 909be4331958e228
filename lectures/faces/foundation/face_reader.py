"""One ConvNet that reads several things off a face: its age, what it wears and how it looks, its landmarks.

All answers are numbers of about unit spread, in one vector S, so that one square error ||NN(I) - S||^2 is the cost of
all tasks, and the network is taught, and later asked for, whatever S says (Deep Aging, multi-task learning).
"""

from dataclasses import dataclass

import numpy as np

import pyconvnet as pcn
from lectures.detection.foundation.backbone import centred, conv_layer
from lectures.stage import learn_stage
from pyconvnet import nn

TASKS = {"age": 1, "attributes": 4, "landmarks": 10}  # how many numbers of S each has
ATTRIBUTES = ("smile", "mouth_open", "hat", "glasses")
MIDDLE_AGE, YEARS = 55.0, 20.0  # S holds (years - MIDDLE_AGE) / YEARS
SIZE = 32  # pixels, the side of a face
FEATURES = 64


class FaceReader(nn.Module):
    """Faces [N, 3, 32, 32] in [0, 1] to S [N, length], the numbers of `tasks` in this order.

    `embed` gives the FEATURES numbers that S is a linear function of.
    """

    def __init__(self, tasks):
        super().__init__()
        if unknown := set(tasks) - set(TASKS):
            raise ValueError(f"FaceReader: no task {sorted(unknown)}; there are {', '.join(TASKS)}")
        self.parts, length = {}, 0
        for task in tasks:
            self.parts[task] = slice(length, length + TASKS[task])
            length += TASKS[task]
        if not length:
            raise ValueError("FaceReader: tasks is empty, there is nothing to read")
        self.features = nn.Sequential(
            *conv_layer(3, 16), nn.MaxPool2d(2), *conv_layer(16, 32), nn.MaxPool2d(2), *conv_layer(32, 64),
            nn.MaxPool2d(2), nn.Flatten(), nn.Linear(64 * (SIZE // 8) ** 2, FEATURES), nn.LeakyReLU(0.1),
        )  # fmt: skip
        self.output = nn.Linear(FEATURES, length)

    def forward(self, images):
        return self.output(self.embed(images))

    def embed(self, images):
        """The features [N, FEATURES] of faces [N, 3, 32, 32]. ValueError for another size."""
        if images.shape[1:] != (3, SIZE, SIZE):
            raise ValueError(f"FaceReader: images must have shape (N, 3, {SIZE}, {SIZE}), got {tuple(images.shape)}")
        return self.features(centred(images))

    def read(self, images, batch=256):
        """S of pictures (an array, of any number), as an array."""
        return _in_batches(self, images, batch)

    def embeddings(self, images, batch=256):
        """The features of pictures, as an array."""
        return _in_batches(self.embed, images, batch)


def _in_batches(function, images, batch):
    images = np.asarray(images, np.float32)
    with pcn.no_grad():
        return np.concatenate([function(pcn.tensor(images[i : i + batch])).data for i in range(0, len(images), batch)])


def pictures_of(faces):
    """All pictures of a data set of faces, float32 [N, 3, H, W]."""
    return np.stack([image for image, _ in faces])


def truths(faces, tasks):
    """S of every picture, float32 [N, length]."""
    of_each = [np.concatenate([numbers(faces, i, task) for task in tasks]) for i in range(len(faces))]
    return np.array(of_each, np.float32)


def numbers(faces, i, task):
    """What S holds of one task for picture i: years, attributes, places from the middle; of about unit spread."""
    if task == "age":
        return [(faces.age(i) - MIDDLE_AGE) / YEARS]
    if task == "attributes":
        return attribute_numbers(faces.attributes(i))
    return ((faces.landmarks(i) - faces.size / 2) * (16 / faces.size)).ravel()


def attribute_numbers(attributes):
    """The four attributes from -1 (mouth corners down, closed, no hat, no glasses) to 1."""
    smile, mouth_open, hat, glasses = (float(attributes[name]) for name in ATTRIBUTES)
    return [smile, 2 * mouth_open - 1, 2 * hat - 1, 2 * glasses - 1]


def years(S, parts):
    """Ages in years from S [..., length]."""
    return S[..., parts["age"]][..., 0] * YEARS + MIDDLE_AGE


def places(S, parts):
    """Landmarks in pixels [..., 5, 2] from S [..., length]."""
    return S[..., parts["landmarks"]].reshape(*S.shape[:-1], 5, 2) * (SIZE / 16) + SIZE / 2


def square_error(output, S):
    """||NN(I) - S||^2, averaged over the pictures of the batch."""
    return ((output - S) ** 2).sum() / len(S)


def noisy(images, most, rng):
    """Pictures [N, 3, H, W] with Gaussian noise, of a standard deviation between 0 and `most` for each."""
    if not most:
        return images
    sigma = rng.uniform(0, most, (len(images), 1, 1, 1)).astype(np.float32)
    return images + sigma * rng.standard_normal(images.shape, dtype=np.float32)


@dataclass(frozen=True)
class Settings:
    """How long and how fast to learn; `quick` is the number of steps with --quick.

    `noise` is the largest standard deviation of the noise on a picture: a network that must not rely on single
    pixels has gradients that look like faces.
    """

    steps: int = 800
    batch: int = 64
    lr: float = 3e-3
    noise: float = 0.0
    quick: int = 25


def learn_to_read(reader, images, S, settings, options, report, stage="", seed=None):
    """Train on pictures [N, 3, H, W] and their S [N, length] in random batches, of `seed`; the Training, finished."""
    seed = options.seed if seed is None else seed
    steps = settings.quick if options.quick else settings.steps
    optimizer = pcn.optim.Adam(reader.parameters(), lr=settings.lr, betas=(0.9, 0.99))

    def batches(start):
        for step in range(start, steps):
            rng = np.random.default_rng((seed, step))
            chosen = rng.integers(len(images), size=settings.batch)
            yield noisy(images[chosen], settings.noise, rng), S[chosen]

    def loss_of(model, batch):
        return square_error(model(pcn.tensor(batch[0])), pcn.tensor(batch[1]))

    told = {"batch": settings.batch, "lr": settings.lr, "noise": settings.noise, "pictures": len(images)}
    return learn_stage(reader, optimizer, steps, batches, loss_of, options, report, stage, **told)
