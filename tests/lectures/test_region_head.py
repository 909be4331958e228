"""The head of region-based detectors: targets, loss and decoding against naive loops over single boxes."""

import math

import numpy as np
import pytest

pytest.importorskip("tqdm")

import pyconvnet as pcn
from lectures.detection.regions.region_head import (
    OFFSET_WEIGHTS,
    RegionHead,
    decode_regions,
    head_loss,
    multi_task_loss,
    pool_regions,
    region_targets,
)
from pyconvnet.testing import check_grads

C = 3
NONE = np.zeros((0, 4), np.float32)


def some_boxes(rng, n, side=64):
    corner = rng.uniform(0, side - 8, (n, 2))
    return np.concatenate([corner, np.minimum(corner + rng.uniform(4, 40, (n, 2)), side)], 1).astype(np.float32)


def near(rng, boxes, n):
    """Boxes around objects: some of them positive, some not."""
    chosen = boxes[rng.integers(0, len(boxes), n)] if len(boxes) else np.zeros((0, 4), np.float32)
    moved = chosen + rng.normal(0, 3, chosen.shape).astype(np.float32)
    return moved[(moved[:, 2:] > moved[:, :2] + 1).all(1)]


def naive_iou(a, b):
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    both = max(width, 0) * max(height, 0)
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def naive_answer(region, boxes, labels):
    """The label of one region, and its offsets, one number at a time."""
    best, most = None, -1.0
    for k, box in enumerate(boxes.astype(float)):
        if naive_iou(region, box) > most:
            best, most = k, naive_iou(region, box)
    if most < 0.5:
        return C, [0.0] * 4
    x1, y1, x2, y2 = region
    gx1, gy1, gx2, gy2 = boxes[best].astype(float)
    w, h, gw, gh = x2 - x1, y2 - y1, gx2 - gx1, gy2 - gy1
    dx = ((gx1 + gx2) / 2 - (x1 + x2) / 2) / w
    dy = ((gy1 + gy2) / 2 - (y1 + y2) / 2) / h
    return labels[best], [dx * 10, dy * 10, math.log(gw / w) * 5, math.log(gh / h) * 5]


@pytest.mark.parametrize("seed", range(8))
def test_targets_equal_a_naive_loop(seed):
    rng = np.random.default_rng(seed)
    boxes, labels = some_boxes(rng, seed % 4), rng.integers(0, C, seed % 4)
    proposals = np.concatenate([near(rng, boxes, 30), some_boxes(rng, 30)])
    drawn = region_targets(proposals, (boxes, labels), C, rng)
    every = np.concatenate([boxes, proposals])
    positives = sum(naive_answer(r.astype(float), boxes, labels)[0] < C for r in every)
    assert (drawn.labels < C).sum() == min(8, positives)
    assert len(drawn.labels) == min(32, min(8, positives) + len(every) - positives)
    assert len(np.unique(drawn.regions, axis=0)) == len(drawn.regions), "a region was drawn twice"
    for region, label, offsets in zip(*drawn):
        assert (every == region).all(1).any()
        wanted, move = naive_answer(region.astype(float), boxes, labels)
        assert label == wanted
        np.testing.assert_allclose(offsets, move, atol=1e-4)


def naive_loss(scores, offsets, labels, targets):
    """The paper's formula, one region and one number at a time."""
    log_loss = moved = 0.0
    for score, offset, label, target in zip(scores, offsets, labels, targets):
        log_loss += math.log(sum(math.exp(s) for s in score)) - score[label]
        if label < C:
            for t, v in zip(offset[label], target):
                d = abs(t - v)
                moved += 0.5 * d * d if d < 1 else d - 0.5
    return log_loss / len(labels), moved / len(labels)


def random_answer(rng, k):
    labels = rng.integers(0, C + 1, k)
    return rng.normal(0, 2, (k, C + 1)), rng.normal(0, 2, (k, C, 4)), labels, rng.normal(0, 2, (k, 4))


@pytest.mark.parametrize("seed", range(5))
def test_loss_equals_a_naive_loop(seed):
    answer = random_answer(np.random.default_rng(seed), 12)
    loss = multi_task_loss(*(pcn.tensor(a) for a in answer[:2]), *answer[2:])
    np.testing.assert_allclose([loss["class"].item(), loss["box"].item()], naive_loss(*answer), rtol=1e-12)


def test_loss_has_the_right_gradients():
    rng = np.random.default_rng(0)
    scores, offsets, labels, targets = random_answer(rng, 6)
    targets += 5  # away from |d| = 1, where the second derivative jumps

    def total(a, b):
        loss = multi_task_loss(a, b, labels, targets)
        return loss["class"] + loss["box"]

    check_grads(total, scores, offsets, order=2)


def test_background_pulls_at_no_box():
    rng = np.random.default_rng(1)
    scores, offsets, labels, targets = random_answer(rng, 10)
    leaf = pcn.tensor(offsets, requires_grad=True)
    multi_task_loss(pcn.tensor(scores), leaf, labels, targets)["box"].backward()
    for k, label in enumerate(labels):
        pulled = np.abs(leaf.grad.data[k]).sum(-1) > 0
        assert pulled.tolist() == [c == label for c in range(C)], "only the offsets of a region's own class learn"


