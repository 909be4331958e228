"""Segmentation, Selective Search, edge boxes and constant boxes: their laws, their corner cases, their recall."""

import numpy as np
import pytest

pytest.importorskip("tqdm")

import pyconvnet as pcn
from lectures.cache import cache_folder, fingerprint
from lectures.detection.proposing import colour_spaces, edge_boxes, graph_segmentation, proposal_cache, selective_search
from lectures.detection.proposing.constant_proposals import kmeans_boxes, random_boxes
from lectures.detection.proposing.edge_boxes import edge_boxes as find_edge_boxes
from lectures.detection.proposing.graph_segmentation import region_boxes, segment_proposals
from lectures.detection.proposing.proposal_cache import cached_proposals

METHODS = {
    "selective_search": selective_search.selective_search,
    "edge_boxes": lambda image, **options: find_edge_boxes(image, **options)[0],
    "segments": segment_proposals,
}
every = pytest.mark.parametrize("propose", METHODS.values(), ids=METHODS)
SCENES = pcn.data.ShapeScenes(30, "val", 3)


def scene(i=0):
    return SCENES[i][0]


def two_colours():
    """A disc, left half red and right half green, on grey; a little noise."""
    y, x = np.mgrid[:64, :64] + 0.5
    image = np.full((3, 64, 64), 0.5, np.float32)
    disc = (x - 30) ** 2 + (y - 34) ** 2 < 14**2
    image[:, disc & (x < 30)] = [[0.8], [0.15], [0.15]]
    image[:, disc & (x >= 30)] = [[0.15], [0.7], [0.2]]
    image += np.random.default_rng(1).normal(0, 0.02, image.shape).astype(np.float32)
    return image, np.array([[16, 20, 44, 48]], np.float32)


def recall(boxes, truths, count):
    hits = [pcn.ops.box_iou(t[0], b[:count]).max(1, initial=0) >= 0.5 for b, t in zip(boxes, truths)]
    return np.concatenate(hits).mean()


# ---- what every method promises


@every
@pytest.mark.parametrize("size", [(1, 1), (1, 40), (2, 2), (5, 3), (37, 70), (64, 64)])
def test_boxes_lie_in_the_picture_and_differ(propose, size):
    rng = np.random.default_rng(0)
    for image in (rng.random((3, *size), np.float32), np.full((3, *size), 0.3, np.float32)):
        boxes = propose(image)
        assert boxes.dtype == np.float32 and boxes.ndim == 2 and boxes.shape[1] == 4
        assert (boxes[:, :2] >= 0).all() and (boxes[:, 2:] <= size[::-1]).all()
        assert (boxes[:, 2:] > boxes[:, :2]).all()
        assert len(np.unique(boxes, axis=0)) == len(boxes)
        np.testing.assert_array_equal(propose(image, max_boxes=3), boxes[:3])


@every
def test_nothing_to_see_gives_the_whole_picture_or_nothing(propose):
    boxes = propose(np.zeros((3, 20, 30), np.float32))
    assert boxes.tolist() in ([[0, 0, 30, 20]], [])


@every
def test_a_grey_picture_is_no_special_case(propose):
    image = np.repeat(scene().mean(0, keepdims=True), 3, axis=0)
    assert len(propose(image)) > 3


@every
def test_the_picture_is_not_changed_and_need_not_be_contiguous(propose):
    image = scene()
    before = image.copy()
    boxes = propose(image)
    np.testing.assert_array_equal(image, before)
    np.testing.assert_array_equal(propose(np.asfortranarray(image.astype(np.float64))), boxes)


@every
def test_backends_propose_alike(propose):
    image = scene(1)[:, :32, :40]
    expected = propose(image)
    for backend in kernels_but_naive():
        with pcn.kernels.use(backend):
            np.testing.assert_array_equal(propose(image), expected)


def kernels_but_naive():
    return [name for name in pcn.kernels.available() if name != "naive"]


