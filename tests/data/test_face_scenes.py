"""Scenes with faces: labels exact, people of two splits apart, ovals without eyes; tables and folders."""

import numpy as np
import pytest

from pyconvnet.data import Faces, FaceScenes, LandmarkFolder, PictureFolder, read_landmarks
from pyconvnet.data.face_painting import LANDMARKS
from pyconvnet.data.face_scenes import APART
from pyconvnet.data.scenes import iou


def test_scenes_hold_faces_with_boxes_landmarks_and_people():
    scenes, counts, ovals = FaceScenes(120), set(), set()
    for i, (image, (boxes, labels)) in enumerate(scenes):
        assert image.shape == (3, 64, 64) and image.dtype == np.float32 and 0 <= image.min() <= image.max() <= 1
        assert boxes.dtype == np.float32 and labels.dtype == np.int64 and labels.tolist() == [0] * len(boxes)
        points, people = scenes.landmarks(i), scenes.people(i)
        assert points.shape == (len(boxes), len(LANDMARKS), 2) and people.shape == (len(boxes),)
        assert len(set(people.tolist())) == len(people)
        counts.add(len(boxes))
        ovals.add(len(scenes.oval_boxes(i)))
        both = np.concatenate([boxes, scenes.oval_boxes(i)])
        assert both.size == 0 or (both.min() >= -1e-3 and both.max() <= 64 + 1e-3)
        sides = np.sqrt(np.prod(both[:, 2:] - both[:, :2], 1))
        assert ((sides >= 14 - 1e-3) & (sides <= 32 + 1e-3)).all()
        assert all(iou(p, q) <= APART + 1e-6 for k, p in enumerate(both.tolist()) for q in both[:k].tolist())
        inside = (points >= boxes[:, None, :2]) & (points <= boxes[:, None, 2:])
        assert inside.all(), "eyes, nose and mouth are within the head"
        assert (points[:, 0, 0] < points[:, 1, 0]).all() and (points[:, 3, 0] < points[:, 4, 0]).all()
    assert counts == ovals == {0, 1, 2, 3}


def test_an_eye_is_dark_where_the_landmark_says():
    """White and iris are painted around it; skin, which an oval has there, is much lighter."""
    scenes, eyes, skin = FaceScenes(80, seed=1), [], []
    for i, (image, _) in enumerate(scenes):
        for left, right, *_ in scenes.landmarks(i):
            for x, y in (left, right):
                eyes.append(image[:, int(y), int(x)].mean())
            x, y = (left + right) / 2
            skin.append(image[:, int(y), int(x)].mean())
    assert np.mean(eyes) < np.mean(skin) - 0.15


def test_people_are_those_of_faces_and_splits_share_none():
    train, test = FaceScenes(30), FaceScenes(30, "test")
    person = train.people(1)[0] if len(train.people(1)) else train.people(2)[0]
    assert train.faces.identity(int(person)) == Faces(400, 24, "train").identity(int(person))
    one, other = ({s.faces.identity(p) for i in range(30) for p in s.people(i).tolist()} for s in (train, test))
    assert one and other and not one & other


def test_scenes_do_not_depend_on_order_and_differ_by_split_seed_and_size():
    several = [(split, size, seed) for split in ("train", "val", "test") for size in (64, 96) for seed in (0, 1)]
    drawn = [FaceScenes(4, *some)[i][0].tobytes() for some in several for i in range(4)]
    assert len(set(drawn)) == len(drawn)
    alone, scenes = FaceScenes(6), FaceScenes(6)
    later = [scenes[i][0] for i in reversed(range(6))][::-1]
    assert all(np.array_equal(alone[i][0], later[i]) for i in range(6))
    image, (boxes, _) = alone[1]
    image[:], boxes[:] = 0, 0
    alone.landmarks(1)[:], alone.oval_boxes(1)[:] = 0, 0
    assert alone[1][0].any() and np.array_equal(alone.landmarks(1), FaceScenes(2).landmarks(1))


def test_options_of_scenes():
    assert not any(len(FaceScenes(20, ovals=False).oval_boxes(i)) for i in range(20))
    crowd = FaceScenes(30, size=128, most=5, side=(20, 32), people=7)
    assert max(len(target[0]) for _, target in crowd) == 5
    assert all(p < 7 for i in range(30) for p in crowd.people(i))


@pytest.mark.parametrize(
    ("arguments", "kind", "words"),
    [
        ({"split": "verify"}, ValueError, "no split 'verify'"),
        ({"size": 8}, ValueError, r"size must be in \[16"),
        ({"seed": 1.5}, TypeError, "seed must be an integer"),
        ({"side": (14, 60)}, ValueError, "side must be a range within 8 to 32 pixels"),
        ({"side": (20, 14)}, ValueError, "side must be a range"),
        ({"side": 20}, ValueError, "side must be a range"),
        ({"most": 5, "people": 3}, ValueError, "5 different faces in a scene need as many people, got 3"),
    ],
)
def test_bad_arguments_in_words(arguments, kind, words):
    with pytest.raises(kind, match=words):
        FaceScenes(3, **arguments)
    with pytest.raises(IndexError, match="FaceScenes"):
        FaceScenes(3)[3]