def features(rng, n=2):
    return pcn.tensor(rng.normal(0, 1, (n, 8, 16, 16)).astype(np.float32), requires_grad=True)


@pytest.mark.parametrize("align", [False, True])
def test_a_picture_without_objects_has_exactly_no_box_loss(align):
    rng = np.random.default_rng(0)
    head, x = RegionHead(C, 8), features(rng)
    nothing = NONE, np.zeros(0, np.int64)
    loss = head_loss(head, x, 4, [some_boxes(rng, 20), some_boxes(rng, 3)], [nothing] * 2, rng, align)
    assert loss["box"].item() == 0.0 and loss["class"].item() > 0
    (loss["class"] + loss["box"]).backward()
    assert all(np.isfinite(p.grad.data).all() for p in head.parameters())
    assert not head.offset.weight.grad.data.any()


@pytest.mark.parametrize("align", [False, True])
def test_no_region_at_all_costs_exactly_nothing(align):
    rng = np.random.default_rng(0)
    head, x = RegionHead(C, 8), features(rng)
    nothing = NONE, np.zeros(0, np.int64)
    loss = head_loss(head, x, 4, [NONE, NONE], [nothing] * 2, rng, align)
    assert loss["class"].item() == loss["box"].item() == 0.0
    (loss["class"] + loss["box"]).backward()
    assert not any(p.grad.data.any() for p in head.parameters() if p.grad is not None)
    boxes, scores, labels = decode_regions(np.zeros((0, C + 1)), np.zeros((0, C, 4)), NONE, (64, 64), 0.1)
    assert boxes.shape == (0, 4) and scores.shape == labels.shape == (0,)


def test_objects_are_learned_even_without_proposals():
    rng = np.random.default_rng(0)
    boxes, labels = some_boxes(rng, 2), np.array([0, 2])
    drawn = region_targets(NONE, (boxes, labels), C, rng)
    assert sorted(drawn.labels) == [0, 2] and not drawn.offsets.any()


@pytest.mark.parametrize("label", [-1, C])
def test_a_label_that_is_no_class_is_named(label):
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=rf"object 1 has label {label}, not in 0 \.\.\. 2"):
        region_targets(NONE, (some_boxes(rng, 2), np.array([0, label])), C, rng)


def test_lists_of_different_lengths_are_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="2 feature maps, 1 proposal lists"):
        head_loss(RegionHead(C, 8), features(rng), 4, [NONE], [(NONE, np.zeros(0, np.int64))] * 2, rng)


def test_the_loss_reaches_the_features_through_the_pooled_regions_alone():
    """The slide "Backward Pass": cells outside of every region learn nothing."""
    rng = np.random.default_rng(0)
    x = features(rng, 1)
    pool_regions(x, [np.array([[8, 8, 23, 31]], np.float32)], 4).sum().backward()
    touched = np.argwhere(np.abs(x.grad.data[0]).sum(0) > 0)
    assert touched.min(0).tolist() >= [2, 2] and touched.max(0).tolist() <= [8, 6] and len(touched) > 4


@pytest.mark.parametrize("seed", range(3))
def test_decoding_equals_a_naive_loop(seed):
    rng = np.random.default_rng(seed)
    regions, scores, offsets = some_boxes(rng, 9), rng.normal(0, 2, (9, C + 1)), rng.normal(0, 1, (9, C, 4))
    found = {}
    for k, region in enumerate(regions.astype(float)):
        p = np.exp(scores[k]) / np.exp(scores[k]).sum()
        for c in range(C):
            if p[c] > 0.2:
                dx, dy, dw, dh = offsets[k, c] / OFFSET_WEIGHTS
                w, h = region[2] - region[0], region[3] - region[1]
                x, y = (region[0] + region[2]) / 2 + dx * w, (region[1] + region[3]) / 2 + dy * h
                w, h = w * math.exp(dw), h * math.exp(dh)
                found[k, c] = (p[c], *np.clip([x - w / 2, y - h / 2, x + w / 2, y + h / 2], 0, 50))
    boxes, chances, labels = decode_regions(scores, offsets, regions, (50, 50), 0.2)
    assert labels.tolist() == [c for _, c in sorted(found)]
    np.testing.assert_allclose(
        np.column_stack([chances, boxes]), np.array([found[key] for key in sorted(found)]).reshape(-1, 5), rtol=1e-4
    )


def test_the_targets_decode_to_the_objects():
    rng = np.random.default_rng(4)
    boxes, labels = some_boxes(rng, 4), rng.integers(0, C, 4)
    drawn = region_targets(near(rng, boxes, 60), (boxes, labels), C, rng)
    positive = drawn.labels < C
    reached = pcn.ops.decode_boxes(drawn.offsets[positive], drawn.regions[positive], OFFSET_WEIGHTS)
    distance = np.abs(reached[:, None] - boxes).max(-1).min(1)
    assert positive.any() and distance.max() < 1e-3
