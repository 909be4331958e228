"""How every detector learns: batches of varied pictures, Adam with a cosine schedule, a checkpoint per stage."""

from dataclasses import dataclass

import numpy as np

import pyconvnet as pcn
from lectures.detection.foundation.datasets import without_difficult
from lectures.stage import learn_stage


@dataclass(frozen=True)
class Settings:
    """How long and how fast to learn; `quick` is the number of steps with --quick."""

    steps: int
    batch: int
    lr: float
    quick: int = 60

    def steps_for(self, options, batch):
        """`steps`, or as many as look at `options.pictures` pictures where that is set; --quick has the last word."""
        if options.quick:
            return self.quick
        pictures = getattr(options, "pictures", None)  # the same budget for systems whose batches differ
        return self.steps if pictures is None else max(1, pictures // batch)


def learn(model, loss_of, data, settings, options, report, stage="", parameters=None):
    """Train `model` (only `parameters`, if given) on `data.train`; its Training, finished; the time goes to the report.

    `loss_of(model, images, targets, rng)` is a Tensor, or a dict of them by name whose sum is minimised (numbers in it
    are only noted). Images are a Tensor (N, 3, H, W), targets a list of (boxes, labels). The generator
    depends on (seed, step) alone, so that a resumed run repeats exactly.
    """
    batch = min(settings.batch, len(data.train))
    steps = settings.steps_for(options, batch)
    parameters = model.parameters() if parameters is None else parameters
    optimizer = pcn.optim.Adam(parameters, lr=settings.lr, betas=(0.9, 0.99))
    loader = pcn.data.DataLoader(data.train, batch, shuffle=True, seed=options.seed)

    def batches(start):
        for step, (images, targets) in enumerate(loader.stream(start), start):
            rng = np.random.default_rng((options.seed, step))
            images, targets = data.augment(images, targets, rng)
            yield images, [without_difficult(target) for target in targets], rng

    def loss(model, batch):
        images, targets, rng = batch
        return loss_of(model, pcn.tensor(images), targets, rng)

    told = {"batch": batch, "lr": settings.lr}
    return learn_stage(model, optimizer, steps, batches, loss, options, report, stage, **told)
