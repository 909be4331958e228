"""How every embedding learns: batches of P people with K pictures, Adam with a cosine schedule, a checkpoint."""

from dataclasses import dataclass

import numpy as np

import pyconvnet as pcn
from lectures.faces.foundation.batches import PeopleBatches
from lectures.stage import learn_stage


@dataclass(frozen=True)
class Settings:
    """How long and how fast to learn: batches of `people` with `pictures` each; `quick` steps with --quick."""

    steps: int
    lr: float = 1e-3
    people: int = 16
    pictures: int = 4
    decay: float = 0.0  # of the weights, a step
    quick: int = 30


def learn(model, loss_of, data, settings, options, report, stage="", **loss_settings):
    """Train `model` on `data.train`; its Training, finished; the time goes to the report.

    `loss_of(model, images, people, rng)` is a Tensor, or a dict of them by name whose sum is minimised (numbers in it
    are only noted). The generator depends on (seed, step) alone, so that a resumed run repeats exactly.
    `loss_settings` are what else tells the loss apart, e.g. its margin: a checkpoint of others is refused.
    """
    steps = settings.quick if options.quick else settings.steps
    draws = PeopleBatches(data.train.people, settings.people, settings.pictures)
    optimizer = pcn.optim.AdamW(model.parameters(), lr=settings.lr, weight_decay=settings.decay)

    def batches(start):
        for step in range(start, steps):
            rng = np.random.default_rng((options.seed, step))
            which = draws.draw(rng)
            yield data.vary(data.train.images(which), rng), data.train.people[which], rng

    def loss(model, batch):
        images, people, rng = batch
        return loss_of(model, pcn.tensor(images), people, rng)

    told = {"lr": settings.lr, "batch": [settings.people, settings.pictures], "people": data.train.count}
    told |= loss_settings
    return learn_stage(model, optimizer, steps, batches, loss, options, report, stage, **told)