BAD = [
    (np.zeros((64, 64, 3), np.float32), ValueError, "got shape (64, 64, 3): is it HWC?"),
    (np.zeros((2, 3, 64, 64), np.float32), ValueError, "one picture at a time"),
    (np.zeros((3, 0, 5), np.float32), ValueError, "not empty, got shape (3, 0, 5)"),
    (np.zeros((1, 5, 5), np.float32), ValueError, "a picture is (3, H, W)"),
    (np.full((3, 4, 4), 255, np.uint8), ValueError, "in [0, 1], this one in [255, 255]: divide by 255?"),
    (np.zeros((3, 4, 4), complex), TypeError, "got dtype complex128"),
]
nan = np.zeros((3, 4, 5), np.float32)
nan[1, 2, 3] = np.nan
BAD.append((nan, ValueError, "the picture is nan in channel 1 at row 2, column 3"))


@every
@pytest.mark.parametrize(("image", "error", "words"), BAD)
def test_bad_pictures_are_refused_in_words(propose, image, error, words):
    with pytest.raises(error) as raised:
        propose(image)
    assert words in str(raised.value)


@pytest.mark.parametrize(
    ("name", "floor"), [("selective_search", 0.97), ("edge_boxes", 0.8), ("segments", 0.9)]
)
def test_finds_objects_of_unseen_scenes_within_200_boxes(name, floor):
    truths = [target for _, target in SCENES]
    found = recall([METHODS[name](image) for image, _ in SCENES], truths, 200)
    rivals = recall([random_boxes((64, 64), 200, seed=i) for i in range(len(SCENES))], truths, 200)
    assert found >= floor and found >= rivals + 0.2


# ---- graph-based segmentation


def test_segmentation_is_a_partition_into_connected_regions():
    labels = graph_segmentation.graph_segmentation(scene())
    assert labels.shape == (64, 64) and labels.dtype == np.int64
    n = labels.max() + 1
    assert (np.unique(labels) == np.arange(n)).all() and np.bincount(labels.ravel()).min() >= 20
    edges, _ = graph_segmentation.pixel_graph(np.zeros((1, 64, 64), np.float32))
    inside = edges[labels.ravel()[edges[:, 0]] == labels.ravel()[edges[:, 1]]]
    assert pcn.kernels.segment_graph(64 * 64, inside, np.zeros(len(inside)), np.inf).max() + 1 == n


def test_pixel_graph_by_hand():
    channels = np.array([[[0, 1, 3], [7, 4, 4]], [[0, 0, 0], [0, 3, 0]]], np.float32)
    edges, weights = graph_segmentation.pixel_graph(channels)
    found = {tuple(sorted(e)): w for e, w in zip(edges.tolist(), weights.tolist())}
    expected = {}
    for a in range(6):
        for b in range(a + 1, 6):
            (y, x), (v, u) = divmod(a, 3), divmod(b, 3)
            if max(abs(y - v), abs(x - u)) == 1:
                expected[a, b] = float(np.linalg.norm(channels[:, y, x] - channels[:, v, u]))
    assert len(edges) == len(found) == len(expected) == 11
    assert found == pytest.approx(expected)


def test_larger_k_gives_fewer_regions():
    counts = [graph_segmentation.graph_segmentation(scene(), k).max() + 1 for k in (0.02, 0.1, 0.4, 100)]
    assert counts == sorted(counts, reverse=True) and counts[0] > counts[-1] == 1


def test_smoothing_keeps_constants_and_sums():
    constant = graph_segmentation.smooth(np.full((2, 9, 4), 0.25, np.float32), 1.3)
    np.testing.assert_allclose(constant, 0.25, rtol=1e-6)
    dot = np.zeros((1, 31, 31), np.float32)
    dot[0, 15, 15] = 1
    blurred = graph_segmentation.smooth(dot, 2.0)
    np.testing.assert_allclose(blurred, blurred.transpose(0, 2, 1), atol=1e-8)
    assert blurred.sum() == pytest.approx(1, abs=1e-5)
    np.testing.assert_array_equal(graph_segmentation.smooth(dot, 0), dot)
    with pytest.raises(ValueError, match="sigma must be in"):
        graph_segmentation.smooth(dot, -1)


def test_region_boxes_by_hand():
    labels = np.array([[0, 0, 1], [2, 0, 1], [2, 2, 2]])
    assert region_boxes(labels).tolist() == [[0, 0, 2, 2], [2, 0, 3, 2], [0, 1, 3, 3]]
    with pytest.raises(ValueError, match="labels must be whole numbers"):
        region_boxes(labels / 2)


