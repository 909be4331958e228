"""The network that reads faces and its numbers, how far off it is, and the plane that it must beat."""

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("tqdm")

import pyconvnet as pcn
from lectures.faces.aging import TASKS
from lectures.faces.foundation import face_reader
from lectures.faces.foundation.face_reader import FaceReader
from lectures.faces.foundation.linear_fit import linear_fit
from lectures.faces.foundation.reading_errors import normalised_error


@pytest.fixture(scope="module")
def faces():
    return pcn.data.Faces(12, 4, aged=True, upright=True)


def test_the_numbers_are_the_truth_and_back(faces):
    reader, S = FaceReader(TASKS), face_reader.truths(faces, TASKS)
    assert S.shape == (48, 15) and S.dtype == np.float32 and S.std(0).max() < 1.5
    for i in range(len(faces)):
        assert face_reader.years(S, reader.parts)[i] == pytest.approx(faces.age(i), abs=1e-4)
        np.testing.assert_allclose(face_reader.places(S, reader.parts)[i], faces.landmarks(i), atol=1e-4)
        smile, mouth, hat, glasses = S[i, reader.parts["attributes"]]
        said = faces.attributes(i)
        assert (hat > 0, glasses > 0) == (said["hat"], said["glasses"])
        assert (smile, mouth) == pytest.approx((said["smile"], 2 * said["mouth_open"] - 1), abs=1e-6)


def test_the_cost_is_a_square_error_in_loops():
    rng = np.random.default_rng(0)
    output, S = rng.normal(size=(5, 15)), rng.normal(size=(5, 15))
    expected = sum((output[i, k] - S[i, k]) ** 2 for i in range(5) for k in range(15)) / 5
    assert face_reader.square_error(pcn.tensor(output), S).item() == pytest.approx(expected)


def test_what_cannot_be_read_is_refused():
    with pytest.raises(ValueError, match=r"no task \['gender'\]; there are age, attributes, landmarks"):
        FaceReader(("age", "gender"))
    with pytest.raises(ValueError, match="tasks is empty"):
        FaceReader(())
    with pytest.raises(ValueError, match=r"\(N, 3, 32, 32\), got \(1, 3, 64, 64\)"):
        FaceReader(("age",))(pcn.zeros((1, 3, 64, 64)))
    with pytest.raises(ValueError, match="no age; make them with aged=True"):
        face_reader.truths(pcn.data.Faces(1, 1), ("age",))


def test_the_reader_overfits_one_batch(faces):
    pcn.manual_seed(0)
    images = face_reader.pictures_of(faces)[:16]
    reader, S = FaceReader(TASKS), face_reader.truths(faces, TASKS)[:16]
    optimizer, losses = pcn.optim.Adam(reader.parameters(), lr=3e-3), []
    for _ in range(80):
        loss = face_reader.square_error(reader(pcn.tensor(images)), pcn.tensor(S))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.03 * losses[0]


def test_nme_is_in_distances_between_the_eyes():
    rng = np.random.default_rng(0)
    truth, found = rng.uniform(0, 32, (2, 7, 5, 2))
    expected = 0.0
    for t, f in zip(truth, found):
        for k in range(5):
            expected += np.hypot(*(t[k] - f[k])) / np.hypot(*(t[0] - t[1])) / 35
    assert normalised_error(found, truth) == pytest.approx(expected)


def test_the_plane_through_pixels_is_that_of_least_squares_where_nothing_holds_it_back():
    rng = np.random.default_rng(0)
    x, w = rng.normal(3, 1, (60, 2, 4)), rng.normal(size=(8, 2))
    y = x.reshape(60, 8) @ w + rng.normal(0, 0.3, (60, 2)) - 5
    plane = np.linalg.lstsq(np.c_[x.reshape(60, 8), np.ones(60)], y, rcond=None)[0]
    unseen = rng.normal(size=(5, 2, 4))
    expected = np.c_[unseen.reshape(5, 8), np.ones(5)] @ plane
    np.testing.assert_allclose(linear_fit(x, y, held_back=0)(unseen), expected)
    np.testing.assert_allclose(linear_fit(x, y, held_back=1e9)(unseen), np.tile(y.mean(0), (5, 1)), atol=1e-4)
    np.testing.assert_allclose(linear_fit(np.ones((4, 3)), np.arange(4.0))(np.eye(3)), 1.5)
