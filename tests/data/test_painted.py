"""What all painted data share: checked numbers, splits and seeds apart, samples that do not depend on each other."""

import numpy as np
import pytest

from pyconvnet.data import Digits, FaceScenes, GroundScenes, ShapeScenes, TexturedShapes
from pyconvnet.data.painted import SPLITS, Painted

each = pytest.mark.parametrize("kind", [Digits, FaceScenes, GroundScenes, ShapeScenes, TexturedShapes])


@each
@pytest.mark.parametrize(
    "wrong, error, words",
    [
        ({"count": 1.5}, TypeError, "count must be an integer"),
        ({"count": True}, TypeError, "count must be an integer"),
        ({"count": -1}, ValueError, "count must be in"),
        ({"seed": 2**32}, ValueError, "seed must be in"),
        ({"split": "holdout"}, ValueError, "no split 'holdout'; there are train, val, test"),
    ],
)
def test_bad_numbers_are_named(kind, wrong, error, words):
    with pytest.raises(error, match=rf"{kind.__name__}: .*{words}"):
        kind(**({"count": 2} | wrong))


@each
def test_a_sample_depends_on_split_seed_and_index_alone(kind):
    forwards, backwards = kind(3), kind(5)
    last = backwards[2][0]
    np.testing.assert_array_equal([forwards[i][0] for i in range(3)][2], last)
    elsewhere = [kind(3, seed=1), *(kind(3, split=split) for split in SPLITS if split != "train")]
    others = [forwards[0][0], backwards[1][0], *(data[2][0] for data in elsewhere)]
    assert all((other != last).any() for other in others) and len(forwards) == 3 and len(others) == 5


@each
def test_it_is_drawn_once(kind, monkeypatch):
    data, drawn, draw = kind(2), [], kind.draw
    monkeypatch.setattr(kind, "draw", lambda self, rng: drawn.append(1) or draw(self, rng))
    assert len([data[i] for i in (0, 1, 0, -1)]) == 4 and len(drawn) == 2
    with pytest.raises(IndexError, match=kind.__name__):
        data[2]


def test_a_kind_that_draws_nothing_says_so():
    with pytest.raises(NotImplementedError, match=r"Painted does not define draw\(rng\)"):
        Painted(1, "train", 0).drawn(0)
