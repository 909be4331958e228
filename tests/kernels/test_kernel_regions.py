"""Components of graphs and merged regions: the backends agree to the bit, and the laws of the two papers hold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyconvnet import kernels

BACKENDS = kernels.available()
few = settings(max_examples=60, deadline=None)
seeds = st.integers(0, 2**32 - 1)


def random_graph(seed, dtype=np.float64):
    """Weights in quarters, so that many are equal; some negative, some infinite."""
    rng = np.random.default_rng(seed)
    nodes, n = int(rng.integers(1, 40)), int(rng.integers(0, 90))
    weights = (rng.integers(-3, 12, n) / 4).astype(dtype)
    weights[rng.random(n) < 0.05] = np.inf
    return nodes, rng.integers(0, nodes, (n, 2)), weights, float(rng.integers(0, 9) / 2), int(rng.integers(0, 7))


def random_regions(seed):
    rng = np.random.default_rng(seed)
    r = int(rng.integers(1, 16))
    pairs = rng.integers(0, r, (int(rng.integers(0, 40)), 2))
    corner = rng.integers(-5, 30, (r, 2))
    boxes = np.concatenate([corner, corner + rng.integers(1, 20, (r, 2))], axis=1)
    colour = rng.integers(0, 6, (r, int(rng.integers(0, 20)))) * (rng.random((r, 1)) < 0.9)  # some of them empty
    texture = rng.integers(0, 9, (r, int(rng.integers(0, 9))))
    weights = tuple(rng.choice([0, 1, 0.3], 4).tolist())
    return rng.integers(1, 40, r), boxes, colour, texture, pairs[pairs[:, 0] != pairs[:, 1]], 1000, weights


def answers(function, *args):
    result = []
    for backend in BACKENDS:
        with kernels.use(backend):
            result.append(function(*args))
    return result


def equal(expected, got):
    assert got.flags.c_contiguous and got.flags.writeable
    np.testing.assert_array_equal(got, expected, strict=True)


@few
@given(seeds, st.sampled_from([np.float32, np.float64]))
def test_backends_segment_alike(seed, dtype):
    expected, *others = answers(kernels.segment_graph, *random_graph(seed, dtype))
    for got in others:
        equal(expected, got)


@few
@given(seeds)
def test_backends_merge_alike(seed):
    expected, *others = answers(kernels.merge_regions, *random_regions(seed))
    for got in others:
        for a, b in zip(expected, got, strict=True):
            equal(a, b)


def test_backends_agree_on_fractions():
    """Weights of any size and sign, past one digit of the radix sort."""
    rng = np.random.default_rng(0)
    for dtype in (np.float32, np.float64):
        weights = (rng.standard_normal(3000) * 10.0 ** rng.integers(-30, 30, 3000)).astype(dtype)
        weights[:4] = 0.0, -0.0, -0.0, 0.0  # equal, so in input order
        expected, *others = answers(kernels.segment_graph, 500, rng.integers(0, 500, (3000, 2)), weights, 1e-9, 3)
        for got in others:
            equal(expected, got)


def connected_parts(nodes, edges):
    part = np.arange(nodes)
    for _ in range(nodes):
        for a, b in edges:
            part[[a, b]] = min(part[a], part[b])
    return part


@pytest.mark.parametrize("backend", kernels.available())
def test_an_infinite_weight_below_any_limit_joins_and_inf_minus_inf_does_not(backend):
    edges = np.array([[2, 1], [1, 0], [2, 1], [1, 2], [2, 0]])
    with kernels.use(backend):
        labels = kernels.segment_graph(3, edges, np.array([0, -np.inf, np.inf, 0, 2.0]), np.inf)
    assert labels.tolist() == [0, 0, 1]



@few
@given(seeds)
def test_segments_are_connected_parts_numbered_by_first_node(seed):
    nodes, edges, weights, k, min_size = random_graph(seed)
    labels = kernels.segment_graph(nodes, edges, weights, k, min_size)
    assert labels.shape == (nodes,)
    _, first = np.unique(labels, return_index=True)
    assert (np.diff(first) > 0).all() and labels[first].tolist() == list(range(len(first)))
    inside = [(a, b) for a, b in edges if labels[a] == labels[b]]
    assert len(np.unique(connected_parts(nodes, inside))) == len(first)


@few
@given(seeds)
def test_limits_of_k(seed):
    """Infinite k leaves the graph's connected parts; k = 0 joins only what negative or zero weights join."""
    nodes, edges, weights, _, _ = random_graph(seed)
    whole = kernels.segment_graph(nodes, edges, weights, np.inf)
    parts = connected_parts(nodes, edges)
    assert len(np.unique(whole)) == len(np.unique(parts))
    apart = kernels.segment_graph(nodes, edges, np.abs(weights) + 1, 0.0)
    assert apart.tolist() == list(range(nodes))


