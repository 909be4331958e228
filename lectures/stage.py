"""A stage of learning in a lecture's run: a cosine schedule, a checkpoint of its own, its time in the report."""

import pyconvnet as pcn
from lectures.training import Training, train


def learn_stage(model, optimizer, steps, batches, loss_of, options, report, stage="", **settings):
    """Do `steps` steps of `optimizer`, or those that --resume finds left to do; the Training, finished.

    `batches` and `loss_of` are those of `train`. `settings` tell runs apart besides the lecture, the data, the seed and
    the number of steps: a checkpoint of others is refused (OtherSettings).
    """
    schedule = pcn.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    settings |= {"lecture": report.lecture, "data": options.data, "seed": options.seed, "steps": steps}
    training = Training(model, optimizer, schedule, steps, settings | ({"stage": stage} if stage else {}))
    checkpoint = checkpoint_path(options, report, stage)
    train(training, batches, loss_of, checkpoint, options.resume, max(1, min(100, steps // 3)))
    report.train_seconds += training.seconds
    return training


def checkpoint_path(options, report, stage=""):
    """Where a run keeps its checkpoint: a quick try or other pictures must not overwrite the lecture's network."""
    kind = "-" * bool(stage) + stage + "-quick" * options.quick + "-photographs" * (options.data is not None)
    return report.folder / f"checkpoint{kind}.safetensors"
