"""Networks that learn in under a minute from painted pictures: shapes with textures, and digits.

Both are kept in the cache folder, under their code, seed and settings. The same function with another seed, which
has other weights and other pictures, is the judge who does not know the first one.
"""

import inspect
from itertools import pairwise
from pathlib import Path

import numpy as np

import pyconvnet as pcn
from lectures.fixed_network.network import FixedNetwork, Prepared, Step, in_batches
from lectures.kept_network import keep_network, load_kept_network
from lectures.stage import learn_stage
from pyconvnet import functional as F
from pyconvnet import nn
from pyconvnet.data import Digits, TexturedShapes

JUDGE = 1000  # the seed of an independent network is so much larger
POOL, UNSEEN = 3000, 400  # pictures to learn from, and to be judged on
BATCH, QUICK = 32, 8  # pictures; steps with --quick
TEXTURE_STEPS, TEXTURE_RATE = 1000, 1.5e-3
DIGIT_STEPS, DIGIT_RATE = 900, 1.5e-3


class TextureNet(nn.Module):
    """Four convolutions with 16, 32, 64, 64 channels, pooled by 2 between them; a head for shapes, one for textures.

    The shape depends on where something is: 4 x 4 means go through a hidden layer. The texture does not: one mean.
    """

    def __init__(self, shapes=4, textures=6):
        super().__init__()
        channels = (3, 16, 32, 64, 64)
        self.convolutions = nn.ModuleList([nn.Conv2d(a, b, 3, padding=1) for a, b in pairwise(channels)])
        places = nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(64 * 16, 64), nn.ReLU(), nn.Linear(64, shapes)
        self.shape = nn.Sequential(*places)
        self.texture = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, textures))
        self.prepared = Prepared((0.5,) * 3, 0.25)

    def forward(self, images):
        """(logits of the shapes [N, 4], of the textures [N, 6]) of pictures [N, 3, H, W]."""
        features = through(self.steps(), images)
        return self.shape(features), self.texture(features)

    def steps(self):
        """From pictures to the last map."""
        return convolution_steps(self.prepared, self.convolutions)


class DigitNet(nn.Module):
    """Three convolutions with 16, 32, 64 channels, pooled by 2 between them, and two fully connected layers."""

    def __init__(self):
        super().__init__()
        channels = (1, 16, 32, 64)
        self.convolutions = nn.ModuleList([nn.Conv2d(a, b, 3, padding=1) for a, b in pairwise(channels)])
        self.digit = nn.Sequential(
            nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(64 * 16, 64), nn.ReLU(), nn.Linear(64, 10)
        )
        self.prepared = Prepared((0.3,), 0.3)

    def forward(self, images):
        """Logits [N, 10] of pictures [N, 1, H, W]."""
        return self.digit(through(self.steps(), images))

    def steps(self):
        """From pictures to the last map."""
        return convolution_steps(self.prepared, self.convolutions)


def convolution_steps(prepared, convolutions):
    """The chain: picture prepared, conv1, max pooling, conv2, max pooling ..., the last one not pooled."""
    steps = [Step(prepared)]
    for i, convolution in enumerate(convolutions):
        steps += [Step(nn.MaxPool2d(2), stride=2)] if i else []
        steps += [Step(convolution), Step(nn.ReLU(), f"conv{i + 1}")]
    return steps


def through(steps, x):
    """What comes out at the end of a chain."""
    for step in steps:
        x = step.module(x)
    return x


class TextureNetwork(FixedNetwork):
    """A FixedNetwork for shapes that knows `textures` (names), too."""

    def __init__(self, net, name):
        steps = [*net.steps(), Step(net.shape)]
        self.texture_head, self.textures = net.texture, TexturedShapes.textures
        super().__init__(name, steps, TexturedShapes.classes, 3, 64)

    def modules(self):
        """Those of the chain, and the second head."""
        return [*super().modules(), self.texture_head]

    def texture_logits(self, images):
        """Tensor [N, 6] of pictures [N, 3, H, W]."""
        return self.texture_head(self.features(images, self.layers[-1:])[self.layers[-1]])

    def predict_textures(self, images):
        """(labels int64 [N], softmax float32 [N, 6]), in batches."""
        scores = in_batches(lambda part: self.texture_logits(part).softmax(1), images)
        return scores.argmax(1), scores


