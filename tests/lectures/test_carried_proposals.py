"""Proposals beside the pictures: they travel through augmentation, come back apart, and are computed once."""

from argparse import Namespace

import numpy as np
import pytest

pytest.importorskip("tqdm")

import pyconvnet as pcn
from lectures.detection.foundation.datasets import DetectionData, detection_data, vary_photographs
from lectures.detection.proposing.carried_proposals import (
    PROPOSAL,
    ConstantProposals,
    KeptProposals,
    WithProposals,
    carry,
    proposal_recall,
    read_proposals,
    split_proposals,
    with_proposals,
)

NONE = np.zeros((0, 4), np.float32)


def scenes(count=4):
    return pcn.data.ShapeScenes(count, "train", 0)


def some_boxes(seed, n=7, side=64):
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, side - 4, (n, 2))
    return np.concatenate([corner, np.minimum(corner + rng.uniform(2, 30, (n, 2)), side)], 1).astype(np.float32)


@pytest.mark.parametrize("count", [0, 7])
@pytest.mark.parametrize("objects", [0, 3])
def test_what_is_carried_comes_back_apart(count, objects):
    target = some_boxes(0, objects), np.arange(objects), np.zeros(objects, bool)
    together = carry(target, some_boxes(1, count))
    assert len(together[0]) == len(together[1]) == len(together[2]) == count + objects
    (apart,), (proposals,) = split_proposals([together])
    for part, was in zip(apart, target, strict=True):
        np.testing.assert_array_equal(part, was)
        assert part.dtype == was.dtype
    np.testing.assert_array_equal(proposals, some_boxes(1, count))


def test_augmentation_moves_proposals_and_objects_alike():
    """An object's own box, given as a proposal, is still its box after every flip."""
    data = detection_data(Namespace(data=None, quick=True, seed=0, skip_bad=False))
    learning = with_proposals(data, [data.train[i][1][0] for i in range(len(data.train))])
    images, targets = pcn.data.default_collate([learning.train[i] for i in range(8)])
    _, varied = learning.augment(images, targets, np.random.default_rng(3))
    for target, proposals in zip(*split_proposals(varied), strict=True):
        np.testing.assert_array_equal(target[0], proposals)
    assert any((a[0] != b[0]).any() for a, b in zip(targets, varied)), "nothing was flipped"
    assert learning.test is data.test and learning.classes == data.classes


def test_photographs_cut_proposals_and_drop_those_that_leave_the_picture():
    train = WithProposals(scenes(1), ConstantProposals(some_boxes(5, 40)))
    data = DetectionData(train, train, vary_photographs)
    images, targets = pcn.data.default_collate([train[0]])
    dropped = 0
    for seed in range(10):
        _, varied = data.augment(images, targets, np.random.default_rng(seed))
        _, (proposals,) = split_proposals(varied)
        dropped += 40 - len(proposals)
        assert (proposals >= 0).all() and (proposals <= 64).all()
        assert (pcn.ops.box_area(proposals) > 0).all()
    assert dropped > 0


def test_no_picture_is_searched_twice():
    asked = []

    def source(image):
        asked.append(image)
        return some_boxes(len(asked))

    propose, dataset = KeptProposals(source), scenes()
    first = [propose(image) for image, _ in dataset]
    again = [propose(image.copy()) for image, _ in dataset]
    assert len(asked) == propose.searched == len(dataset) and propose.seconds > 0 and propose.fresh is source
    for a, b in zip(first, again):
        assert a is b


def test_a_list_of_proposals_must_fit_the_data_set():
    with pytest.raises(ValueError, match="3 lists of proposals for 4 pictures"):
        WithProposals(scenes(), [NONE] * 3)


def test_constant_boxes_stretch_with_the_picture():
    boxes = [[8, 16, 32, 48]]
    small, large = (np.zeros((3, *size), np.float32) for size in ((64, 64), (32, 128)))
    assert ConstantProposals(boxes)(large).tolist() == boxes
    propose = ConstantProposals(boxes, size=(64, 64))
    assert propose(small).tolist() == boxes and propose(large).tolist() == [[16, 8, 64, 24]]
    assert propose(large).dtype == np.float32


@pytest.mark.parametrize("boxes", [[], np.zeros((0, 4)), np.zeros(0)])
def test_no_proposal_at_all(boxes):
    assert read_proposals(boxes).shape == (0, 4)
    image, target = WithProposals(scenes(1), lambda image: boxes)[0]
    assert (target[1] != PROPOSAL).all() and image.shape == (3, 64, 64)


@pytest.mark.parametrize(
    ("boxes", "words"),
    [(np.zeros((2, 5)), r"\(n, 4\), got shape \(2, 5\)"), (np.full((2, 4), np.nan), "box 0 holds NaN")],
)
def test_a_source_that_answers_nonsense_is_named(boxes, words):
    with pytest.raises(ValueError, match=words):
        WithProposals(scenes(1), lambda image: boxes)[0]


def test_recall_counts_objects_not_pictures():
    truths = [(np.array([[0, 0, 10, 10], [20, 20, 30, 30.0]]), np.zeros(2)), (NONE, np.zeros(0))]
    truths.append((np.array([[0, 0, 8, 8.0]]), np.zeros(1)))
    proposals = [np.array([[0, 0, 10, 8.0]]), some_boxes(0), NONE]
    assert proposal_recall(proposals, truths) == pytest.approx(1 / 3)
    assert proposal_recall(proposals, truths, 0.9) == 0
    assert np.isnan(proposal_recall([NONE], [(NONE, np.zeros(0))]))
