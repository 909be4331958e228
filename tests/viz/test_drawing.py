"""Pictures: what is drawn where, which colours, errors in words. Whether they are beautiful is for eyes."""

import subprocess
import sys

import numpy as np
import pytest

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("agg")

import matplotlib.pyplot as plt  # noqa: E402
from matplotlib.colors import to_hex, to_rgb  # noqa: E402

from pyconvnet import viz  # noqa: E402
from pyconvnet.autograd import Tensor  # noqa: E402
from pyconvnet.viz.boxes import COLORS, class_style  # noqa: E402

IMAGE = np.full((3, 40, 60), 0.5, np.float32)
BOXES = np.array([[5.0, 5, 25, 20], [30, 10, 55, 38]])


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def extent(ax, artist):
    return artist.get_window_extent().get_points().reshape(4)


def test_boxes_lie_where_they_say():
    ax = viz.draw_boxes(IMAGE, BOXES)
    assert isinstance(ax, plt.Axes)
    assert ax.get_xlim() == (0, 60)
    assert ax.get_ylim() == (40, 0)
    assert list(ax.images[0].get_extent()) == [0, 60, 40, 0]
    drawn = [(*p.get_xy(), p.get_x() + p.get_width(), p.get_y() + p.get_height()) for p in ax.patches]
    np.testing.assert_allclose(drawn, BOXES)
    assert not ax.texts


def test_texts():
    names = ("circle", "square")
    texts = lambda **k: sorted(t.get_text() for t in viz.draw_boxes(IMAGE, BOXES, **k).texts)
    assert texts(labels=[1, 0], scores=[0.5, 0.987], classes=names) == ["circle 0.99", "square 0.50"]
    assert texts(labels=[1, 0], classes=names) == ["circle", "square"]
    assert texts(labels=[1, 0]) == ["0", "1"]
    assert texts(scores=[0.5, 1]) == ["0.50", "1.00"]


def test_one_colour_per_class_in_every_picture():
    first = viz.draw_boxes(IMAGE, BOXES, labels=[2, 0])
    second = viz.draw_boxes(IMAGE, BOXES[::-1], labels=[0, 2])
    colors = lambda ax: [to_hex(p.get_edgecolor()) for p in ax.patches]
    assert colors(first) == colors(second)[::-1] == [COLORS[2].lower(), COLORS[0].lower()]
    assert len({class_style(label) for label in range(28)}) == 28
    assert colors(viz.draw_boxes(IMAGE, BOXES, labels=[2, 0], color="white")) == ["#ffffff", "#ffffff"]


def test_colours_stay_apart_for_the_colour_blind():
    # Viénot, Brettel & Mollon (1999): linear RGB seen by protanopes and deuteranopes.
    seen = {
        "normal": np.eye(3),
        "protan": [[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]],
        "deutan": [[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]],
    }
    colors = np.array([to_rgb(c) for c in COLORS]) ** 2.2
    for name, matrix in seen.items():
        c = np.clip(colors @ np.transpose(matrix), 0, 1) ** (1 / 2.2)
        apart = np.linalg.norm(c[:, None] - c[None], axis=-1) + np.eye(len(c))
        assert apart.min() > 0.1, name


def test_text_does_not_cover_small_boxes():
    boxes = [[2, 2, 8, 8], [52, 2, 58, 8], [2, 32, 8, 38], [52, 32, 58, 38], [27, 17, 33, 23], [0, 0, 60, 40]]
    ax = viz.draw_boxes(IMAGE, boxes, labels=[0] * 6, scores=[0.5] * 6, classes=["triangle"])
    ax.figure.canvas.draw()
    small = [extent(ax, p) for p in ax.patches[:5]]
    for text in ax.texts:
        a = extent(ax, text)
        for b in small:
            assert min(a[2], b[2]) <= max(a[0], b[0]) or min(a[3], b[3]) <= max(a[1], b[1]), text.get_text()


