"""Procedural textured shapes: repeatable in any order, splits apart, shapes lighter, and two textures alike but one."""

import numpy as np
import pytest

from pyconvnet.data import TexturedShapes
from pyconvnet.data.textured_shapes import draw_texture


def test_a_sample_is_an_rgb_picture_a_shape_and_a_texture():
    data = TexturedShapes(30, seed=3)
    images, shapes, textures = data.arrays()
    assert len(data) == 30 and images.shape == (30, 3, 64, 64) and images.dtype == np.float32
    assert set(shapes) == set(range(4)) and set(textures) == set(range(6))
    assert len(data.classes) == 4 and len(data.textures) == 6
    for i in (0, 7, -1):
        image, (shape, texture) = data[i]
        np.testing.assert_array_equal(image, images[i])
        assert (shape, texture) == (shapes[i], textures[i]) and shape.dtype == texture.dtype == np.int64
        assert 0 <= image.min() < image.max() <= 1


def test_a_picture_depends_on_nothing_but_its_numbers():
    few, many = TexturedShapes(4, "val", 1), TexturedShapes(9, "val", 1)
    pictures = {i: many[i][0] for i in reversed(range(9))}
    assert all((few[i][0] == pictures[i]).all() for i in range(4))
    few[0][0][:] = 0
    np.testing.assert_array_equal(few[0][0], pictures[0])


def test_no_two_splits_and_no_two_seeds_share_a_picture():
    pictures = [TexturedShapes(20, split, seed)[i][0].tobytes()
                for split in ("train", "val", "test") for seed in (0, 1) for i in range(20)]  # fmt: skip
    assert len(set(pictures)) == 120


def test_the_shape_is_lighter_wherever_it_is():
    data = TexturedShapes(40, "test")
    for i in range(40):
        image, mask = data[i][0], data.mask(i)
        assert mask.shape == (64, 64) and mask.dtype == bool and 0.05 < mask.mean() < 0.5
        assert image[:, mask].mean() - image[:, ~mask].mean() == pytest.approx(0.56, abs=0.15)


def test_the_texture_does_not_depend_on_the_shape():
    """Shape and texture are drawn independently: neither tells anything about the other."""
    _, shapes, textures = TexturedShapes(600).arrays()
    table = np.histogram2d(shapes, textures, (4, 6))[0]
    assert table.min() >= 10 and abs(np.corrcoef(shapes, textures)[0, 1]) < 0.1


def test_small_and_large_patches_are_made_of_the_same_stripes():
    """The same grey values in the same places wherever the patches have one direction; only the arrangement differs."""
    small, large = (draw_texture(k, np.random.default_rng(5), 240) for k in (4, 5))
    assert abs(np.sort(small.ravel()) - np.sort(large.ravel())).max() < 0.05
    same = small == large
    assert 0.4 < same.mean() < 0.6
    assert np.abs(np.diff(same.astype(int), axis=0)).sum(0).max() > 20  # many patches, not two halves


def test_other_sizes_have_more_of_the_texture_and_a_larger_shape():
    small, large = TexturedShapes(3, "test"), TexturedShapes(3, "test", size=128)
    for i in range(3):
        assert large[i][0].shape == (3, 128, 128) and large[i][1] == small[i][1]
        assert large.mask(i).mean() == pytest.approx(small.mask(i).mean(), abs=0.02)


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"split": "all"}, ValueError, "no split 'all'"),
        ({"count": -1}, ValueError, "count must be in"),
        ({"count": 2.0}, TypeError, "count must be an integer"),
        ({"seed": True}, TypeError, "seed must be an integer"),
        ({"size": 8}, ValueError, "size must be in"),
    ],
)
def test_what_is_no_data_set_is_said_in_words(given, error, words):
    with pytest.raises(error, match=f"TexturedShapes: {words}"):
        TexturedShapes(**{"count": 3} | given)


def test_an_index_out_of_range_and_an_empty_set():
    with pytest.raises(IndexError, match="index 3 is out of range for 3"):
        TexturedShapes(3)[3]
    images, shapes, textures = TexturedShapes(0).arrays()
    assert images.shape == (0, 3, 64, 64) and shapes.shape == textures.shape == (0,) and shapes.dtype == np.int64