def test_landmarks_are_read_in_order_and_several_faces_of_a_picture_kept_apart(tmp_path):
    table = tmp_path / "points.csv"
    table.write_text("\ufeffimage,ax,ay,bx,by\none.png,1,2,3.5,4\n\ntwo.png,-5,6,7,8\none.png,9,9,9,9\none.png,0,0,1,1\n")
    found = read_landmarks(table)
    assert list(found) == ["one.png", "two.png", "one.png#2", "one.png#3"]
    np.testing.assert_array_equal(found["one.png"], np.float32([[1, 2], [3.5, 4]]))
    assert found["two.png"].dtype == np.float32 and found["two.png"][0, 0] == -5


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "holds no landmarks"),
        ("image,ax,ay\n", "holds no landmarks: it has 1 line"),
        ("image,ax\na,1\n", "line 1: the columns must be"),
        ("a.png,1,2\nb.png,3,4\n", "line 1: must name the columns"),
        ("image,ax,ay\na.png,1\n", "line 2: 2 entries, but there are 3 columns"),
        ("image,ax,ay\na.png,1,x\n", "line 2: 'x' is no coordinate"),
        ("image,ax,ay\na.png,nan,1\n", "line 2: 'nan' is no coordinate"),
        ("image,ax,ay\na.png,1,1e39\n", "line 2: '1e39' is no coordinate"),
        ("image,ax,ay\n,1,1\n", "line 2: the name of the picture is missing"),
    ],
)
def test_damaged_tables_in_words(tmp_path, text, words):
    table = tmp_path / "points.csv"
    table.write_text(text)
    with pytest.raises(ValueError, match=words):
        read_landmarks(table)


def test_no_table_and_no_text(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no file"):
        read_landmarks(tmp_path / "none.csv")
    (tmp_path / "picture.csv").write_bytes(bytes(range(128, 256)) * 9)
    with pytest.raises(ValueError, match="no table of comma-separated text"):
        read_landmarks(tmp_path / "picture.csv")


def write_picture(path, height=20, width=30, seed=0):
    image = pytest.importorskip("PIL.Image")
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    image.fromarray(pixels).save(path)
    return pixels


def test_a_folder_of_pictures_is_read_and_scaled_down(tmp_path):
    pixels = write_picture(tmp_path / "b.png")
    write_picture(tmp_path / "a.jpg", 50, 10)
    (tmp_path / "notes.txt").write_text("no picture")
    folder = PictureFolder(tmp_path)
    assert folder.names == ["a.jpg", "b.png"] and len(folder) == 2 and folder[0][1] == "a.jpg"
    np.testing.assert_allclose(folder[1][0], pixels.transpose(2, 0, 1) / 255, atol=1e-6)
    assert [image.shape for image, _ in PictureFolder(tmp_path, longest=25)] == [(3, 25, 5), (3, 17, 25)]


def test_folders_of_pictures_that_cannot_be_read(tmp_path):
    with pytest.raises(FileNotFoundError, match="no folder"):
        PictureFolder(tmp_path / "none")
    with pytest.raises(ValueError, match="holds no picture"):
        PictureFolder(tmp_path)
    (tmp_path / "bad.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"bad\.png: unreadable"):
        PictureFolder(tmp_path)
    with pytest.raises(ValueError, match=r"holds no picture .* first defect was: .*bad\.png"):
        PictureFolder(tmp_path, skip_bad=True)
    write_picture(tmp_path / "good.png")
    folder = PictureFolder(tmp_path, skip_bad=True)
    assert folder.names == ["good.png"] and "bad.png" in folder.skipped[0]
    with pytest.raises(ValueError, match="longest"):
        PictureFolder(tmp_path, longest=0)


def test_a_folder_with_landmarks(tmp_path):
    with pytest.raises(ValueError, match=r"one \.csv table, got 0"):
        LandmarkFolder(tmp_path)
    write_picture(tmp_path / "a.png")
    (tmp_path / "points.csv").write_text("image,ax,ay\na.png,1,2\nb.png,3,4\na.png,5,6\n../c.png,7,8\n")
    with pytest.raises(ValueError, match=r"the picture 'b\.png' is not in"):
        LandmarkFolder(tmp_path)
    write_picture(tmp_path.parent / "c.png")
    folder = LandmarkFolder(tmp_path, skip_bad=True)
    assert folder.names == ["a.png", "a.png#2"] and len(folder.skipped) == 2, "nothing outside of the folder is read"
    image, points = folder[1]
    assert image.shape == (3, 20, 30) and points.tolist() == [[5, 6]]
    (tmp_path / "more.csv").write_text("image,ax,ay\n")
    with pytest.raises(ValueError, match=r"got 2 \(more\.csv, points\.csv\)"):
        LandmarkFolder(tmp_path)
