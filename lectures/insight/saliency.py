r"""Saliency: which pixels made the network say so? Four maps, and three tests whether they deserve to be believed.

Deck "Computer Vision - Lecture 16: Deep Learning Applications", slide "Recap: Effect of Multiple Convolution Layers":
feature visualization of convolutional net trained on ImageNet from [Zeiler & Fergus 2013].

`gradient`: |dS_c/dI|, how much the class score S_c would change with each pixel (Simonyan et al., 2014). `zeiler`: on
the way down from the score, only positive signals pass at every layer, as in Zeiler & Fergus' deconvnet; the ReLU of
the way up masks them, too, so that this is what Springenberg et al. (2015) call guided backpropagation. `occlusion`:
Zeiler & Fergus' other one, how much of the class's probability a grey square takes away where it lies. `grad_cam`: the
maps of the last layer, each times the mean gradient of the score with respect to it (Selvaraju et al., 2017).

Test 1: what share of the map lies inside the object, whose mask is known? Baselines: a map that is the same everywhere
has the object's area; one that always shows the middle; and the same map of shuffled weights. Occlusion beats all three
with seeds 0, 1, 2, Zeiler's rule with two of them; the gradient (an outline, on both sides) and Grad-CAM do not.
Test 2: four pictures side by side, of four classes; how much of the map for one class lies on its picture? By chance a
quarter. Test 3: with shuffled weights the network knows nothing; a map that stays as it was shows edges, not what was
learned (Adebayo et al., 2018).
"""

from functools import partial

import numpy as np

import pyconvnet as pcn
from lectures.fixed_network.held import held_network
from lectures.fixed_network.pictures import photographs
from lectures.insight.drawing import saliency_figures as figures
from lectures.insight.foundation.map_tests import grids, mass_inside, middle_map, quarters, same_order
from pyconvnet import functional as F

TAKES_WEIGHTS = True
HIDDEN, MOVED = 0.25, 0.0625  # side of the occluding square and its way from one place to the next, of the picture's
PICTURES, GRIDS = 48, 24
REAL_PICTURES, REAL_GRIDS, REAL_MOVED = 8, 4, 0.125  # occlusion asks a large network very often


def class_scores(network):
    """(images, layers) -> (scores of the classes [N, C], {layer: features}), in one graph."""

    def asked(images, layers=()):
        found = network.features(images, {*layers, "logits"})
        return found["logits"], found

    return asked


def texture_scores(network):
    """The same for the second question that a texture network answers."""
    last = network.layers[-1]

    def asked(images, layers=()):
        found = network.features(images, {*layers, last})
        return network.texture_head(found[last]), found

    return asked


def chosen(scores, labels):
    """S_c: of picture n the score of labels[n], summed; every picture's gradient is its own."""
    return scores[np.arange(len(labels)), np.asarray(labels)].sum()


def gradient(network, images, labels, scores=class_scores):
    """|dS_c/dI|, the largest of the channels: maps [N, H, W] of pictures [N, C, H, W]."""
    x = pcn.tensor(images, requires_grad=True)
    slope = pcn.grad(chosen(scores(network)(x)[0], labels), x)[0].data
    return np.abs(slope).max(1)


def zeiler(network, images, labels, scores=class_scores):
    """The gradient, but at every layer on the way down what is negative is dropped: maps [N, H, W]."""
    x = pcn.tensor(images, requires_grad=True)
    score, found = scores(network)(x, network.layers)
    above, signal = chosen(score, labels), None
    for layer in reversed(network.layers):
        signal = np.maximum(pcn.grad(above, found[layer], signal)[0].data, 0)
        above = found[layer]
    return np.maximum(pcn.grad(above, x, signal)[0].data, 0).max(1)


def occlusion(network, images, labels, scores=class_scores, hidden=HIDDEN, moved=MOVED):
    """How much less probable the class is where a square of the picture's mean colour lies: maps [N, H, W].

    Every pixel gets the mean over the squares that cover it; where the class becomes more probable, 0.
    """
    height, width = images.shape[2:]
    side, step = (max(1, round(share * min(height, width))) for share in (hidden, moved))
    places = [(y, x) for y in range(step - side, height, step) for x in range(step - side, width, step)]
    maps = np.zeros((len(images), height, width), np.float32)
    covered = np.zeros((height, width), np.float32)
    for n, (image, label) in enumerate(zip(images, labels)):
        before, drops = probability(network, image[None], label, scores)[0], []
        for part in (places[k : k + 64] for k in range(0, len(places), 64)):
            copies = np.repeat(image[None], len(part), 0)
            for copy, (y, x) in zip(copies, part):
                copy[:, max(y, 0) : y + side, max(x, 0) : x + side] = image.mean((1, 2), keepdims=True)
            drops.extend(before - probability(network, copies, label, scores))
        for (y, x), drop in zip(places, drops):
            window = np.s_[max(y, 0) : y + side, max(x, 0) : x + side]
            maps[n][window] += drop
            covered[window] += n == 0
    return np.maximum(maps / np.maximum(covered, 1), 0)


def probability(network, images, label, scores=class_scores):
    """[N] of one class."""
    with pcn.no_grad():
        return scores(network)(images)[0].softmax(1).data[:, label]


