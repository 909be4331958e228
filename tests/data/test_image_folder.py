"""Class folders: which label a picture has, sizes, and what is said of a defective folder or file."""

import numpy as np
import pytest

pytest.importorskip("PIL")

from PIL import Image

from pyconvnet.data import ImageFolder


def picture(path, level, size=(12, 10)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (level, 0, 0)).save(path)


@pytest.fixture
def folder(tmp_path):
    for name, level in (("cat", 10), ("ant", 20), ("bee", 30)):
        for k in range(2):
            picture(tmp_path / name / f"{k}.png", level + k, size=(12 + k, 10))
    (tmp_path / "README").write_text("not a picture")
    (tmp_path / ".cache").mkdir()
    (tmp_path / "ant" / "notes.txt").write_text("not a picture either")
    return tmp_path


def test_classes_in_alphabetical_order_and_pictures_as_they_are(folder):
    data = ImageFolder(folder)
    assert data.classes == ("ant", "bee", "cat") and len(data) == 6
    assert data.labels.tolist() == [0, 0, 1, 1, 2, 2] and data.labels.dtype == np.int64
    assert [file.name for file in data.files[:2]] == ["0.png", "1.png"]
    image, label = data[3]
    assert image.shape == (3, 10, 13) and image.dtype == np.float32 and label == 1
    np.testing.assert_allclose(image[:, 0, 0], (31 / 255, 0, 0), rtol=1e-6)
    assert len(list(data)) == 6 and data[-1][1] == 2


def test_resized_and_with_classes_of_ones_own(folder):
    data = ImageFolder(folder, size=(5, 6), classes=["cat", "dog", "bee", "ant"])
    assert data[0][0].shape == (3, 5, 6) and data.classes == ("cat", "dog", "bee", "ant")
    assert data.labels.tolist() == [3, 3, 2, 2, 0, 0]


def test_defects(folder, tmp_path):
    (folder / "bee" / "0.png").write_bytes(b"\x89PNG broken")
    with pytest.raises(ValueError, match=r"bee.0\.png: unreadable"):
        ImageFolder(folder)
    data = ImageFolder(folder, skip_bad=True)
    assert len(data) == 5 and "0.png" in data.skipped[0] and data.classes == ("ant", "bee", "cat")
    with pytest.raises(ValueError, match="ant is none of the classes bee, cat"):
        ImageFolder(folder, classes=("bee", "cat"))
    with pytest.raises(TypeError, match="sequence of names, got the one name 'cat'"):
        ImageFolder(folder, classes="cat")
    with pytest.raises(ValueError, match=r"holds no folder.*there are 1 pictures, but of what"):
        picture(folder / "flat" / "0.png", 1)
        ImageFolder(folder / "flat")
    (folder / "hollow" / "a").mkdir(parents=True)
    with pytest.raises(ValueError, match="hold no picture"):
        ImageFolder(folder / "hollow")
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        ImageFolder(folder / "nowhere")
    with pytest.raises(IndexError, match="out of range for 5 samples"):
        data[5]