def test_on_an_axes_of_the_caller_and_over_what_it_shows():
    figure, (left, right) = plt.subplots(1, 2)
    assert viz.draw_boxes(IMAGE, BOXES, ax=left, color="white") is left
    assert viz.draw_boxes(None, BOXES + 1, labels=[0, 1], ax=left) is left
    assert len(left.patches) == 4
    assert len(left.images) == 1
    assert not right.patches
    assert plt.get_fignums() == [figure.number]


def test_no_boxes_and_tensors_and_grey_images():
    assert not viz.draw_boxes(IMAGE, [], [], []).patches
    assert not viz.draw_boxes(IMAGE, np.zeros((0, 4), np.float32), np.zeros(0, np.int64)).patches
    ax = viz.draw_boxes(Tensor(IMAGE), Tensor(BOXES), Tensor(np.array([0, 1])), Tensor(np.array([0.1, 0.2])))
    assert len(ax.patches) == 2
    for grey in (IMAGE[0], IMAGE[:1], IMAGE[0] > 0.3):
        assert viz.draw_boxes(grey, BOXES).images[0].get_array().shape == (40, 60, 3)


def test_montage_places_tiles_row_by_row():
    images = np.stack([np.full((3, 8, 8), v) for v in (0.1, 0.2, 0.3, 0.4, 0.5)])
    sheet = viz.montage(images, columns=3, gap=2).images[0].get_array()
    assert sheet.shape == (2 * 10 + 2, 3 * 10 + 2, 3)
    for i, v in enumerate((0.1, 0.2, 0.3, 0.4, 0.5)):
        y, x = 2 + i // 3 * 10, 2 + i % 3 * 10
        assert (sheet[y : y + 8, x : x + 8] == v).all()
    assert (sheet[12:20, 22:30] == 1).all()
    assert (sheet[:2] == 1).all()


def test_montage_of_different_sizes_with_titles():
    ax = viz.montage([IMAGE, IMAGE[:, :10, :10], IMAGE[0]], titles=["a", "b", "c"])
    assert [t.get_text() for t in ax.texts] == ["a", "b", "c"]
    assert viz.montage(Tensor(IMAGE[None]), ax=ax) is ax


def test_feature_maps_are_scaled_by_channel_or_together():
    maps = np.stack(
        [np.linspace(0, 1, 16).reshape(4, 4), np.linspace(0, 10, 16).reshape(4, 4), np.full((4, 4), 5)]
    )
    tiles = lambda **k: viz.show_feature_maps(maps, columns=3, titles=None, **k).images[0].get_array()
    each, shared = tiles(), tiles(scale="shared")
    assert each.shape == shared.shape
    top = each.shape[0] - 1 - 4
    one, two = each[top : top + 4, 1:5], each[top : top + 4, 6:10]
    np.testing.assert_allclose(one, two)
    assert not np.allclose(shared[top : top + 4, 1:5], shared[top : top + 4, 6:10])
    assert len(viz.show_feature_maps(maps[None]).texts) == 3


def test_filters():
    weight = np.zeros((2, 3, 5, 5))
    weight[1, 0, 2, 2] = -4
    sheet = viz.show_filters(weight, columns=2, titles=["", ""]).images[0].get_array()
    assert (sheet == 0.5).all(axis=-1).sum() == 2 * 25 - 1  # a weight of 0 is grey, whatever the others are
    assert (sheet == [0, 0.5, 0.5]).all(axis=-1).sum() == 1
    by_channel = viz.show_filters(np.ones((4, 2, 3, 3)))  # a row per filter, a column per input channel
    assert by_channel.images[0].get_array().shape == (4 * 4 + 1, 2 * 4 + 1, 3)
    assert len(viz.show_filters(np.ones((6, 1, 3, 3))).texts) == 6


