"""Alignment: heat maps and their cost in loops, Umeyama's similarity, the warp; its arms and its run."""

import json
from argparse import Namespace

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("tqdm")

import pyconvnet as pcn
from lectures.__main__ import main
from lectures.faces import face_alignment
from lectures.faces.foundation import alignment, landmark_data
from lectures.faces.foundation.reading_errors import normalised_error
from pyconvnet.data import Faces
from pyconvnet.testing import check_grads


def options(**changed):
    return Namespace(**{"data": None, "seed": 0, "quick": True, "skip_bad": False, "resume": False} | changed)


def map_of(angle, scale, shift):
    c, s = scale * np.cos(angle), scale * np.sin(angle)
    return np.array([[c, -s, shift[0]], [s, c, shift[1]]])


def naive_loss(maps, landmarks):
    """The cross entropy of every map, one cell at a time."""
    cost = 0.0
    for of_face, points in zip(maps, landmarks):
        for z, (x, y) in zip(of_face, points):
            near, total = {}, 0.0
            for i in range(z.shape[0]):
                for j in range(z.shape[1]):
                    squared = (j + 0.5 - x / 2) ** 2 + (i + 0.5 - y / 2) ** 2
                    near[i, j] = np.exp(-squared / (2 * face_alignment.SPREAD**2))
                    total += near[i, j]
            log_sum = np.log(sum(np.exp(v) for v in z.ravel()))
            cost -= sum(near[at] / total * (z[at] - log_sum) for at in near)
    return cost / (len(maps) * len(maps[0]))


@pytest.mark.parametrize("seed", range(4))
def test_the_loss_is_the_cross_entropy_in_loops(seed):
    rng = np.random.default_rng(seed)
    maps, landmarks = rng.normal(0, 2, (2, 3, 6, 7)), rng.uniform(0, 12, (2, 3, 2))
    assert face_alignment.heatmap_loss(pcn.tensor(maps), landmarks).item() == pytest.approx(naive_loss(maps, landmarks))


def test_the_loss_has_right_gradients_and_a_bound():
    rng = np.random.default_rng(0)
    landmarks = rng.uniform(0, 10, (1, 2, 2))
    check_grads(lambda z: face_alignment.heatmap_loss(z, landmarks), rng.normal(0, 1, (1, 2, 5, 5)))
    target = face_alignment.heatmap_targets(landmarks, (5, 5))
    at_best = face_alignment.heatmap_loss(pcn.tensor(np.log(target + 1e-30)), landmarks).item()
    assert at_best == pytest.approx(-(target * np.log(target + 1e-30)).sum() / 2, rel=1e-4), "no less than the entropy"


def test_targets_sum_to_one_even_far_outside():
    target = face_alignment.heatmap_targets(np.array([[[-500.0, 3], [9, 9], [1e4, 1e4]]]), (8, 8))
    np.testing.assert_allclose(target.sum((2, 3)), 1, rtol=1e-5)
    assert target[0, 0].argmax() // 8 == 1 and target[0, 0].argmax() % 8 == 0 and target[0, 2].argmax() == 63
    with pytest.raises(ValueError, match="not finite"):
        face_alignment.heatmap_targets(np.full((1, 1, 2), np.nan), (8, 8))
    with pytest.raises(ValueError, match="do not fit"):
        face_alignment.heatmap_loss(pcn.zeros((1, 4, 8, 8)), np.zeros((1, 5, 2)))


def test_decoding_what_is_taught_gives_the_landmarks_back():
    rng = np.random.default_rng(1)
    landmarks = rng.uniform(5, 27, (20, 5, 2)).astype(np.float32)
    maps = np.log(face_alignment.heatmap_targets(landmarks, (16, 16)) + 1e-12)
    np.testing.assert_allclose(face_alignment.decode(maps), landmarks, atol=0.12)
    other = maps.copy()
    other[:, :, 0, 0] += 3  # a little probability elsewhere does not move the peak's neighbourhood
    np.testing.assert_allclose(face_alignment.decode(other), face_alignment.decode(maps), atol=1e-5)