# ---- Selective Search


def test_finds_the_object_of_two_colours_that_segmentation_cuts():
    """The slide: "Cannot use 1 color to present 1 region proposal"."""
    image, truth = two_colours()
    assert pcn.ops.box_iou(truth, segment_proposals(image, ks=(0.3,))).max() < 0.6  # a half
    assert pcn.ops.box_iou(truth, selective_search.selective_search(image)).max() > 0.9


def test_regions_describe_the_picture_and_add_up():
    channels = colour_spaces.convert(scene(), "lab")
    tree = selective_search.group(channels, 0.1)
    regions, n = tree.regions, len(tree.regions.sizes)
    assert regions.sizes.sum() == 64 * 64
    assert (regions.colour.sum(1) == 3 * regions.sizes).all()
    assert (regions.texture.sum(1) == 12 * regions.sizes).all()
    assert regions.colour.shape == (n, 75) and regions.texture.shape == (n, 240)
    assert len(tree.merges) == n - 1 and tree.boxes[-1].tolist() == [0, 0, 64, 64]
    left, right = (tree.labels_after(1) == region for region in (n, tree.merges[0][0]))
    assert left.sum() == regions.sizes[tree.merges[0]].sum() and not right.any()
    whole = selective_search.describe(np.zeros((64, 64), int), channels)
    np.testing.assert_array_equal(whole.colour[0], regions.colour.sum(0))
    np.testing.assert_array_equal(whole.texture[0], regions.texture.sum(0))


def test_neighbours_by_hand():
    labels = np.array([[0, 0, 1], [2, 0, 1], [2, 3, 3]])
    assert selective_search.touching(labels).tolist() == [[0, 1], [0, 2], [0, 3], [1, 3], [2, 3]]


def test_texture_of_a_ramp_is_one_direction():
    ramp = np.broadcast_to(np.linspace(0, 1, 21, dtype=np.float32), (1, 21, 21))  # .05 a pixel to the right
    bins = selective_search.texture(ramp)[:, 10, 10]
    assert bins.tolist() == [12, 10, 11, 11]  # right, down, and the two diagonals by cos 45 degrees


def test_the_order_is_random_but_seeded_and_favours_late_merges():
    search = selective_search.selective_search
    image = scene()
    one, again, other = search(image), search(image), search(image, seed=1)
    np.testing.assert_array_equal(one, again)
    assert (one != other).any() and {*map(tuple, one.tolist())} == {*map(tuple, other.tolist())}
    area = np.prod(one[:, 2:] - one[:, :2], axis=1)
    assert area[:20].mean() > area[-20:].mean()


def test_more_colour_spaces_add_boxes():
    search = selective_search.selective_search
    one = {*map(tuple, search(scene(), colour_spaces="hsv").tolist())}
    both = {*map(tuple, search(scene(), colour_spaces=("hsv", "rgi")).tolist())}
    assert one < both
    small = search(scene(), smallest=12)
    assert (small[:, 2:] - small[:, :2]).min() >= 12
    assert search(scene(), similarities="CS").shape[1] == 4


def test_wrong_options_in_words():
    for options, words in (
        ({"colour_spaces": ("cmyk",)}, "no colour space 'cmyk'; there are rgb, grey, hsv, lab, rgi"),
        ({"similarities": "X"}, "similarities are letters of CTSF"),
        ({"ks": (float("nan"),)}, "k is NaN"),
    ):
        with pytest.raises(ValueError) as raised:
            selective_search.selective_search(scene(), **options)
        assert words in str(raised.value)
    for propose in METHODS.values():
        with pytest.raises(ValueError, match="max_boxes must be at least 0, or None for all boxes, got -1"):
            propose(scene(), max_boxes=-1)
        assert propose(scene(), max_boxes=0).shape == (0, 4)
    with pytest.raises(ValueError, match="segment_proposals: ks is empty"):
        segment_proposals(scene(), ks=())