def grad_cam(network, images, labels, scores=class_scores, layer=None):
    """relu(sum_k a_k A^k), a_k the mean over the map of dS_c/dA^k, at a layer (the last), bilinear: maps [N, H, W]."""
    layer = network.layers[-1] if layer is None else layer
    x = pcn.tensor(images, requires_grad=True)
    score, found = scores(network)(x, (layer,))
    slope = pcn.grad(chosen(score, labels), found[layer])[0].data
    weights = slope.mean((2, 3), keepdims=True)
    small = np.maximum((weights * found[layer].data).sum(1, keepdims=True), 0)
    return F.interpolate(small, images.shape[2:], mode="bilinear", align_corners=False)[:, 0]


def coarse():
    """METHODS with an occluding square that moves on in larger steps, for large networks."""
    return METHODS | {"occlusion": partial(occlusion, moved=REAL_MOVED)}


METHODS = {"gradient": gradient, "zeiler": zeiler, "occlusion": occlusion, "grad_cam": grad_cam}


def run(options, report):
    """The lecture: four maps for every picture, inside the object, on a grid of four, and with shuffled weights."""
    network = held_network(options, report)
    painted = options.data is None and hasattr(network, "texture_head")
    images, labels, masks, textures, classes = shown(options, network, painted)
    trusted = network.predict(images)[0]
    methods = METHODS if painted and not options.quick else coarse()
    maps = {name: one_by_one(method, network, images, trusted) for name, method in methods.items()}
    shuffled = knowing_nothing(network, images[:4], trusted[:4], options.seed)
    blind = {name: one_by_one(method, shuffled, images, trusted) for name, method in methods.items()}
    report.extra["accuracy_on_these"] = float((trusted == labels).mean())
    rows = report.variants
    for name in METHODS:
        rows[name] = {"correlation_with_shuffled": float(same_order(maps[name], blind[name]).mean())}
    if masks is not None:
        inside_the_object(report, maps, blind, masks)
    four, scores = (textures, texture_scores) if painted else (labels, class_scores)
    count = 2 if options.quick else GRIDS if painted else REAL_GRIDS
    known = trusted == labels
    grid = four_pictures(report, network, images[known], four[known], scores, count, options, methods)
    figures.results(report, images, [classes[label] for label in trusted], maps, blind, grid)
    if painted:
        texture_maps = {name: one_by_one(method, network, images[:3], textures[:3], texture_scores)
                        for name, method in METHODS.items()}  # fmt: skip
        figures.two_questions(report, network, images[:3], trusted[:3], textures[:3], maps, texture_maps)


def knowing_nothing(network, images, labels, seed=0, tries=20):
    """The network with shuffled weights; shuffled again while all its ReLUs are silent, whose maps would be empty."""
    for k in range(tries):
        shuffled = network.randomised(seed + 1000 * k)
        if gradient(shuffled, images, labels).any(axis=(1, 2)).all():
            break
    return shuffled


def shown(options, network, painted):
    """(images, labels, masks or None, textures or None, classes) of unseen painted pictures, or of photographs."""
    count = (8 if painted else 2) if options.quick else PICTURES if painted else REAL_PICTURES
    if painted:
        data = pcn.data.TexturedShapes(count, "test", options.seed, network.size)
        images, labels, textures = data.arrays()
        return images, labels, np.stack([data.mask(i) for i in range(count)]), textures, data.classes
    found = photographs(options, network, count)
    return np.stack(found.images), found.labels, None, None, found.classes


def one_by_one(method, network, images, labels, scores=class_scores, many=16):
    """Maps [N, H, W], a few pictures at a time."""
    parts = range(0, len(images), many)
    return np.concatenate([method(network, images[k : k + many], labels[k : k + many], scores) for k in parts])


def inside_the_object(report, maps, blind, masks):
    """Test 1: the share of every map inside the mask, beside the best of area, middle, and shuffled weights."""
    area = float(masks.mean())
    middle = float(mass_inside(np.repeat(middle_map(masks.shape[1:])[None], len(masks), 0), masks).mean())
    report.extra["share_of_area"], report.extra["share_of_the_middle"] = area, middle
    for name, found in maps.items():
        report.variants[name] |= {
            "inside": float(mass_inside(found, masks).mean()),
            "inside_shuffled": float(mass_inside(blind[name], masks).mean()),
            "brightest_inside": float(np.mean([m.ravel()[f.argmax()] for f, m in zip(found, masks)])),
        }
        report.metrics.setdefault("mass_inside", {})[name] = report.variants[name]["inside"]
        best = max(area, middle, report.variants[name]["inside_shuffled"])
        report.baselines.setdefault("mass_inside", {})[name] = best


def four_pictures(report, network, images, labels, scores, count, options, methods):
    """Test 2: how much of the map for one of four classes is on its picture; (grids, labels, which, {method: maps})."""
    if len(np.unique(labels)) < 4:
        report.extra["grid"] = "left out: pictures of four classes that the network knows are needed"
        return None
    pictures, names = grids(images, labels, count, options.seed)
    which = np.arange(count) % 4
    masks = quarters(pictures.shape[2:])[which]
    found = {name: one_by_one(method, network, pictures, names[np.arange(count), which], scores, 4)
             for name, method in methods.items()}  # fmt: skip
    for name, maps in found.items():
        report.metrics.setdefault("on_its_picture", {})[name] = float(mass_inside(maps, masks).mean())
        report.baselines.setdefault("on_its_picture", {})[name] = 0.25
    return pictures, names, which, found