def test_only_faces_of_32_pixels():
    with pytest.raises(ValueError, match=r"\(N, 3, 32, 32\), got \(2, 3, 30, 32\)"):
        face_alignment.LandmarkNet()(pcn.zeros((2, 3, 30, 32)))
    assert face_alignment.LandmarkNet().landmarks(np.zeros((0, 3, 32, 32), np.float32)).shape == (0, 5, 2)


@pytest.mark.parametrize("seed", range(5))
def test_a_similarity_is_found_again(seed):
    rng = np.random.default_rng(seed)
    points = rng.normal(0, 5, (3, 5, 2))
    maps = np.stack([map_of(rng.uniform(-3, 3), rng.uniform(0.2, 4), rng.normal(0, 9, 2)) for _ in range(3)])
    np.testing.assert_allclose(alignment.similarity(points, alignment.moved(maps, points)), maps, atol=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_no_other_similarity_fits_better(seed):
    """The closed form with complex numbers, a z + b, and random changes of it."""
    rng = np.random.default_rng(seed)
    source, target = rng.normal(0, 3, (2, 5, 2))
    z, w = source @ (1, 1j), target @ (1, 1j)
    a = np.vdot(z - z.mean(), w - w.mean()) / np.vdot(z - z.mean(), z - z.mean())
    b = w.mean() - a * z.mean()
    expected = [[a.real, -a.imag, b.real], [a.imag, a.real, b.imag]]
    found = alignment.similarity(source, target)
    np.testing.assert_allclose(found, expected, atol=1e-9)
    least = ((alignment.moved(found, source) - target) ** 2).sum()
    for _ in range(20):
        other = found + map_of(rng.normal(0, 1), 1e-3, rng.normal(0, 1e-3, 2))
        assert ((alignment.moved(other, source) - target) ** 2).sum() >= least


def test_a_face_is_never_mirrored():
    points = alignment.STANDARD_FACE
    found = alignment.similarity(points, points * (-1, 1))
    assert np.linalg.det(found[:, :2]) > 0


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (np.zeros((5, 2)), "all points of a face are in one place"),
        (np.full((5, 2), np.nan), "not finite"),
        (np.zeros((1, 2)), "K >= 2 points"),
        (np.zeros((4, 2)), "K >= 2 points"),
        (np.zeros((5, 3)), "K >= 2 points"),
    ],
)
def test_points_that_no_face_has(source, words):
    target = alignment.STANDARD_FACE if len(source) != 1 else np.zeros((1, 2))
    with pytest.raises(ValueError, match=words):
        alignment.similarity(source, target)
    with pytest.raises(ValueError, match=words):
        alignment.similarity(target, source)


def test_a_face_whose_landmarks_are_one_is_not_aligned_to_one_colour():
    images, landmarks = np.zeros((2, 3, 32, 32), np.float32), np.stack([alignment.STANDARD_FACE * 32] * 2)
    landmarks[1] = 16
    np.testing.assert_array_equal(alignment.in_one_place(landmarks), [False, True])
    with pytest.raises(ValueError, match="all points of a face are in one place"):
        alignment.aligned(images, landmarks)


def test_the_warp_samples_where_the_map_says():
    """A picture whose colours are its coordinates tells where each pixel came from."""
    y, x = np.mgrid[:40, :50] + 0.5
    image = np.stack([x, y, x + y]).astype(np.float32)
    maps = np.stack([map_of(0.4, 1.3, (12, 6)), map_of(-0.2, 0.7, (15, 15))])
    cut = alignment.cut_out(image, maps, 12)
    places = (np.mgrid[:12, :12][::-1] + 0.5).reshape(2, -1).T
    expected = alignment.moved(maps, places).reshape(2, 12, 12, 2)
    np.testing.assert_allclose(cut[:, 0], expected[..., 0], atol=1e-3)
    np.testing.assert_allclose(cut[:, 1], expected[..., 1], atol=1e-3)
    same = alignment.cut_out(image[None, :, :32, :32], np.eye(2, 3)[None], 32)
    np.testing.assert_allclose(same[0], image[:, :32, :32], atol=1e-5)
    assert alignment.cut_out(image, np.zeros((0, 2, 3)), 12).shape == (0, 3, 12, 12)
    with pytest.raises(ValueError, match=r"one for each of 2 maps, got \(3, 3, 8, 8\)"):
        alignment.cut_out(np.zeros((3, 3, 8, 8), np.float32), maps, 4)
    with pytest.raises(ValueError, match="maps must be"):
        alignment.cut_out(image, maps[0], 4)