@few
@given(seeds)
def test_no_segment_is_smaller_than_asked_where_it_has_a_neighbour(seed):
    nodes, edges, weights, k, min_size = random_graph(seed)
    labels = kernels.segment_graph(nodes, edges, weights, k, min_size)
    size = np.bincount(labels)
    for a, b in edges:
        if labels[a] != labels[b]:
            assert min(size[labels[a]], size[labels[b]]) >= min_size


@few
@given(seeds)
def test_merging_keeps_what_the_regions_were(seed):
    sizes, boxes, colour, texture, pairs, image, weights = random_regions(seed)
    merges, similarities, all_boxes = kernels.merge_regions(sizes, boxes, colour, texture, pairs, image, weights)
    r = len(sizes)
    np.testing.assert_array_equal(all_boxes[:r], boxes)
    parts = len(np.unique(connected_parts(r, pairs)))
    assert len(merges) == len(similarities) == len(all_boxes) - r == r - parts
    assert len(np.unique(merges)) == merges.size  # a region is merged once
    for t, (a, b) in enumerate(merges):
        assert a < b < r + t
        x1, y1, x2, y2 = all_boxes[r + t]
        assert (x1, y1) == tuple(all_boxes[[a, b], :2].min(0)) and (x2, y2) == tuple(all_boxes[[a, b], 2:].max(0))


def first_similarity(i, j, weights, case):
    sizes, boxes, colour, texture, _, image, _ = case
    return kernels.merge_regions(sizes, boxes, colour, texture, [[i, j]], image, weights)[1][0]


@few
@given(seeds)
def test_similarities_are_symmetric_and_sum(seed):
    case = random_regions(seed)
    if len(case[0]) < 2:
        return
    one = np.eye(4)
    for w in one:
        assert first_similarity(0, 1, w, case) == first_similarity(1, 0, w, case)
    colour, texture, size, fill = (first_similarity(0, 1, w, case) for w in one)
    assert 0 <= colour <= 1 and 0 <= texture <= 1
    assert first_similarity(0, 1, (1, 1, 1, 1), case) == colour + texture + size + fill


@few
@given(seeds)
def test_a_merged_region_is_the_sum_of_its_parts(seed):
    """Three regions in a row, the first two merged by hand, are as similar as by the kernel: counts are additive."""
    rng = np.random.default_rng(seed)
    sizes, colour, texture = rng.integers(1, 50, 3), rng.integers(0, 9, (3, 5)), rng.integers(0, 9, (3, 4))
    boxes = np.array([[0, 0, 4, 4], [4, 0, 9, 5], [9, 1, 12, 7]])
    merges, similarities, all_boxes = kernels.merge_regions(sizes, boxes, colour, texture, [[0, 1], [1, 2]], 999)
    a, b = merges[0]
    third = 3 - a - b

    def by_hand(x):
        return np.stack([x[third], x[a] + x[b]])

    both = np.stack([boxes[third], all_boxes[3]])
    again = kernels.merge_regions(by_hand(sizes), both, by_hand(colour), by_hand(texture), [[0, 1]], 999)
    assert again[1][0] == similarities[1]


def test_the_most_similar_pair_is_merged_first():
    colour = np.array([[9, 0], [9, 1], [0, 9]])
    merges, similarities, _ = kernels.merge_regions(
        [5, 5, 5], [[0, 0, 5, 1], [5, 0, 10, 1], [10, 0, 15, 1]], colour, colour, [[1, 2], [0, 1]], 15, (1, 0, 0, 0)
    )
    assert merges.tolist() == [[0, 1], [2, 3]]
    assert similarities[0] == 0.9 and similarities[1] == pytest.approx(1 / 19)


