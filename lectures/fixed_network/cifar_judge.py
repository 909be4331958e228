"""A second network for CIFAR-10, trained here, that judges pictures which another one has made."""

from pathlib import Path

import numpy as np

import pyconvnet as pcn
from lectures.fixed_network.network import FixedNetwork, Prepared, Step
from lectures.kept_network import keep_network, load_kept_network
from lectures.stage import learn_stage
from pyconvnet import functional as F
from pyconvnet import nn

WIDTHS = (24, 48, 96)  # channels of two convolutions each, then the map is halved
STEPS, BATCH, RATE = 2000, 48, 5e-3
HELD_OUT = 500  # pictures that it does not learn from, drawn by lot
SHIFT, NOISE = 4, 0.1  # augmentation: pixels, standard deviation at most


class JudgeNet(nn.Module):
    """Pictures [N, 3, 32, 32] to logits [N, 10]: six convolutions with batch norm, max pooling, a mean."""

    def __init__(self):
        super().__init__()
        self.prepared, self.blocks, inputs = Prepared((0.5,) * 3, 0.25), nn.ModuleList(), 3
        for width in WIDTHS:
            for a in (inputs, width):
                self.blocks.append(nn.Sequential(nn.Conv2d(a, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)))
            inputs = width
        self.output = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, 10))

    def steps(self):
        """The chain from pictures to logits."""
        steps = [Step(self.prepared)]
        for i, block in enumerate(self.blocks):
            steps += [Step(block), Step(nn.ReLU(), f"conv{i + 1}")]
            steps += [Step(nn.MaxPool2d(2), stride=2)] if i % 2 and i + 1 < len(self.blocks) else []
        return [*steps, Step(self.output)]

    def forward(self, images):
        x = images
        for step in self.steps():
            x = step.module(x)
        return x


def cifar_judge(options, report):
    """The FixedNetwork that learned `--data cifar:FILE` but for HELD_OUT of its pictures: kept, or trained now.

    Its accuracy on those goes to report.extra["judge_accuracy"]. ValueError for other data, or too few pictures.
    """
    kind, _, place = (options.data or "").partition(":")
    if kind != "cifar" or not place:
        raise ValueError("the judge learns from CIFAR-10 pictures: --data cifar:FILE")
    data = pcn.data.Cifar10(place)
    held = min(HELD_OUT, len(data) // 5)
    if held < 10:
        raise ValueError(f"the judge needs at least 50 pictures to learn from and be judged on, got {len(data)}")
    order = np.random.default_rng(0).permutation(len(data))  # a file may hold one class after the other
    images, labels = data.pixels[order].astype(np.float32) / np.float32(255), data.labels[order]
    pcn.manual_seed(options.seed)
    net = JudgeNet()
    learn_to_judge(net, images[:-held], labels[:-held], options, report)
    judge = FixedNetwork("a second network", net.steps(), data.classes, 3, 32)
    report.extra["judge_accuracy"] = float((judge.predict(images[-held:])[0] == labels[-held:]).mean())
    return judge


def learn_to_judge(net, images, labels, options, report):
    """Give it the weights that are kept for these pictures, or train it, and keep them unless the run is --quick."""
    steps = 2 if options.quick else STEPS
    here = Path(__file__)
    loop = [here.parent.with_name(f"{name}.py") for name in ("stage", "training")]
    identity = here, here.with_name("network.py"), *loop, "cifar judge", steps, options.seed, images, labels
    if not options.quick and load_kept_network(net, *identity):
        net.eval()
        return

    def batches(start):
        for step in range(start, steps):
            rng = np.random.default_rng((options.seed, step))
            which = rng.integers(0, len(images), BATCH)
            yield augmented(images[which], rng), labels[which]

    def loss(model, batch):
        pictures, classes = batch
        return F.cross_entropy(model(pcn.tensor(pictures)), pcn.tensor(classes), label_smoothing=0.1)

    print("training the judge", flush=True)
    optimizer = pcn.optim.AdamW(net.parameters(), lr=RATE, weight_decay=0.02)
    learn_stage(net, optimizer, steps, batches, loss, options, report, "judge")
    if not options.quick:
        keep_network(net, *identity)


def augmented(images, rng):
    """Pictures mirrored or not, shifted by up to SHIFT pixels, with more or less noise; within [0, 1]."""
    n, _, height, width = images.shape
    padded = np.pad(images, ((0, 0), (0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT)), mode="reflect")
    out = np.empty_like(images)
    for i, (y, x) in enumerate(rng.integers(0, 2 * SHIFT + 1, (n, 2))):
        image = padded[i, :, y : y + height, x : x + width]
        out[i] = image[:, :, ::-1] if rng.random() < 0.5 else image
    sigma = rng.uniform(0, NOISE, (n, 1, 1, 1)).astype(np.float32)
    return np.clip(out + sigma * rng.standard_normal(out.shape, np.float32), 0, 1)