def test_colour_spaces_by_known_colours():
    red, grey, dark = (np.array(c, np.float32).reshape(3, 1, 1) for c in ((1, 0, 0), (0.5, 0.5, 0.5), (0, 0, 0)))
    convert = colour_spaces.convert
    assert convert(red, "hsv").ravel().tolist() == [0, 1, 1]
    assert convert(1 - red, "hsv").ravel().tolist() == [0.5, 1, 1]
    assert convert(grey, "hsv").ravel().tolist() == [0, 0, 0.5]
    assert convert(dark, "rgi").ravel().tolist() == [0, 0, 0]
    lightness, a, b = convert(red, "lab").ravel()
    assert (lightness, a, b) == pytest.approx((0.5324, 0.5 + 80.09 / 255, 0.5 + 67.2 / 255), abs=1e-3)
    assert convert(grey, "lab").ravel() == pytest.approx([0.5339, 0.5, 0.5], abs=1e-3)


@pytest.mark.parametrize("space", ["hsv", "lab"])
def test_colour_spaces_against_scikit_image(space):
    color = pytest.importorskip("skimage.color")
    image = np.random.default_rng(0).random((3, 20, 30)).astype(np.float32)
    expected = (color.rgb2hsv if space == "hsv" else color.rgb2lab)(image, channel_axis=0)
    if space == "lab":
        expected = np.stack([expected[0] / 100, expected[1] / 255 + 0.5, expected[2] / 255 + 0.5])
    np.testing.assert_allclose(colour_spaces.convert(image, space), expected, atol=1e-4)


# ---- edge boxes


def outline(x1, y1, x2, y2):
    image = np.full((3, 48, 48), 0.3, np.float32)
    image[:, y1:y2, x1:x2] = 0.9
    return image


def test_the_best_edge_box_is_the_object():
    boxes, scores = find_edge_boxes(outline(10, 14, 30, 34))
    assert pcn.ops.box_iou(boxes[:1], np.array([[10, 14, 30, 34]], np.float32))[0, 0] > 0.8
    assert (np.diff(scores) <= 0).all() and (scores > 0).all()
    assert pcn.ops.box_iou(boxes, boxes)[~np.eye(len(boxes), dtype=bool)].max(initial=0) <= edge_boxes.BETA


def test_edges_of_a_step_are_one_pixel_thin():
    magnitude, direction = edge_boxes.edges(outline(24, 0, 48, 48))
    assert ((magnitude > 0).sum(1) == 1).all()
    assert np.abs(np.sin(direction[magnitude > 0])).max() < 1e-3  # the gradient points along x


def test_a_contour_counts_only_where_it_is_enclosed():
    contours = np.array([[2, 2, 5, 6], [4, 4, 9, 9]], np.float32)
    windows = np.array([[0, 0, 6, 7], [0, 0, 10, 10], [3, 3, 10, 10], [3, 3, 8, 8]], np.float32)
    assert edge_boxes.encloses(windows, contours).tolist() == [[True, False], [True, True], [False, True], [False] * 2]
    assert sorted(edge_boxes.drawn_in(windows, contours).tolist()) == [
        [1.5, 1.5, 5.5, 6.5], [1.5, 1.5, 9.5, 9.5], [3.5, 3.5, 9.5, 9.5]
    ]  # fmt: skip


def test_the_score_of_a_box_by_hand():
    magnitude = np.zeros((8, 8))
    magnitude[3, 3], magnitude[0, 0] = 2, 5
    score = edge_boxes.objectness(np.array([[0, 0, 8, 8]], np.float32), np.array([9.0]), magnitude)
    assert score[0] == pytest.approx((9 - 2) / (2 * 16**1.5))


# ---- boxes that do not look at the picture


def test_kmeans_finds_clusters():
    rng = np.random.default_rng(0)
    centres = np.array([[0, 0, 10, 10], [40, 40, 50, 60], [5, 30, 45, 40]], np.float32)
    boxes = (centres.repeat([5, 20, 10], axis=0) + rng.uniform(-0.5, 0.5, (35, 4))).astype(np.float32)
    found = kmeans_boxes(boxes, 3)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, centres[[1, 2, 0]], atol=0.6)  # most populous first
    np.testing.assert_array_equal(kmeans_boxes(boxes, 3), found)


