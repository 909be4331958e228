"""Folders of people: who is on each picture, and what is said of a defective folder, file or list of pairs."""

import numpy as np
import pytest

pytest.importorskip("PIL")

from PIL import Image

from pyconvnet.data import IdentityFolder, read_pairs


def picture(path, level, size=(12, 10), mode="L"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, level if mode == "L" else (level, 0, 0)).save(path)


@pytest.fixture
def people(tmp_path):
    for person in (1, 2, 10):
        for k in (1, 2, 10):
            picture(tmp_path / f"s{person}" / f"{k}.pgm", 10 * person + k)
    (tmp_path / "README").write_text("not a picture")
    (tmp_path / ".cache").mkdir()
    (tmp_path / "s1" / "notes.txt").write_text("not a picture either")
    return tmp_path


def test_people_and_pictures_come_in_the_order_of_their_numbers(people):
    faces = IdentityFolder(people)
    assert faces.names == ("s1", "s2", "s10") and len(faces) == 9
    assert faces.labels.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert [file.name for file in faces.files[:3]] == ["1.pgm", "2.pgm", "10.pgm"]
    image, person = faces[5]
    assert image.shape == (3, 10, 12) and image.dtype == np.float32 and person == 1
    np.testing.assert_allclose(image, 30 / 255, rtol=1e-6)


def test_pictures_are_resized_and_colours_kept(people):
    picture(people / "s1" / "3.png", 200, mode="RGB")
    faces = IdentityFolder(people, size=(6, 5))
    assert faces[0][0].shape == (3, 6, 5)
    np.testing.assert_allclose(faces[2][0][:, 0, 0], (200 / 255, 0, 0), atol=1e-6)


def test_a_person_with_one_picture_where_two_are_needed(people):
    picture(people / "alone" / "1.pgm", 5)
    assert len(IdentityFolder(people).names) == 4
    with pytest.raises(ValueError, match=r"alone holds 1 picture\(s\), needed are 2: a pair"):
        IdentityFolder(people, least=2)
    faces = IdentityFolder(people, least=2, skip_bad=True)
    assert faces.names == ("s1", "s2", "s10") and "alone" in faces.skipped[0]
    assert faces.labels.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_an_unreadable_picture(people):
    (people / "s2" / "2.pgm").write_bytes(b"P5 12 10 255\n\x00\x00")
    with pytest.raises(ValueError, match=r"s2.2\.pgm: unreadable"):
        IdentityFolder(people)
    faces = IdentityFolder(people, skip_bad=True)
    assert len(faces) == 8 and faces.labels.tolist() == [0, 0, 0, 1, 1, 2, 2, 2] and "2.pgm" in faces.skipped[0]


def test_a_person_under_two_names(people):
    (people / "s3").mkdir()
    for file in (people / "s2").iterdir():
        (people / "s3" / file.name).write_bytes(file.read_bytes())
    with pytest.raises(ValueError, match=r"s3.1\.pgm is the same picture as .*s2.1\.pgm"):
        IdentityFolder(people)
    faces = IdentityFolder(people, skip_bad=True)
    assert faces.names == ("s1", "s2", "s10") and len(faces) == 9 and len(faces.skipped) == 4


def test_an_empty_person_and_nobody_at_all(people, tmp_path):
    (people / "s3").mkdir()
    with pytest.raises(ValueError, match="s3 holds 0"):
        IdentityFolder(people)
    empty = tmp_path / "only" / "empty"
    empty.mkdir(parents=True)
    with pytest.raises(ValueError, match="nobody is left"):
        IdentityFolder(empty.parent, skip_bad=True)


def test_folders_that_are_none(people, tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        IdentityFolder(tmp_path / "nowhere")
    with pytest.raises(ValueError, match=r"one for each person.*3 pictures, but whose"):
        IdentityFolder(people / "s1")


@pytest.mark.parametrize(("options", "error"), [({"size": 5}, TypeError), ({"size": (0, 5)}, ValueError),
                                                ({"least": 0}, ValueError), ({"least": 1.5}, ValueError)])  # fmt: skip
def test_options_that_mean_nothing(people, options, error):
    with pytest.raises(error):
        IdentityFolder(people, **options)


PAIRS = "2 1\ns1 1 2\ns1 1 s2 2\ns2\t1\t10\ns10 1 s2 1\n"


def test_pairs_are_read_fold_by_fold(people):
    (people / "pairs.txt").write_text(PAIRS)
    folds = read_pairs(people / "pairs.txt", people)
    assert [[same for *_, same in fold] for fold in folds] == [[True, False], [True, False]]
    assert folds[1][0][:2] == (people / "s2" / "1.pgm", people / "s2" / "10.pgm")
    files = set(IdentityFolder(people).files)
    assert all({a, b} <= files for fold in folds for a, b, _ in fold)


def test_pairs_name_pictures_as_lfw_does(tmp_path):
    picture(tmp_path / "Ada_L" / "Ada_L_0001.jpg", 1)
    picture(tmp_path / "Ada_L" / "Ada_L_0012.jpg", 2)
    picture(tmp_path / "Bo" / "Bo_0001.jpg", 3)
    (tmp_path / "pairs.txt").write_text("1\nAda_L\t1\t12\nAda_L\t12\tBo\t1\n")
    ((first, second),) = read_pairs(tmp_path / "pairs.txt", tmp_path)
    assert [path.name for path in first[:2]] == ["Ada_L_0001.jpg", "Ada_L_0012.jpg"]
    assert second[1].name == "Bo_0001.jpg" and not second[2]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "first line"),
        ("s1 1 2\n", "first line"),
        ("0 3\n", "0 fold"),
        (PAIRS.rsplit("\n", 2)[0], "cut off"),
        (PAIRS.replace("s1 1 s2 2", "s1 1 s2"), "line 3: expected name i name j"),
        (PAIRS.replace("s1 1 2", "s1 1 3"), r"line 2: there is no picture s1_0003\.jpg or 3\.pgm"),
        (PAIRS.replace("s1 1 2", "s1 1 x"), "line 2: 'x' is no number"),
        (PAIRS.replace("s1 1 2", "s1 1 " + "9" * 5000), "line 2: '99999999999999999999' is no number"),
        ("9" * 5000, "first line"),
        (PAIRS.replace("s1 1 2", "../s1 1 2"), "is no name of a folder"),
        (PAIRS.replace("s1 1 2", ".. 1 2"), "is no name of a folder"),
    ],
)
def test_pairs_that_are_none(people, text, words):
    (people / "pairs.txt").write_text(text)
    with pytest.raises(ValueError, match=words):
        read_pairs(people / "pairs.txt", people)
