"""How every embedding learns: batches of P people with K pictures, Adam with a cosine schedule, a checkpoint."""

from dataclasses import dataclass

import numpy as np

import pyconvnet as pcn
from lectures.faces.foundation.batches import PeopleBatches
from lectures.training import Training, train


@dataclass(frozen=True)
class Settings:
    """How long and how fast to learn: batches of `people` with `pictures` each; `quick` steps with --quick."""

    steps: int
    lr: float = 1e-3
    people: int = 16
    pictures: int = 4
    decay: float = 0.0  # of the weights, a step
    quick: int = 30


def learn(model, loss_of, data, settings, options, report, stage=""):
    """Train `model` on `data.train`; its Training, finished; the time goes to the report.

    `loss_of(model, images, people, rng)` is a Tensor, or a dict of them by name whose sum is minimised (numbers in it
    are only noted). The generator depends on (seed, step) alone, so that a resumed run repeats exactly.
    """
    steps = settings.quick if options.quick else settings.steps
    draws = PeopleBatches(data.train.people, settings.people, settings.pictures)
    optimizer = pcn.optim.AdamW(model.parameters(), lr=settings.lr, weight_decay=settings.decay)
    schedule = pcn.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    identity = {"lecture": report.lecture, "data": options.data, "seed": options.seed, "steps": steps}
    identity |= {"lr": settings.lr, "batch": [settings.people, settings.pictures], "people": data.train.count}
    training = Training(model, optimizer, schedule, steps, identity | ({"stage": stage} if stage else {}))

    def batches(start):
        for step in range(start, steps):
            rng = np.random.default_rng((options.seed, step))
            which = draws.draw(rng)
            yield data.vary(data.train.images(which), rng), data.train.people[which], rng

    def loss(model, batch):
        images, people, rng = batch
        return loss_of(model, pcn.tensor(images), people, rng)

    every = max(1, min(100, steps // 3))
    train(training, batches, loss, checkpoint_path(options, report, stage), options.resume, every)
    report.train_seconds += training.seconds
    return training


def checkpoint_path(options, report, stage=""):
    """Where a run keeps its checkpoint: a quick try or other pictures must not overwrite the lecture's network."""
    kind = "-" * bool(stage) + stage + "-quick" * options.quick + "-photographs" * (options.data is not None)
    return report.folder / f"checkpoint{kind}.safetensors"
