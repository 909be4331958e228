"""What ails a training, in words and with the remedy: one function per illness, called by the one loop.

`refuse_not_finite` after every step, `diagnose` at the end, `warn_if_same_box` on a detector's predictions.
Some illnesses show in numbers that only the loss knows. A `loss_of` that returns a dict may note them as plain
numbers under these names:

    "objects"                            ground truths in the batch
    "objects without positive anchor"    those of them that no anchor was made positive for
    "margin", "clamp"                    the constant at which a hinge or a clamp holds the loss
"""

import warnings

import numpy as np

OBJECTS, WITHOUT_ANCHOR = "objects", "objects without positive anchor"
CONSTANTS = ("margin", "clamp")
FEW = 10  # steps in a tenth of the training: fewer say nothing about where the loss went


def refuse_not_finite(training, loss_of, batch):
    """RuntimeError if the loss of the step just computed, or its gradient, is not finite: where it comes from.

    Called before the optimizer takes the gradient, so that `loss_of` can be asked again with the same weights: first
    about each picture of `batch` = (images, targets, ...) alone, then about each box alone.
    """
    value = training.losses[-1]
    sick = "" if np.isfinite(value) else f"the loss is {value}"
    sick = sick or next((f"the loss is {value:.3g} but its gradient for {n} is not finite"
                         for n, p in training.model.named_parameters() if not _finite(p.grad)), "")  # fmt: skip
    if sick:
        recent = ", ".join(f"{v:.3g}" for v in training.losses[-5:])
        with np.errstate(all="ignore"):
            cause = _culprit(training, loss_of, batch)
        raise RuntimeError(f"{sick} at step {training.step} (last losses: {recent}): {cause}")


def diagnose(training):
    """After the last step: a RuntimeWarning, with its remedy, for every illness that the history shows."""
    losses, parts = np.array(training.losses), training.parts
    for illness in (
        stuck(losses, parts, gradient_size(training.model)) or hardly_fell(losses),
        objects_without_anchor(parts),
    ):
        if illness:
            warnings.warn(illness, RuntimeWarning, stacklevel=3)