def texture_network(options, report, seed=0, noise=0.0):
    """The TextureNetwork of a seed: kept, or trained now. An honest judge: seed + JUDGE, noise 0.25.

    `noise`: each training picture gets Gaussian noise of a standard deviation from 0 to this one.
    Its accuracy on unseen pictures goes to report.extra.
    """
    pcn.manual_seed(seed)
    net = TextureNet()
    name = f"textures, seed {seed}" + f", noise {noise:g}" * bool(noise)

    def loss(model, batch):
        images, shapes, textures = batch
        shape, texture = model(pcn.tensor(images))
        return {"shape": F.cross_entropy(shape, pcn.tensor(shapes)),
                "texture": F.cross_entropy(texture, pcn.tensor(textures))}  # fmt: skip

    _learned(net, loss, TexturedShapes, TEXTURE_STEPS, TEXTURE_RATE, options, report, seed, name, noise)
    network = TextureNetwork(net, name)
    images, shapes, textures = unseen(TexturedShapes, options, seed)
    report.extra.setdefault("accuracy", {})[name] = {
        "shape": float((network.predict(images)[0] == shapes).mean()),
        "texture": float((network.predict_textures(images)[0] == textures).mean()),
    }
    return network


def digit_network(options, report, seed=0, adversarial=None):
    """The FixedNetwork of a seed that reads digits: kept, or trained now.

    `adversarial(model, images, labels)` returns the pictures to learn instead of each batch [N, 1, 28, 28]; a function
    of a module, whose file counts for what is kept. Its accuracy on unseen pictures goes to report.extra.
    """
    pcn.manual_seed(seed)
    net = DigitNet()
    name = f"digits, seed {seed}" + ", taught with attacks" * (adversarial is not None)

    def loss(model, batch):
        images, digits = batch
        images = images if adversarial is None else adversarial(model, images, digits)
        return F.cross_entropy(model(pcn.tensor(np.asarray(images, np.float32))), pcn.tensor(digits))

    _learned(net, loss, Digits, DIGIT_STEPS, DIGIT_RATE, options, report, seed, name, adversarial=adversarial)
    network = FixedNetwork(name, [*net.steps(), Step(net.digit)], Digits.classes, 1, 28)
    images, digits = unseen(Digits, options, seed)
    report.extra.setdefault("accuracy", {})[name] = float((network.predict(images)[0] == digits).mean())
    return network


def unseen(kind, options, seed, count=UNSEEN):
    """Pictures and labels of a kind of data that no network learned from; a few with --quick."""
    return kind(min(count, 40) if options.quick else count, "test", seed).arrays()


def _learned(net, loss, kind, steps, rate, options, report, seed, name, noise=0.0, adversarial=None):
    """Give `net` its weights: those kept, or learned now, and then kept unless the run is --quick."""
    steps, pool = (QUICK, 4 * BATCH) if options.quick else (steps, POOL)
    identity = (*code_of(kind, adversarial), name, steps, rate, pool, BATCH)
    kept = _Timed(net)
    if not options.quick and load_kept_network(kept, *identity):
        report.train_seconds += kept.seconds.item()
        return
    data = kind(pool, "train", seed).arrays()

    def batches(start):
        for step in range(start, steps):
            rng = np.random.default_rng((seed, step))
            which = rng.integers(0, pool, BATCH)
            images, *labels = (part[which] for part in data)
            if noise:
                sigma = rng.uniform(0, noise, (BATCH, 1, 1, 1)).astype(np.float32)
                images = np.clip(images + sigma * rng.standard_normal(images.shape, dtype=np.float32), 0, 1)
            yield images, *labels

    optimizer = pcn.optim.Adam(net.parameters(), lr=rate)
    print(f"training the network {name}", flush=True)
    stage = name.replace(", ", "-").replace(" ", "-")
    training = learn_stage(net, optimizer, steps, batches, loss, options, report, stage, network_seed=seed)
    if not options.quick:
        kept.seconds.data[...] = training.seconds
        keep_network(kept, *identity)


def code_of(kind, adversarial=None):
    """What a network depends on: the files of this room, of the loop, of the pictures and of the attack, and which."""
    here = Path(__file__)
    loop = [here.parent.with_name(f"{name}.py") for name in ("stage", "training")]
    painted = [Path(inspect.getsourcefile(kind)).with_name(f"{name}.py") for name in PAINTED[kind]]
    return [here, here.with_name("network.py"), *loop, *painted, *_attack(adversarial)]


PAINTED = {
    TexturedShapes: ("textured_shapes", "painted", "painting", "kinds"),
    Digits: ("digits", "painted", "digit_strokes"),
}


def _attack(function):
    """The file of a function, its name, and what a functools.partial fixes."""
    if function is None:
        return ()
    inner = getattr(function, "func", function)
    fixed = getattr(function, "args", ()), sorted(getattr(function, "keywords", {}).items())
    return Path(inspect.getsourcefile(inner)), inner.__qualname__, fixed


class _Timed(nn.Module):
    """A network and the seconds [1] that it learned."""

    def __init__(self, network):
        super().__init__()
        self.network = network
        self.register_buffer("seconds", pcn.zeros(1))
