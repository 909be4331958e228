"""The Pascal-VOC loader on tiny folders written here: pixel convention, splits, and every kind of defect."""

import sys
import warnings

import numpy as np
import pytest

from pyconvnet.data import VOCDetection, voc_splits
from pyconvnet.data.pictures import read_picture

Image = pytest.importorskip("PIL.Image", reason="reading picture files needs Pillow")

OBJECT = "<object><name>{name}</name><difficult>{difficult}</difficult>{box}</object>"
BOX = "<bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox>"


def thing(name="cell", box=(3, 2, 10, 8), difficult=0):
    return OBJECT.format(name=name, difficult=difficult, box=BOX.format(*box))


def annotation(*objects, size=(16, 20), filename="x.jpg"):
    shape = f"<size><width>{size[1]}</width><height>{size[0]}</height><depth>3</depth></size>" if size else ""
    return f"<annotation><filename>{filename}</filename>{shape}{''.join(objects)}</annotation>"


class Folder:
    def __init__(self, root, names=("Annotations", "JPEGImages")):
        self.root = root
        self.annotations, self.pictures = (root / name for name in names)
        self.annotations.mkdir(parents=True)
        self.pictures.mkdir()

    def add(self, name, xml=None, size=(16, 20), ending="png"):
        pixels = np.random.default_rng(len(name)).integers(0, 256, (*size, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(self.pictures / f"{name}.{ending}")
        (self.annotations / f"{name}.xml").write_text(annotation(thing()) if xml is None else xml)
        return pixels

    def split(self, **splits):
        (self.root / "ImageSets" / "Main").mkdir(parents=True, exist_ok=True)
        for split, names in splits.items():
            (self.root / "ImageSets" / "Main" / f"{split}.txt").write_text("\n".join(names) + "\n")
        return self


@pytest.fixture
def folder(tmp_path):
    """One sound picture "good", listed as the training split; tests add to it."""
    folder = Folder(tmp_path / "voc")
    folder.add("good")
    return folder.split(train=["good"], test=["good"])


def test_pixels_counted_from_one_become_continuous_coordinates(folder):
    pixels = folder.add("a", annotation(thing(box=(1, 1, 20, 16)), thing("dot", (4, 5, 9, 7), difficult=1)))
    dataset = VOCDetection(folder.split(train=["a", "good"]).root)
    image, (boxes, labels, difficult) = dataset[0]
    assert len(dataset) == 2 and dataset.ids == ["a", "good"] and dataset.classes == ("cell", "dot")
    assert image.dtype == np.float32 and np.array_equal(image, pixels.transpose(2, 0, 1) / np.float32(255))
    assert boxes.dtype == np.float32 and boxes.tolist() == [[0, 0, 20, 16], [3, 4, 9, 7]]
    assert labels.dtype == np.int64 and labels.tolist() == [0, 1]
    assert difficult.dtype == bool and difficult.tolist() == [False, True]


def test_one_pixel_of_overhang_is_clipped(folder):
    folder.add("good", annotation(thing(box=(0, 0, 5, 5)), thing(box=(15, 10, 21, 17))))
    boxes = VOCDetection(folder.root)[0][1][0]
    assert boxes.tolist() == [[0, 0, 5, 5], [14, 9, 20, 16]]


def test_resizing_scales_boxes_and_remembers_the_original(folder):
    dataset = VOCDetection(folder.root, size=(8, 40))
    image, (boxes, _, _) = dataset[0]
    assert image.shape == (3, 8, 40) and dataset.original_sizes == [(16, 20)]
    assert boxes.tolist() == [[4, 0.5, 20, 4]]


def test_shrinking_averages_the_pixels(folder):
    pixels = folder.add("good")
    image, _ = VOCDetection(folder.root, size=(8, 10))[0]
    mean = pixels.reshape(8, 2, 10, 2, 3).mean((1, 3)).transpose(2, 0, 1) / 255
    assert np.abs(image - mean).max() <= 1.01 / 255  # two passes, each rounded


def test_no_objects_is_legal(folder):
    folder.add("good", annotation())
    _, (boxes, labels, difficult) = VOCDetection(folder.root, classes=["cell"])[0]
    assert boxes.shape == (0, 4) and labels.shape == difficult.shape == (0,)


def test_lower_case_folders_and_every_kind_of_picture(tmp_path):
    folder = Folder(tmp_path, ("annotations", "images"))
    for ending in ("jpg", "png", "bmp", "JPEG"):
        folder.add(f"p{ending}", ending=ending)
    grey = Image.new("L", (20, 16), 51)
    grey.save(folder.pictures / "pbmp.bmp")
    dataset = VOCDetection(tmp_path, "all")
    assert dataset.ids == ["pJPEG", "pbmp", "pjpg", "ppng"]
    assert np.allclose(dataset[1][0], 0.2)


def test_classes_are_the_same_in_every_split(folder):
    folder.add("other", annotation(thing("aaa")))
    folder.split(train=["good"], test=["other"])
    train, test = VOCDetection(folder.root), VOCDetection(folder.root, "test")
    assert train.classes == test.classes == ("aaa", "cell")
    assert train[0][1][1].tolist() == [1] and test[0][1][1].tolist() == [0]
    assert VOCDetection(folder.root, classes=["cell", "aaa"])[0][1][1].tolist() == [0]
    with pytest.raises(ValueError, match=r"other.xml: object 1 \(aaa\): not one of \('cell',\)"):
        VOCDetection(folder.root, "test", classes=["cell"])
    with pytest.raises(TypeError, match="sequence of names"):
        VOCDetection(folder.root, classes="cell")


def test_official_splits(folder):
    for name in "ab":
        folder.add(name)
    folder.split(train=["good"], val=["b", "b", ""], test=["a"])
    splits, official = voc_splits(folder.root)
    assert official and splits["trainval"] == ["good", "b"] and splits["all"] == ["good", "b", "a"]
    assert VOCDetection(folder.root, "val").ids == ["b"]
    with pytest.raises(ValueError, match="no split 'dev'; it has train, val, test, trainval, all"):
        VOCDetection(folder.root, "dev")


def test_seeded_split_is_printed_and_whole(tmp_path, capsys):
    folder = Folder(tmp_path)
    for k in range(20):
        folder.add(f"p{k:02}")
    names = ("train", "val", "test", "trainval")
    parts = {split: VOCDetection(tmp_path, split, seed=3).ids for split in names}
    printed = capsys.readouterr().out
    assert "no split files; split by seed 3 (train 12, val 4, test 4)" in printed
    assert ", ".join(parts["test"]) in printed
    assert sorted(parts["train"] + parts["val"] + parts["test"]) == voc_splits(tmp_path)[0]["all"]
    assert parts["trainval"] == sorted(parts["train"] + parts["val"])
    assert voc_splits(tmp_path, seed=3)[0]["test"] == parts["test"] != voc_splits(tmp_path, seed=4)[0]["test"]


def test_zero_area_boxes_are_left_out_with_one_warning(folder):
    folder.add("a", annotation(thing(box=(5, 5, 5, 5)), thing(), thing(box=(5, 5, 9, 5))))
    folder.add("b", annotation(thing(box=(21, 5, 21, 9))))
    with pytest.warns(UserWarning, match=r"train.*: 3 box\(es\) of zero area left out") as caught:
        dataset = VOCDetection(folder.split(train=["a", "b"]).root)
    assert len(caught) == 1 and caught[0].filename == __file__
    assert [len(dataset[i][1][1]) for i in range(2)] == [1, 0]


OBJECT_DEFECTS = {
    "x2 < x1": (thing(box=(10, 2, 3, 8)), r"object 2 \(cell\): xmax 3 is less than xmin 10"),
    "y2 < y1": (thing(box=(3, 8, 10, 2)), r"object 2 \(cell\): ymax 2 is less than ymin 8"),
    "too far right": (thing(box=(3, 2, 22, 8)), r"object 2 \(cell\): box .*xmax 22.* outside the picture"),
    "too far down": (thing(box=(3, 2, 10, 18)), r"object 2 \(cell\): .* outside the picture"),
    "negative": (thing(box=(-1, 2, 10, 8)), r"object 2 \(cell\): box xmin -1, .* outside the picture"),
    "beyond": (thing(box=(300, 200, 310, 210)), r"object 2 \(cell\): .* outside the picture"),
    "no number": (thing(box=("three", 2, 10, 8)), r"object 2 \(cell\): <xmin> must be a number, got 'three'"),
    "nan": (thing(box=(3, 2, 10, "nan")), r"object 2 \(cell\): <ymax> must be a number, got 'nan'"),
    "empty number": (thing(box=(3, "", 10, 8)), r"object 2 \(cell\): <ymin> is missing or empty"),
    "no box": ("<object><name>cell</name></object>", r"object 2 \(cell\): <bndbox> is missing"),
    "no side": ("<object><name>cell</name><bndbox/></object>", r"object 2 \(cell\): <xmin> is missing"),
    "no name": (thing(name=""), r"object 2 \(without <name>\): every object needs the <name>"),
    "difficult": (thing(difficult="yes"), r"object 2 \(cell\): <difficult> must be 0 or 1, got 'yes'"),
}


@pytest.mark.parametrize("defect", OBJECT_DEFECTS)
def test_a_defective_object_is_named_or_skipped(folder, capsys, defect):
    element, message = OBJECT_DEFECTS[defect]
    folder.add("good", annotation(thing(), element, thing(box=(1, 1, 4, 4))))
    with pytest.raises(ValueError, match=r"good.xml: " + message):
        VOCDetection(folder.root)
    dataset = VOCDetection(folder.root, skip_bad=True)
    assert dataset[0][1][0].tolist() == [[2, 1, 10, 8], [0, 0, 4, 4]]
    assert len(dataset.skipped) == 1 and dataset.skipped[0] in capsys.readouterr().out


def truncate(path, keep=0.6):
    path.write_bytes(path.read_bytes()[: int(keep * path.stat().st_size)])


def written(text, encoding="utf-8"):
    """The damage of replacing the annotation of "bad" by this text."""
    return lambda folder: (folder.annotations / "bad.xml").write_text(text, encoding=encoding)


ENTITIES = '<!DOCTYPE annotation [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><annotation>&b;</annotation>'
NO_WIDTH = "<annotation><size><height>9</height></size></annotation>"
NO_PICTURE, NO_XML = "bad.png: unreadable or truncated picture", "bad.xml: unreadable or truncated XML"
FILE_DEFECTS = {
    "truncated picture": (lambda f: truncate(f.pictures / "bad.png"), NO_PICTURE),
    "no picture": (lambda f: (f.pictures / "bad.png").write_text("hello"), NO_PICTURE),
    "empty picture": (lambda f: (f.pictures / "bad.png").write_bytes(b""), NO_PICTURE),
    "missing picture": (lambda f: (f.pictures / "bad.png").unlink(), "its picture is missing: no bad.jpg"),
    "missing XML": (lambda f: (f.annotations / "bad.xml").unlink(), r"the annotation of 'bad' .* is missing"),
    "truncated XML": (lambda f: truncate(f.annotations / "bad.xml"), NO_XML),
    "empty XML": (written(""), NO_XML),
    "unknown encoding": (written('<?xml version="1.0" encoding="klingon"?><annotation/>'), NO_XML),
    "other XML": (written("<html/>"), "bad.xml: the outermost element must be <annotation>, got <html>"),
    "entities": (written(ENTITIES), "a DOCTYPE is not allowed"),
    "entities in UTF-16": (written(ENTITIES, "utf-16"), "a DOCTYPE is not allowed"),
    "no size": (written(annotation(thing(), size=None)), "bad.xml: <size> is missing"),
    "no width": (written(NO_WIDTH), "bad.xml: <size>: <width> is missing or empty"),
    "zero size": (written(annotation(size=(0, 20))), "<size>: height must be a positive integer, got 0"),
    "swapped size": (
        written(annotation(size=(20, 16))),
        "height 20, width 16, but the picture has height 16, width 20: the two are swapped",
    ),
    "other size": (
        written(annotation(size=(32, 40))),
        "height 32, width 40, but the picture has height 16, width 20: was the picture resized",
    ),
}


@pytest.mark.parametrize("defect", FILE_DEFECTS)
def test_a_defective_file_is_named_or_skipped(folder, capsys, defect):
    damage, message = FILE_DEFECTS[defect]
    folder.add("bad")
    folder.split(train=["bad", "good"])
    damage(folder)
    with pytest.raises(ValueError, match=message):
        VOCDetection(folder.root)
    dataset = VOCDetection(folder.root, skip_bad=True)
    printed = capsys.readouterr().out
    assert dataset.ids == ["good"] and len(dataset) == 1
    assert "1 defective object(s) or picture(s) left out" in printed and dataset.skipped[0] in printed
    assert VOCDetection(folder.root, "test").ids == ["good"], "a defect in one split does not stop another"
    folder.split(train=["bad"])
    with pytest.raises(ValueError, match=r"no picture is left; the first defect was: .*bad"):
        VOCDetection(folder.root, skip_bad=True)


@pytest.mark.parametrize("ending", ["jpg", "png", "bmp"])
@pytest.mark.parametrize("keep", [0.02, 0.3, 0.7, 0.97])
def test_truncation_is_noticed_wherever_it_is(folder, ending, keep):
    folder.add("bad", ending=ending, size=(64, 64))
    truncate(folder.pictures / f"bad.{ending}", keep)
    with pytest.raises(ValueError, match="unreadable or truncated picture"):
        read_picture(folder.pictures / f"bad.{ending}")


def test_the_picture_may_be_named_in_the_xml(folder):
    (folder.annotations / "renamed.xml").write_text(annotation(thing(), filename="good.png"))
    assert len(VOCDetection(folder.split(train=["renamed"]).root)) == 1


def test_folder_errors(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        VOCDetection(tmp_path / "nowhere")
    with pytest.raises(ValueError, match=r"needs the folders Annotations and .* nothing, it is empty"):
        VOCDetection(tmp_path)
    (tmp_path / "Annotations").mkdir()
    with pytest.raises(ValueError, match="it holds Annotations"):
        VOCDetection(tmp_path)
    (tmp_path / "JPEGImages").mkdir()
    with pytest.raises(ValueError, match="are empty: no annotation, no picture"):
        VOCDetection(tmp_path)


def test_empty_split_and_single_picture(folder, tmp_path):
    with pytest.raises(ValueError, match=r"split 'train' of .* is empty"):
        VOCDetection(folder.split(train=[]).root)
    alone = Folder(tmp_path / "alone")
    alone.add("only")
    assert VOCDetection(alone.root, "all").ids == VOCDetection(alone.root, "test").ids == ["only"]


@pytest.mark.parametrize(("size", "error"), [(64, TypeError), ((64,), TypeError), ((0, 8), ValueError)])
def test_size_errors(folder, size, error):
    with pytest.raises(error, match="size"):
        VOCDetection(folder.root, size=size)


def test_missing_pillow_names_the_extra(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ImportError, match=r"pip install 'pyconvnet\[lectures\]'"):
        VOCDetection(folder.root)


def test_progress_wraps_the_names_and_a_sound_folder_is_silent(folder, capsys):
    seen = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        VOCDetection(folder.root, progress=lambda names: seen.extend(names) or names)
    assert seen == ["good"] and capsys.readouterr().out == ""