def stuck(losses, parts, gradient):
    """Words, if the loss stays at one value over the last tenth (to 1e-3 of it) while `gradient`, its size, is ~ 0.

    So it is where a hinge says the same for every input, or a clamp cuts the slope off. Zero is where to end.
    """
    last = losses[-max(len(losses) // 10, 1) :]
    if len(last) < FEW or gradient is None or gradient > 1e-5 or not last.any():
        return None
    value = last.mean()
    if np.ptp(last) > 1e-3 * abs(value):
        return None
    names = [n for n in CONSTANTS if n in parts and np.allclose(parts[n][-len(last) :], value, rtol=1e-3)]
    equals = f"which is the {names[0]} of the loss" if names else "perhaps a hinge's margin or a clamp's bound"
    return (
        f"the loss is stuck at {value:.4g}, {equals}, and its gradients are zero. At a margin all outputs have become "
        "equal: start again with a lower learning rate, easier (semi-hard) examples or normalised outputs; at a clamp "
        "the output has left the range where it counts: start smaller, or clamp predictions only, not what is learned"
    )


def hardly_fell(losses):
    """Words, if the mean of the last tenth of the losses is above 95 % of that of the first."""
    tenth = len(losses) // 10
    if tenth < FEW or losses[-tenth:].mean() <= 0.95 * losses[:tenth].mean():
        return None
    return (
        f"the loss hardly fell (first tenth {losses[:tenth].mean():.3g}, last {losses[-tenth:].mean():.3g}): "
        "is the learning rate too low, or are the gradients zero (a dead unit, a clamp, a frozen layer)?"
    )


def objects_without_anchor(parts, tolerated=0.05):
    """Words, if the loss noted that more than this share of all objects had no positive anchor."""
    objects, without = (np.sum(parts.get(name, 0.0)) for name in (OBJECTS, WITHOUT_ANCHOR))
    if without <= tolerated * objects:
        return None
    return (
        f"{without:.0f} of {objects:.0f} objects ({without / objects:.0%}) had no positive anchor, so nothing learns "
        "to find them: add smaller anchors (or a finer stride) if they are small, anchors of their proportions if they "
        "are long, lower the IoU from which an anchor is positive, or let each object's best anchor be positive"
    )


def warn_if_constant(outputs):
    """Warn where a network says nearly the same about every picture: it then ignores its input."""
    outputs = np.asarray(outputs)
    spread = outputs.std(axis=0).mean()
    if len(outputs) > 1 and spread < 1e-3 * max(np.abs(outputs).mean(), 1e-12):
        warnings.warn("the network's output is the same for every picture", RuntimeWarning, stacklevel=2)


def warn_if_same_box(detections, truths=None, share=0.01):
    """Warn where the surest box of every picture is the same to `share` of its sides, but the objects are not.

    detections, truths: per picture (boxes, ...) in pixels. Pictures without a box, or truth, are left out.
    """
    surest = _first_boxes(detections)
    if len(surest) < 2 or not _same(surest, share) or (truths is not None and _same(_first_boxes(truths), share)):
        return
    box = ", ".join(f"{v:.0f}" for v in surest.mean(0))
    warnings.warn(
        f"the surest box is the same, ({box}), in all {len(surest)} pictures with one: the boxes do not depend on the "
        "picture. Does the box cost reach the features (its weight, a frozen or dead layer)? Does the head keep the "
        "place (global average pooling forgets it)? Is the learning rate so high that all units died?",
        RuntimeWarning,
        stacklevel=2,
    )


def gradient_size(model):
    """Root of the mean square over all parameters' gradients, None if there is none."""
    gradients = [p.grad.data for p in model.parameters() if p.grad is not None]
    if not gradients:
        return None
    return float(np.sqrt(sum(float((g**2).sum()) for g in gradients) / sum(g.size for g in gradients)))


def _culprit(training, loss_of, batch):
    """Which weights, picture or box make the loss or its gradient infinite, and what to do."""
    model = training.model
    for name, p in model.named_parameters():
        if not _finite(p):
            return f"the weights {name} are not finite themselves; start again with a lower learning rate"
    general = (
        "usually the learning rate is too high, or a logarithm or root met a number it cannot take; "
        "lower the learning rate, clip the gradients, or keep the argument away from 0"
    )
    pictures = _pictures(batch)
    for i, (image, _, _) in enumerate(pictures):
        if not np.isfinite(image).all():
            return f"picture {i} of the batch holds NaN or infinity: correct the picture or leave it out"
    enough = [_sick(model, loss_of, image, [part[:0] for part in target], rest) for image, target, rest in pictures]
    uninformed = all(enough)  # a loss that cannot do without boxes, or is sick whatever it sees
    boxes = {
        (i, j): _sick(model, loss_of, image, [part[j : j + 1] for part in target], rest)
        for i, (image, target, rest) in enumerate(pictures) if uninformed or not enough[i]
        for j in range(len(target[0]))
    }  # fmt: skip
    if any(boxes.values()) and not (uninformed and all(boxes.values())):
        i, j = next(at for at, sick in boxes.items() if sick)
        return f"box {j} of picture {i} of the batch is enough for it, {_describe(pictures[i][1], j)}"
    if any(enough) and not uninformed:
        return f"picture {enough.index(True)} of the batch is enough for it, whatever its boxes: {general}"
    return general


def _pictures(batch):
    """[(image (1, ...), target, whatever else the batch holds)], or nothing where a batch is something else."""
    if not isinstance(batch, tuple) or len(batch) < 2 or not isinstance(batch[0], np.ndarray):
        return []
    images, targets, *rest = batch
    if not isinstance(targets, list) or len(targets) != len(images) or not all(map(_is_target, targets)):
        return []
    return [(images[i : i + 1], target, rest) for i, target in enumerate(targets)]


def _is_target(target):
    """Arrays with an entry per box, the boxes first."""
    return isinstance(target, tuple) and all(isinstance(p, np.ndarray) and len(p) == len(target[0]) for p in target)


def _sick(model, loss_of, image, target, rest):
    """Whether this picture with these boxes has a loss or gradient that is not finite."""
    for copies in (1, 2):  # batch norm over features cannot do with one
        try:
            loss = loss_of(model, (np.repeat(image, copies, axis=0), [tuple(target)] * copies, *rest))
            break
        except Exception:  # a probe that fails says nothing; the error to report is the one at hand
            continue
    else:
        return False
    terms = [v for v in loss.values() if hasattr(v, "backward")] if isinstance(loss, dict) else [loss]
    total = sum(terms[1:], terms[0])
    if not _finite(total):
        return True
    for p in model.parameters():
        p.grad = None
    total.backward()
    return not all(_finite(p.grad) for p in model.parameters())


def _describe(target, j):
    box = np.asarray(target[0][j], np.float64)
    said = f"({', '.join(f'{v:g}' for v in box)})" + (f", label {target[1][j]}" if len(target) > 1 else "")
    width, height = box[2] - box[0], box[3] - box[1]
    if not np.isfinite(box).all():
        return f"{said}: it holds NaN or infinity. Correct the annotation or leave it out"
    wrong = [f"{name} {side:g}" for name, side in (("width", width), ("height", height)) if side <= 0]
    if wrong:
        return f"{said}: it has {' and '.join(wrong)}. Correct the annotation or leave it out"
    return f"{said}: is it too small, too long or outside the picture for the logarithm or root of its code?"


def _finite(tensor):
    return tensor is None or bool(np.isfinite(tensor.data).all())


def _first_boxes(found):
    return np.array([boxes[0] for boxes, *_ in found if len(boxes)], np.float64).reshape(-1, 4)


def _same(boxes, share):
    sides = np.abs(boxes[:, 2:] - boxes[:, :2]).mean() if len(boxes) else 0
    return bool((boxes.std(axis=0) <= share * sides).all())
