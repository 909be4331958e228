"""pcn.ops against the definitions of torchvision, written out in PyTorch: values, first and second gradients.

torchvision itself differentiates RoI-pool and RoI-align once; these references differentiate as often as one likes.
"""

import math

import pytest

pytest.importorskip("torch")

import numpy as np
from against_torch import Entries, Trial, compare, seeds, smooth, torch
from hypothesis import given, settings
from hypothesis import strategies as st

import pyconvnet as pcn

entry = Entries()


class Reference:
    """torchvision.ops in words of PyTorch."""

    @staticmethod
    def roi_pool(x, rois, size, scale):
        away = lambda v: int(math.copysign(math.floor(abs(v) + 0.5), v))
        h, w = x.shape[2:]
        planes = []
        for image, *corners in rois:
            x1, y1, x2, y2 = (away(v * scale) for v in corners)
            bins = []
            for start, end, n, limit in ((y1, y2, size[0], h), (x1, x2, size[1], w)):
                step = max(end - start + 1, 1) / n
                edges = [(math.floor(i * step) + start, math.ceil((i + 1) * step) + start) for i in range(n)]
                bins.append([tuple(min(max(v, 0), limit) for v in edge) for edge in edges])
            values = [
                x[int(image), :, a:b, c:d].flatten(1).max(dim=1).values if b > a and d > c else x.new_zeros(x.shape[1])
                for a, b in bins[0] for c, d in bins[1]
            ]  # fmt: skip
            planes.append(torch.stack(values, 1).reshape(x.shape[1], *size))
        return torch.stack(planes) if planes else x.new_zeros((0, x.shape[1], *size))

    @staticmethod
    def roi_align(x, rois, size, scale, ratio, aligned):
        planes = []
        for image, *corners in rois:
            x1, y1, x2, y2 = (v * scale - 0.5 * aligned for v in corners)
            matrices = []
            for start, end, n, pixels in ((y1, y2, size[0], x.shape[2]), (x1, x2, size[1], x.shape[3])):
                step = (end - start if aligned else max(end - start, 1.0)) / n
                samples = ratio if ratio > 0 else math.ceil(step)
                matrix = x.new_zeros((n, pixels))
                for i in range(n):
                    for s in range(samples):
                        at = start + i * step + (s + 0.5) * step / samples
                        if -1 <= at <= pixels:
                            at = min(max(at, 0.0), pixels - 1.0)
                            low = int(at)
                            matrix[i, low] += (1 - (at - low)) / samples
                            matrix[i, min(low + 1, pixels - 1)] += (at - low) / samples
                matrices.append(matrix)
            planes.append(torch.einsum("iy,jx,cyx->cij", *matrices, x[int(image)]))
        return torch.stack(planes) if planes else x.new_zeros((0, x.shape[1], *size))

    @staticmethod
    def box_area(boxes):
        return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])

    @staticmethod
    def box_iou(a, b, generalized=False):
        sides = lambda low, high: (high - low).clamp(min=0).prod(-1)
        a, b = a[:, None], b[None]
        both = sides(torch.max(a[..., :2], b[..., :2]), torch.min(a[..., 2:], b[..., 2:]))
        hull = sides(torch.min(a[..., :2], b[..., :2]), torch.max(a[..., 2:], b[..., 2:]))
        union = (a[..., 2:] - a[..., :2]).prod(-1) + (b[..., 2:] - b[..., :2]).prod(-1) - both
        return both / union - (hull - union) / hull if generalized else both / union

    @staticmethod
    def generalized_box_iou(a, b):
        return Reference.box_iou(a, b, generalized=True)

    @staticmethod
    def sigmoid_focal_loss(inputs, targets, alpha, gamma, reduction):
        p = torch.sigmoid(inputs)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(inputs, targets, reduction="none")
        loss = loss * (1 - (p * targets + (1 - p) * (1 - targets))) ** gamma
        loss = (alpha * targets + (1 - alpha) * (1 - targets)) * loss if alpha >= 0 else loss
        return {"none": loss, "mean": loss.mean(), "sum": loss.sum()}[reduction]

    @staticmethod
    def encode_boxes(boxes, anchors, weights):
        (c, s), (a, r) = (((b[:, :2] + b[:, 2:]) / 2, b[:, 2:] - b[:, :2]) for b in (boxes, anchors))
        return torch.cat([(c - a) / r, torch.log(s / r)], 1) * torch.tensor(weights)

    @staticmethod
    def decode_boxes(deltas, anchors, weights):
        deltas = deltas / torch.tensor(weights)
        a, r = (anchors[:, :2] + anchors[:, 2:]) / 2, anchors[:, 2:] - anchors[:, :2]
        c, s = a + deltas[:, :2] * r, torch.exp(deltas[:, 2:].clamp(max=math.log(1000 / 16))) * r
        return torch.cat([c - s / 2, c + s / 2], 1)