def test_kmeans_of_few_boxes():
    boxes = np.array([[0, 0, 4, 4], [0, 0, 4, 4], [2, 2, 9, 9]], np.float32)
    np.testing.assert_allclose(kmeans_boxes(boxes, 9), boxes[[0, 2]], atol=1e-5)
    for bad, count, words in (
        (boxes[:0], 3, "at least one"), (boxes, 0, "count must be"), (boxes * np.nan, 2, "box 0 is not finite"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=words):
            kmeans_boxes(bad, count)
    with pytest.raises(TypeError, match="kmeans_boxes: count must be a whole number"):
        kmeans_boxes(boxes, 1.5)


@pytest.mark.parametrize("size", [(1, 1), (2, 50), (64, 48)])
def test_random_boxes(size):
    boxes = random_boxes(size, 500, seed=1)
    assert boxes.shape == (500, 4) and boxes.dtype == np.float32
    assert (boxes[:, :2] >= 0).all() and (boxes[:, 2:] <= np.array(size[::-1]) + 1e-4).all()
    assert ((boxes[:, 2:] - boxes[:, :2]) >= np.minimum(3, size[::-1]) - 1e-4).all()
    np.testing.assert_array_equal(random_boxes(size, 20, seed=1), random_boxes(size, 20, seed=1))
    assert random_boxes(size, 0).shape == (0, 4)
    for bad in ((0, 5), (5, np.nan), (np.nan, 5)):
        with pytest.raises(ValueError, match="must be positive numbers"):
            random_boxes(bad, 3)


# ---- kept on disk


def test_cache_folder_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("PYCONVNET_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("PYCONVNET_CACHE")
    assert "pyconvnet" in cache_folder().parts


def test_fingerprints_tell_contents_apart(tmp_path):
    file = tmp_path / "code.py"
    file.write_text("a")
    things = [0, 0.0, "0", (0,), np.zeros(2), np.zeros(2, np.float32), np.zeros((1, 2)), np.ones(2), file]
    names = {fingerprint(thing) for thing in things}
    file.write_text("b")
    names.add(fingerprint(file))
    assert len(names) == len(things) + 1 and all(len(name) == 32 for name in names)
    assert fingerprint("a", "b") != fingerprint("ab") == fingerprint("ab")


def test_a_fingerprint_of_code_does_not_depend_on_what_is_said_about_it(tmp_path):
    names = []
    codes = ("    return x\n", '    """Says x."""\n    return x  # as it is\n', "    return -x\n")
    for code in ("def f(x):\n" + body for body in codes):
        (tmp_path / "code.py").write_text(code)
        names.append(fingerprint(tmp_path / "code.py"))
    assert names[0] == names[1] != names[2]


def test_proposals_are_computed_once(monkeypatch, tmp_path):
    monkeypatch.setenv("PYCONVNET_CACHE", str(tmp_path))
    scenes = pcn.data.ShapeScenes(3, "val")
    search = selective_search.selective_search
    first = cached_proposals(scenes, search, max_boxes=20)
    (file,) = (tmp_path / "proposals").iterdir()
    for own, (image, _) in zip(first, scenes, strict=True):
        np.testing.assert_array_equal(own, search(image, max_boxes=20))

    with monkeypatch.context() as only_read:
        only_read.setattr(proposal_cache, "tqdm", None)
        second = cached_proposals(scenes, search, max_boxes=20)
    assert second.seconds == first.seconds > 0
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)

    file.write_bytes(file.read_bytes()[:100])  # damaged: made again
    assert len(cached_proposals(scenes, search, max_boxes=20)) == 3 and file.stat().st_size > 100
    cached_proposals(scenes, search, max_boxes=21)
    cached_proposals(pcn.data.ShapeScenes(3, "val", 1), search, max_boxes=20)
    assert len(list(file.parent.iterdir())) == 3
    scored = cached_proposals(scenes, find_edge_boxes)
    assert all(own.shape[1] == 4 for own in scored) and len(list(file.parent.iterdir())) == 4
    mine = cached_proposals(scenes, lambda image: search(image, 20))  # what a closure holds cannot be known
    assert len(mine) == 3 and len(list(file.parent.iterdir())) == 4
    assert cached_proposals(pcn.data.ShapeScenes(0, "val"), search) == []


def test_a_cache_that_cannot_be_written_costs_no_run(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PYCONVNET_CACHE", str(tmp_path / "file"))
    with pytest.warns(RuntimeWarning, match="not kept"):
        assert len(cached_proposals(pcn.data.ShapeScenes(1, "val"), selective_search.selective_search)) == 1