def test_import_leaves_matplotlib_alone_and_its_absence_is_explained():
    code = """
import sys
import pyconvnet.viz as viz
assert "matplotlib" not in sys.modules
sys.modules["matplotlib"] = sys.modules["matplotlib.pyplot"] = None
filters = lambda: viz.show_filters([[[[1.0]]]])
for draw in (lambda: viz.draw_boxes([[0.5]], []), filters, lambda: viz.montage([[[0.5]]])):
    try:
        draw()
    except ImportError as error:
        assert "needs matplotlib: pip install 'pyconvnet[lectures]'" in str(error)
    else:
        raise SystemExit("no error")
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_backend_stays():
    before = matplotlib.get_backend()
    viz.draw_boxes(IMAGE, BOXES)
    assert matplotlib.get_backend() == before


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: viz.draw_boxes(IMAGE.transpose(1, 2, 0), BOXES), ValueError, "are the channels last?"),
        (lambda: viz.draw_boxes(IMAGE[None], BOXES), ValueError, "montage shows a batch"),
        (lambda: viz.draw_boxes(IMAGE * 255, BOXES), ValueError, "got [128, 128]: divide by 255"),
        (lambda: viz.draw_boxes(IMAGE * 4 - 4, BOXES), ValueError, "undo the normalisation first"),
        (lambda: viz.draw_boxes(IMAGE * np.nan, BOXES), ValueError, "image holds NaN"),
        (
            lambda: viz.draw_boxes((IMAGE * 255).astype(np.uint8), BOXES),
            TypeError,
            "divide 8-bit values by 255",
        ),
        (lambda: viz.draw_boxes(np.zeros((3, 0, 4)), []), ValueError, "has no pixels"),
        (lambda: viz.draw_boxes(None, BOXES), ValueError, "without an image there must be an ax"),
        (
            lambda: viz.draw_boxes(IMAGE, BOXES[0]),
            ValueError,
            "boxes must have shape (n, 4), xyxy in pixels, got (4,)",
        ),
        (lambda: viz.draw_boxes(IMAGE, BOXES * np.inf), ValueError, "boxes[0] is not finite"),
        (
            lambda: viz.draw_boxes(IMAGE, BOXES, [0]),
            ValueError,
            "2 boxes but labels of shape (1,): one label per box",
        ),
        (lambda: viz.draw_boxes(IMAGE, BOXES, scores=[0]), ValueError, "one score per box"),
        (lambda: viz.draw_boxes(IMAGE, BOXES, ["a", "b"]), TypeError, "names go into classes"),
        (
            lambda: viz.draw_boxes(IMAGE, BOXES, [0, 2], classes=("a", "b")),
            ValueError,
            "label 2 has no name among",
        ),
        (lambda: viz.montage([]), ValueError, "montage: there are no images"),
        (lambda: viz.montage(IMAGE[0]), ValueError, "a batch (N, C, H, W) or (N, H, W), got (40, 60)"),
        (lambda: viz.montage([IMAGE], titles=["a", "b"]), ValueError, "1 images but 2 titles"),
        (lambda: viz.montage([IMAGE], columns=0), ValueError, "columns must be a positive integer, got 0"),
        (lambda: viz.montage([IMAGE, IMAGE[:2]]), ValueError, "montage: images[1]: image must have shape"),
        (
            lambda: viz.show_feature_maps(np.ones((2, 3, 4, 4))),
            ValueError,
            "choose one image of the batch, maps[0]",
        ),
        (lambda: viz.show_feature_maps(np.ones((3, 4, 4)), scale="all"), ValueError, '"each" or "shared"'),
        (lambda: viz.show_filters(np.ones((3, 3))), ValueError, "weight must have shape (F, C, kh, kw)"),
        (lambda: viz.show_filters(np.full((1, 1, 2, 2), np.nan)), ValueError, "weight hold NaN"),
    ],
)
def test_errors(call, kind, message):
    with pytest.raises(kind) as error:
        call()
    assert message in str(error.value)
    assert not plt.get_fignums()  # checked before anything is drawn
