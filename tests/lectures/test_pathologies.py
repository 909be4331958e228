"""Each pathology on a small model that really has it: the loop names the illness, the culprit and the remedy."""

import warnings
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("tqdm")

import pyconvnet as pcn
from lectures.detection.foundation.detector import Detector
from lectures.detection.foundation.evaluation import judge
from lectures.detection.foundation.matching import match
from lectures.pathologies import objects_without_anchor, stuck, warn_if_constant, warn_if_same_box
from lectures.report import Report
from lectures.training import Training, train
from pyconvnet import nn


class BoxNet(nn.Module):
    """Four numbers per picture, linear in the pixels."""

    def __init__(self, outputs=4):
        super().__init__()
        pcn.manual_seed(0)
        self.head = nn.Linear(3 * 8 * 8, outputs)

    def forward(self, images):
        return self.head(images.flatten(1))


def pictures(n=4, boxes=((1, 1, 5, 6),), seed=0):
    """A batch: images (n, 3, 8, 8), and the same boxes, of label 0, in each."""
    boxes = np.array(boxes, np.float32).reshape(-1, 4)
    images = np.random.default_rng(seed).random((n, 3, 8, 8), np.float32)
    return images, [(boxes.copy(), np.zeros(len(boxes), np.int64)) for _ in range(n)]


def learn(loss_of, batch_of=lambda step: pictures(seed=step), model=None, steps=3, lr=1e-2, optimizer=pcn.optim.SGD):
    model = model or BoxNet()
    optimizer = optimizer(model.parameters(), lr=lr)
    schedule = pcn.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    training = Training(model, optimizer, schedule, steps, {})
    train(training, lambda start: map(batch_of, range(start, steps)), loss_of)
    return training


def log_side_loss(model, batch):
    """Square error of log width and height, summed over the boxes of each picture: it cannot take a box of no width."""
    images, targets = batch
    output = model(pcn.tensor(images))
    cost = 0 * output.sum()
    for i, (boxes, _) in enumerate(targets):
        with np.errstate(divide="ignore", invalid="ignore"):
            sides = np.log(boxes[:, 2:] - boxes[:, :2])
        cost = cost + ((output[i, 2:] - pcn.tensor(sides)) ** 2).sum()
    return cost / len(targets)


def mean_loss(model, batch):
    return (model(pcn.tensor(batch[0])) ** 2).mean()


@pytest.mark.parametrize(
    ("box", "words"),
    [
        ((3, 2, 3, 7), r"box 1 of picture 2 .*\(3, 2, 3, 7\), label 0: it has width 0. Correct the annotation"),
        ((3, 7, 5, 2), r"box 1 of picture 2 .*\(3, 7, 5, 2\), label 0: it has height -5"),
        ((3, 2, np.nan, 7), r"box 1 of picture 2 .*\(3, 2, nan, 7\), label 0: it holds NaN or infinity"),
    ],
)
def test_a_loss_of_nan_names_picture_and_box(box, words):
    images, targets = pictures(4, [(1, 1, 5, 6), (2, 2, 4, 4)])
    targets[2][0][1] = box
    with pytest.raises(RuntimeError, match=rf"the loss is (inf|nan) at step 1 .*: {words}"):
        learn(log_side_loss, lambda step: (images, targets))


def test_a_loss_that_cannot_do_without_boxes_still_gets_its_diagnosis():
    images, targets = pictures(4, [(1, 1, 5, 6), (2, 2, 4, 4)])
    targets[2][0][1] = (3, 2, 3, 7)

    def per_box(model, batch):
        return log_side_loss(model, batch) / sum(len(boxes) for boxes, *_ in batch[1])

    with pytest.raises(RuntimeError, match=r"box 1 of picture 2 .* it has width 0"):
        learn(per_box, lambda step: (images, targets))


def test_a_loss_of_nan_names_the_picture():
    images, targets = pictures()
    images[3, 0, 2, 2] = np.nan
    with pytest.raises(RuntimeError, match="picture 3 of the batch holds NaN"):
        learn(mean_loss, lambda step: (images, targets))


def root_loss(model, batch):
    """A root at 0: the loss is fine, its slope is infinite."""
    return (model(pcn.tensor(batch[0])) ** 2).sum(1).sqrt().mean()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy's, of 0 / 0
def test_a_gradient_of_nan_is_noticed_before_it_spoils_the_weights():
    model = BoxNet()
    model.head.bias.data[:] = 0
    images, targets = pictures()
    images[1] = 0  # so that the output is exactly 0
    with pytest.raises(RuntimeError, match=r"but its gradient for head\.\w+ is not finite .*: picture 1 .*whatever"):
        learn(root_loss, lambda step: (images, targets), model)
    assert np.isfinite(model.head.weight.data).all()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy's, of the overflow
def test_too_high_a_learning_rate_is_named():
    with pytest.raises(RuntimeError, match=r"the loss is (inf|nan) .*last losses: .*: usually the learning rate"):
        learn(mean_loss, steps=50, lr=1e6)


def test_weights_that_are_not_finite_are_named():
    model = BoxNet()
    model.head.bias.data[0] = np.inf
    with np.errstate(invalid="ignore"), pytest.raises(RuntimeError, match=r"the weights head\.bias are not finite"):
        learn(mean_loss, model=model)


def test_a_batch_of_another_form_still_gets_words():
    with pytest.raises(RuntimeError, match=r"the loss is nan at step 1.*: usually the learning rate"):
        learn(lambda model, batch: model.head.bias.sum() * np.nan, lambda step: "text")


def triplet_loss(model, batch, margin=0.2):
    """Anchors, positives, negatives: max(|a - p|^2 - |a - n|^2 + margin, 0)."""
    a, p, n = (model(pcn.tensor(images)) for images in batch)
    return {"triplet": (((a - p) ** 2).sum(1) - ((a - n) ** 2).sum(1) + margin).relu().mean(), "margin": margin}