def test_the_warp_is_linear_in_the_picture_and_has_its_gradient():
    maps = map_of(0.3, 0.8, (2, 1))[None]
    check_grads(lambda z: alignment.cut_out(z, maps, 5), np.random.default_rng(0).random((1, 3, 7, 6)))


def test_alignment_undoes_pose_and_keeps_landmarks():
    faces = Faces(4, 3)
    images, landmarks = landmark_data.pictures_and_landmarks(faces)
    straight, maps = alignment.aligned(images, landmarks)
    back = np.stack([alignment.similarity(p, alignment.STANDARD_FACE * 32) for p in landmarks])
    there = alignment.moved(back, landmarks)
    np.testing.assert_allclose(there.mean(1), np.broadcast_to(alignment.STANDARD_FACE.mean(0) * 32, (12, 2)), atol=1e-3)
    turned = np.degrees(np.arctan2(maps[:, 1, 0], maps[:, 0, 0]))
    painted = np.degrees([faces.pose(i).angle for i in range(12)])
    np.testing.assert_allclose(turned, painted, atol=4), "faces are symmetric, so the angle is that of the pose"
    assert straight.shape == (12, 3, 32, 32)


def test_box_maps_cut_squares_around_heads():
    maps = alignment.box_maps([[10, 20, 20, 40]], 32, margin=1.5)
    corners = alignment.moved(maps, np.array([[0, 0], [32, 32]]))[0]
    np.testing.assert_allclose(corners, [[0, 15], [30, 45]])
    assert alignment.box_maps(np.zeros((0, 4)), 32).shape == (0, 2, 3)


def test_the_model_overfits_one_batch():
    pcn.manual_seed(0)
    images, landmarks = landmark_data.pictures_and_landmarks(Faces(8, 1))
    model = face_alignment.LandmarkNet()
    optimizer = pcn.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(120):
        loss = face_alignment.heatmap_loss(model(pcn.tensor(images)), landmarks)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    found = face_alignment.decode(model(pcn.tensor(images)).data)
    assert normalised_error(found, landmarks) < 0.06


def result(folder):
    return json.loads((folder / "face_alignment" / "result.json").read_text())


def test_a_quick_run_leaves_result_and_pictures(tmp_path):
    assert main(["face_alignment", "--quick", "--out", str(tmp_path)]) == 0
    found = result(tmp_path)
    assert set(found["metrics"]) == set(found["baselines"]) == {"nme", "auc", "accuracy", "rank1"}
    assert len(found["variants"]) == 8 and found["metrics"]["auc"] == found["variants"]["triplet, aligned"]["auc"]
    pictures = {path.stem for path in (tmp_path / "face_alignment").glob("*.png")}
    assert pictures == {"loss", "landmarks", "alignment", "arms"}


class Middle:
    """Finds every face a little to the right, and turned."""

    def landmarks(self, images):
        return np.stack([alignment.moved(map_of(0.3, 1, (3, 0)), alignment.STANDARD_FACE * 32)] * len(images))


def test_the_aligned_arm_learns_from_and_is_asked_about_aligned_faces():
    for model in (None, Middle()):
        data = face_alignment.arm_data(options(), 5, model)
        for part, faces in ((data.train, Faces(5, 6, "train")), (data.test, Faces(60, 6, "test"))):
            images = np.stack([faces[i][0] for i in range(8)])
            expected = images if model is None else alignment.aligned(images, model.landmarks(images))[0]
            np.testing.assert_array_equal(part.images(range(8)), expected)
            np.testing.assert_array_equal(part.people, faces.labels)