def ops(m):
    return pcn.ops if m is pcn else Reference


def boxes(draw, n):
    low = smooth(draw, (n, 2), -5, 15)
    return np.concatenate([low, low + smooth(draw, (n, 2), 0.5, 15)], axis=1)


@entry("ops.roi_pool", "ops.roi_align")
def regions(draw, name):
    rng = np.random.default_rng(draw(seeds))
    n, c, h, w = (draw(st.integers(1, high)) for high in (3, 2, 8, 7))
    k, scale = draw(st.integers(0, 5)), draw(st.sampled_from([1.0, 0.5, 0.0625]))
    rois = np.concatenate([rng.integers(0, n, (k, 1)), boxes(draw, k) / scale], axis=1)
    kind = draw(st.sampled_from(["any", "reversed", "whole", "without area"]))
    if kind == "reversed":
        rois[:, 1:] = rois[:, [3, 2, 1, 4]]
    elif kind == "whole":
        rois = np.round(rois * 2) / 2
    elif kind == "without area":
        rois[:, 3:] = rois[:, 1:3]
    options = [draw(st.tuples(st.integers(1, 4), st.integers(1, 3))), scale]
    if name == "ops.roi_align":
        options += [draw(st.sampled_from([-1, 1, 2, 3])), draw(st.booleans())]
    f = lambda m, F, x: getattr(ops(m), name[4:])(x * x, rois, *options)
    return Trial(f, [smooth(draw, (n, c, h, w))], (name, kind, options))


@entry("ops.box_iou", "ops.generalized_box_iou")
def overlap(draw, name):
    arrays = [boxes(draw, draw(st.integers(0, 3))), boxes(draw, draw(st.integers(0, 4)))]
    return Trial(lambda m, F, a, b: getattr(ops(m), name[4:])(a, b), arrays)


@entry("ops.box_area")
def area(draw, name):
    return Trial(lambda m, F, a: ops(m).box_area(a), [boxes(draw, draw(st.integers(0, 4)))])


@entry("ops.encode_boxes", "ops.decode_boxes")
def coding(draw, name):
    n = draw(st.integers(0, 4))
    first = boxes(draw, n) if name == "ops.encode_boxes" else smooth(draw, (n, 4), -2, 2)
    weights = draw(st.sampled_from([(1.0, 1.0, 1.0, 1.0), (10.0, 10.0, 5.0, 5.0)]))
    return Trial(lambda m, F, a, b: getattr(ops(m), name[4:])(a, b, weights), [first, boxes(draw, n)], weights)


@entry("ops.sigmoid_focal_loss")
def focal(draw, name):
    s = draw(st.sampled_from([(), (3,), (2, 3)]))
    x, t = smooth(draw, s, -4, 4), smooth(draw, s, 0.05, 0.95)
    options = [draw(st.sampled_from([0.25, -1, 0.9])), draw(st.sampled_from([2, 0, 1, 0.5, 3]))]
    options.append(draw(st.sampled_from(["none", "mean", "sum"])))
    if draw(st.booleans()):
        t = np.round(t)
        return Trial(lambda m, F, x: ops(m).sigmoid_focal_loss(x, m.tensor(t), *options), [x], options)
    return Trial(lambda m, F, x, t: ops(m).sigmoid_focal_loss(x, t, *options), [x, t], options)


@pytest.mark.parametrize("name", entry)
@settings(max_examples=60)
@given(data=st.data())
@pytest.mark.filterwarnings("ignore")
def test_ops(name, data, peers):
    compare(name, data.draw(entry[name]), peers)