def test_a_loss_that_is_stuck_at_its_margin_is_named():
    """All embeddings are the same point, so that nothing pulls them apart any more."""
    model = BoxNet()
    model.head.weight.data[:] = 0
    triplets = [[pictures(seed=3 * s + k)[0] for k in range(3)] for s in range(120)]
    with pytest.warns(RuntimeWarning, match=r"stuck at 0\.2, which is the margin of the loss.*semi-hard"):
        learn(triplet_loss, triplets.__getitem__, model, steps=120)


def clamped_loss(model, batch):
    return {"square": ((model(pcn.tensor(batch[0])) - 100) ** 2).clamp(max=16).mean(), "clamp": 16}


def test_a_loss_that_is_stuck_at_its_clamp_is_named():
    with pytest.warns(RuntimeWarning, match=r"stuck at 16, which is the clamp.*at a clamp the output has left"):
        learn(clamped_loss, steps=120)


def test_a_constant_that_was_not_noted_is_guessed():
    assert "stuck at 3, perhaps a hinge's margin" in stuck(np.full(200, 3.0), {"margin": [1.0] * 200}, 0.0)


@pytest.mark.parametrize(
    ("losses", "gradient"),
    [(np.zeros(200), 0.0), (np.full(200, 3.0), 0.1), (np.linspace(3, 2, 200), 0.0), (np.full(50, 3.0), 0.0)],
    ids=["at its end, zero", "with a slope", "falling", "too short to tell"],
)
def test_a_loss_that_is_not_stuck(losses, gradient):
    assert stuck(losses, {}, gradient) is None


def test_a_loss_that_does_not_fall_is_named():
    with pytest.warns(RuntimeWarning, match=r"hardly fell .*learning rate too low"):
        learn(mean_loss, lambda step: pictures(), steps=120, lr=1e-9)


def anchored(side):
    """A loss that notes how many objects no anchor of this side (one every 2 pixels) is positive for."""
    x, y = (v.ravel() for v in np.meshgrid(np.arange(1, 8, 2), np.arange(1, 8, 2)))
    anchors = np.stack([x - side / 2, y - side / 2, x + side / 2, y + side / 2], axis=1)

    def loss_of(model, batch):
        matched = [match(anchors, boxes, 0.5, 0.3) for boxes, _ in batch[1]]
        found = sum(len(set(best[label == 1])) for best, label in matched)
        objects = sum(len(boxes) for boxes, _ in batch[1])
        numbers = {"objects": objects, "objects without positive anchor": objects - found}
        return {"boxes": mean_loss(model, batch), **numbers}

    return loss_of


def test_objects_without_positive_anchor_are_counted():
    batch = pictures(4, [(1, 1, 4, 4), (0, 0, 8, 8)])
    with pytest.warns(RuntimeWarning, match=r"12 of 24 objects \(50%\) had no positive anchor.*smaller anchors"):
        learn(anchored(8), lambda step: batch)
    training = learn(anchored(3), lambda step: pictures(4, [(1, 1, 4, 4)]))
    assert training.parts["objects"] == [4] * 3 and training.parts["objects without positive anchor"] == [0] * 3


def test_a_few_objects_without_anchor_and_none_at_all_are_tolerated():
    objects, without = "objects", "objects without positive anchor"
    assert objects_without_anchor({objects: [50, 50], without: [2, 3]}) is None
    assert objects_without_anchor({objects: [0], without: [0]}) is None
    assert objects_without_anchor({}) is None


class Regressor(Detector):
    """One box a picture; with `slope` 0 it does not depend on the picture: the mean box."""

    def __init__(self, slope):
        super().__init__(("circle", "square", "triangle"))
        self.slope = slope

    def detect(self, images, confidence_threshold, nms_threshold):
        shift = self.slope * images.mean((1, 2, 3))
        return [(np.array([[s, s, s + 20, s + 20]]), np.array([0.9]), np.array([0])) for s in shift]


def test_a_detector_that_gives_every_picture_the_same_box_is_named(tmp_path):
    scenes = pcn.data.ShapeScenes(6, "test")
    data = SimpleNamespace(train=scenes, test=scenes, classes=scenes.classes)
    with pytest.warns(RuntimeWarning, match=r"surest box is the same, \(0, 0, 20, 20\), in all 6 pictures"):
        judge(Regressor(0), data, Report("same", tmp_path))
    judge(Regressor(40), data, Report("different", tmp_path))


def test_the_same_box_is_right_where_the_objects_are_the_same():
    found = [(np.array([[1.0, 1, 9, 9]]), np.array([0.5]), np.array([0]))] * 3
    warn_if_same_box(found, [(np.array([[1, 1, 9, 8]], np.float32), np.array([0]))] * 3)
    warn_if_same_box(found[:1])
    warn_if_same_box([(np.zeros((0, 4)), np.zeros(0), np.zeros(0, int))] * 3)
    with pytest.warns(RuntimeWarning, match="the same"):
        warn_if_same_box(found)


def test_outputs_that_ignore_the_picture_are_noticed():
    varied = np.random.default_rng(0).normal(size=(4, 2, 2, 8))
    warn_if_constant(list(varied))
    for same in (np.repeat(varied[:1], 4, axis=0), np.zeros_like(varied), varied[:1] + 1e-6 * varied):
        with pytest.warns(RuntimeWarning, match="same for every picture"):
            warn_if_constant(list(same))


def test_a_healthy_training_is_left_in_peace():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        training = learn(log_side_loss, steps=120)
    assert training.losses[-1] < 0.5 * training.losses[0]