def test_memory_layouts():
    nodes, edges, weights, k, min_size = random_graph(3)
    expected = kernels.segment_graph(nodes, edges, weights, k, min_size)
    odd = np.asfortranarray(edges.astype(np.int32))
    for backend in BACKENDS:
        with kernels.use(backend):
            equal(expected, kernels.segment_graph(nodes, odd, np.repeat(weights, 2)[::2], k, min_size))


def test_no_edge_and_no_node():
    for backend in BACKENDS:
        with kernels.use(backend):
            assert kernels.segment_graph(0, np.zeros((0, 2), int), np.zeros(0), 1).shape == (0,)
            assert kernels.segment_graph(3, np.zeros((0, 2), int), np.zeros(0), 1, 9).tolist() == [0, 1, 2]
            merges, similarities, boxes = kernels.merge_regions(
                [4], [[0, 0, 2, 2]], np.zeros((1, 0), int), np.zeros((1, 3), int), np.zeros((0, 2), int), 4
            )
            assert merges.shape == (0, 2) and similarities.shape == (0,) and boxes.tolist() == [[0, 0, 2, 2]]


EDGES, WEIGHTS = np.array([[0, 1], [1, 2]]), np.array([0.5, 1.0])
REGIONS = {
    "sizes": [2, 2], "boxes": [[0, 0, 1, 2], [1, 0, 2, 2]], "colour": [[1], [2]], "texture": [[1], [2]],
    "pairs": [[0, 1]], "image_size": 4,
}  # fmt: skip
SEGMENT_ERRORS = [
    ((2, EDGES, WEIGHTS, 1), ValueError, "segment_graph: edges must be in [0, 2), got 0 to 2"),
    ((3, EDGES[:1], WEIGHTS, 1), ValueError, "segment_graph: edges must have shape [2, 2], got (1, 2)"),
    ((3, EDGES * 1.0, WEIGHTS, 1), TypeError, "segment_graph: edges must be whole numbers"),
    ((3, EDGES, np.array([1, np.nan]), 1), ValueError, "segment_graph: weights[1] is NaN"),
    ((3, EDGES, np.array([1, 2]), 1), TypeError, "segment_graph: weights must be float32 or float64 [m], got int64"),
    ((3, EDGES, WEIGHTS, np.nan), ValueError, "segment_graph: k is NaN"),
    ((3, EDGES, WEIGHTS, "1"), TypeError, "segment_graph: k must be a number, got '1'"),
    ((3, EDGES, WEIGHTS, 1, 1.5), TypeError, "segment_graph: min_size must be an int, got 1.5"),
    ((-1, EDGES, WEIGHTS, 1), ValueError, "segment_graph: nodes must be in [0, 2**47), got -1"),
]
MERGE_ERRORS = [
    ({"sizes": []}, ValueError, "merge_regions: sizes must hold one number for each region, at least one"),
    ({"sizes": [2, 0]}, ValueError, "merge_regions: sizes must be in [1,"),
    ({"boxes": [[0, 0, 1, 2]]}, ValueError, "merge_regions: boxes must have shape [2, 4], got (1, 4)"),
    ({"colour": [[0.5], [0.5]]}, TypeError, "merge_regions: colour must be whole numbers (int64), got dtype float64"),
    ({"texture": [[1], [-1]]}, ValueError, "merge_regions: texture must be in [0,"),
    ({"texture": [[2**27 - 1], [9]]}, ValueError, "the counts of texture add to more than 2**27"),
    ({"pairs": [[1, 1]]}, ValueError, "merge_regions: pairs 0 joins a region with itself"),
    ({"pairs": [[0, 2]]}, ValueError, "merge_regions: pairs must be in [0, 2), got 0 to 2"),
    ({"image_size": 0}, ValueError, "merge_regions: image_size must be positive, got 0"),
    ({"weights": (1, 1)}, ValueError, "merge_regions: weights must be four finite numbers"),
    ({"weights": (1, 1, 1, np.inf)}, ValueError, "merge_regions: weights must be four finite numbers"),
]


@pytest.mark.parametrize(("args", "error", "words"), SEGMENT_ERRORS)
def test_segment_errors_in_words(args, error, words):
    with pytest.raises(error) as raised:
        kernels.segment_graph(*args)
    assert words in str(raised.value)


@pytest.mark.parametrize(("change", "error", "words"), MERGE_ERRORS)
def test_merge_errors_in_words(change, error, words):
    with pytest.raises(error) as raised:
        kernels.merge_regions(**(REGIONS | change))
    assert words in str(raised.value)
