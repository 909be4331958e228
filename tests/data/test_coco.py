"""The COCO loader on small files written here: boxes, ids, splits, where pictures are, and every kind of defect."""

import json
import warnings

import numpy as np
import pytest

from pyconvnet.data import COCODetection, seeded_splits

Image = pytest.importorskip("PIL.Image", reason="reading picture files needs Pillow")


def content():
    """Three pictures of 20 x 16, the last without annotation; ids in no order, and ids of 0."""
    return {
        "info": {"year": 2026},
        "images": [
            {"id": 7, "file_name": "b.png", "width": 20, "height": 16},
            {"id": 0, "file_name": "a.png", "width": 20, "height": 16},
            {"id": 9, "file_name": "c.png", "width": 20, "height": 16},
        ],
        "annotations": [
            {"id": 0, "image_id": 0, "category_id": 18, "bbox": [2, 1, 8, 7], "iscrowd": 0, "area": 56},
            {"id": 5, "image_id": 7, "category_id": 0, "bbox": [0, 0, 20, 16], "iscrowd": 1, "segmentation": []},
            {"id": 3, "image_id": 0, "category_id": 0, "bbox": [1.5, 2.25, 3.5, 4]},
        ],
        "categories": [{"id": 18, "name": "cell"}, {"id": 0, "name": "dot"}, {"id": 3, "name": "ant"}],
    }


class Written:
    """A file and its pictures in a folder of their own; `change(part, index, **entries)` damages it."""

    def __init__(self, root):
        self.root, self.file, self.content = root, root / "instances.json", content()
        self.pixels = {}
        root.mkdir(exist_ok=True)
        for k, name in enumerate(("a.png", "b.png", "c.png")):
            self.pixels[name] = np.random.default_rng(k).integers(0, 256, (16, 20, 3), dtype=np.uint8)
            Image.fromarray(self.pixels[name]).save(root / name)
        self.write()

    def write(self, text=None):
        self.file.write_text(json.dumps(self.content) if text is None else text)
        return self.file

    def change(self, part, index, without=(), **entries):
        self.content[part][index].update(entries)
        for key in (without,) if isinstance(without, str) else without:
            del self.content[part][index][key]
        return self.write()

    def all(self, **options):
        return COCODetection(self.file, split="all", **options)


@pytest.fixture
def written(tmp_path):
    return Written(tmp_path / "coco")


def test_what_is_written_is_read(written, capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dataset = written.all()
    assert capsys.readouterr().out == "", "a sound file read whole is silent"
    assert len(dataset) == 3 and dataset.ids == [0, 7, 9] and dataset.classes == ("dot", "ant", "cell")
    image, (boxes, labels, crowd) = dataset[0]
    assert image.dtype == np.float32
    assert np.array_equal(image, written.pixels["a.png"].transpose(2, 0, 1) / np.float32(255))
    assert boxes.dtype == np.float32 and boxes.tolist() == [[2, 1, 10, 8], [1.5, 2.25, 5, 6.25]]
    assert labels.dtype == np.int64 and labels.tolist() == [2, 0]
    assert crowd.dtype == bool and crowd.tolist() == [False, False]
    assert dataset[1][1][2].tolist() == [True]
    boxes, labels, crowd = dataset[2][1]
    assert boxes.shape == (0, 4) and labels.shape == crowd.shape == (0,)


def test_samples_are_copies(written):
    dataset = written.all()
    dataset[0][1][0][:] = 0
    assert dataset[0][1][0].any()


def test_resizing_scales_boxes_and_asks_a_function_of_the_sizes(written):
    assert written.all(size=(8, 40))[0][1][0].tolist()[0] == [4, 0.5, 20, 4]
    seen = []
    dataset = written.all(size=lambda sizes: seen.extend(sizes) or (32, 20))
    assert seen == [(16, 20)] * 3 == dataset.original_sizes and dataset[0][0].shape == (3, 32, 20)
    for size, error in ((64, TypeError), ((0, 8), ValueError)):
        with pytest.raises(error, match="COCODetection: size"):
            written.all(size=size)


@pytest.mark.parametrize("place", [".", "images", "../images", "elsewhere"])
def test_where_pictures_are_looked_for(written, place):
    folder = written.root / place
    folder.mkdir(exist_ok=True)
    if place != ".":
        for name in written.pixels:
            (written.root / name).rename(folder / name)
    assert len(written.all(images=folder if place == "elsewhere" else None)) == 3
    with pytest.raises(FileNotFoundError, match=r"no folder .*nowhere with the pictures"):
        written.all(images=written.root / "nowhere")


def test_pictures_in_folders_below(written):
    (written.root / "sub").mkdir()
    (written.root / "a.png").rename(written.root / "sub" / "a.png")
    written.change("images", 1, file_name="sub/a.png")
    assert len(written.all()) == 3


def test_ids_may_be_strings_or_whole_floats(written):
    written.change("images", 0, id="000007")
    written.change("annotations", 1, image_id="000007", category_id=18.0, id=5.0)
    dataset = written.all()
    assert dataset.ids == [0, 9, "000007"] and dataset[2][1][1].tolist() == [2]


def test_rounding_at_the_border_is_clipped(written):
    written.change("annotations", 0, bbox=[-0.4, 12, 20.9, 5])
    assert written.all()[0][1][0][0].tolist() == [0, 12, 20, 16]


@pytest.mark.parametrize("bbox", [[5, 5, 0, 3], [5, 5, 3, 0], [5, 5, 0, 0], [20, 3, 1, 2], [5, 5, 1e-12, 3]])
def test_boxes_without_area_are_left_out_with_one_warning(written, bbox):
    written.change("annotations", 0, bbox=bbox)
    with pytest.warns(UserWarning, match=r"split 'all': 1 box\(es\) of zero area left out") as caught:
        dataset = COCODetection(written.file, split="all")
    assert len(caught) == 1 and caught[0].filename == __file__
    assert dataset[0][1][1].tolist() == [0] and len(dataset[0][1][2]) == 1


def test_classes_given(written):
    assert written.all(classes=["cell", "dot"])[0][1][1].tolist() == [0, 1]
    with pytest.raises(ValueError, match=r"annotation 3 \('dot'\): not one of \('cell',\)"):
        written.all(classes=["cell"])
    with pytest.raises(TypeError, match="COCODetection: classes is a sequence of names"):
        written.all(classes="cell")


def test_categories_of_one_name_are_one_class(written):
    written.change("categories", 2, name="cell")
    with pytest.warns(UserWarning, match="two categories are named 'cell': read as one class") as caught:
        dataset = COCODetection(written.file, split="all")
    assert caught[0].filename == __file__
    assert dataset.classes == ("dot", "cell") and dataset[0][1][1].tolist() == [1, 0]


def test_the_seeded_split_is_printed_and_whole(written, capsys):
    entry = written.content["images"][0]
    written.content["images"] = [entry | {"id": k, "file_name": f"p{k}.png"} for k in range(20)]
    written.content["annotations"][1]["image_id"] = 3
    written.write()
    for k in range(20):
        (written.root / f"p{k}.png").write_bytes((written.root / "a.png").read_bytes())
    parts = {name: COCODetection(written.file, split=name, seed=3) for name in ("train", "val", "test", "trainval")}
    printed = capsys.readouterr().out
    assert "instances.json is one file; split by seed 3 (train 12, val 4, test 4); train: " in printed
    assert "; test: " + ", ".join(map(str, parts["test"].ids)) in printed
    assert {name: part.ids for name, part in parts.items()} | {"all": list(range(20))} == seeded_splits(range(20), 3)
    assert parts["test"].ids != COCODetection(written.file, split="test", seed=4).ids
    with pytest.raises(ValueError, match="no split 'dev'; it has train, val, trainval, test, all"):
        COCODetection(written.file, split="dev")


def test_a_split_that_is_empty(written):
    written.content["images"] = written.content["images"][1:2]
    del written.content["annotations"][1]
    written.write()
    assert COCODetection(written.file, split="test").ids == [0]
    with pytest.raises(ValueError, match=r"split 'train' of .* is empty"):
        COCODetection(written.file)


DAMAGED_FILES = {
    "empty": ("", "the file is empty"),
    "blank": (" \n", "the file is empty"),
    "no JSON": ("hello", "not JSON, or truncated"),
    "truncated": (json.dumps(content())[:-40], "not JSON, or truncated"),
    "code": ("__import__('os').getcwd()", "not JSON, or truncated"),
    "deep": ("[" * 100_000, "lists inside lists too deep to read"),
    "digits": ('{"images": ' + "9" * 5000 + "}", "not JSON, or truncated"),
    "a list": ("[]", "got a list, but a COCO file is one JSON object .* a file of detections"),
    "a number": ("3", "got a number, but a COCO file is one JSON object"),
    "no images": ('{"annotations": [], "categories": []}', "'images' is missing"),
    "no annotations": ('{"images": [1], "categories": []}', "'annotations' is missing"),
    "no categories": ('{"images": [1], "annotations": [1]}', "'categories' is missing"),
    "null": ('{"images": null, "annotations": [], "categories": []}', "'images' must be a list, got null"),
    "images empty": ('{"images": [], "annotations": [], "categories": []}', "'images' is empty"),
    "annotations empty": ('{"images": [1], "annotations": [], "categories": [1]}', "'annotations' is empty"),
    "categories empty": ('{"images": [1], "annotations": [1], "categories": []}', "'categories' is empty"),
}


@pytest.mark.parametrize("skip_bad", [False, True])
@pytest.mark.parametrize("damage", DAMAGED_FILES)
def test_a_damaged_file_is_never_skipped(written, damage, skip_bad):
    text, message = DAMAGED_FILES[damage]
    written.write(text)
    with pytest.raises(ValueError, match=r"instances\.json: " + message):
        written.all(skip_bad=skip_bad)


def test_bytes_that_are_no_text(written):
    written.file.write_bytes(b'\xff\xfe{"images": \x80')
    with pytest.raises(ValueError, match=r"instances\.json: not JSON"):
        written.all()
    written.file.write_bytes(json.dumps(content()).encode("utf-8-sig"))
    assert len(written.all()) == 3


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"without": "id"}, r"categories\[1\]: 'id' is missing"),
        ({"id": 18}, r"categories\[1\]: the category id 18 is given twice"),
        ({"id": "0"}, r"categories\[1\]: 'id' must be an integer, got '0'"),
        ({"without": "name"}, r"categories\[1\]: 'name' is missing"),
        ({"name": " "}, r"categories\[1\]: 'name' must be the name of a class, got ' '"),
        ({"name": "\ud800"}, r"categories\[1\]: 'name' must be the name of a class"),
    ],
)
def test_damaged_categories_are_never_skipped(written, entries, message):
    written.change("categories", 1, **entries)
    for skip_bad in (False, True):
        with pytest.raises(ValueError, match=r"instances\.json: " + message):
            written.all(skip_bad=skip_bad)


FOUR = r"annotation 0 \('cell'\): 'bbox' must be four finite numbers \[x, y, width, height\], got "
NAN, HUGE = float("nan"), 10**400
ANNOTATION_DEFECTS = {
    "no id": ({"without": "id"}, r"annotations\[0\]: 'id' is missing"),
    "id null": ({"id": None}, r"annotations\[0\]: 'id' must be an integer or a string, got None"),
    "id true": ({"id": True}, r"annotations\[0\]: 'id' must be an integer or a string, got True"),
    "id a list": ({"id": [1]}, r"annotations\[0\]: 'id' must be an integer or a string, got \[1\]"),
    "id nan": ({"id": NAN}, r"annotations\[0\]: 'id' must be an integer or a string, got nan"),
    "no image_id": ({"without": "image_id"}, "annotation 0: 'image_id' is missing"),
    "image_id unknown": ({"image_id": 4}, "annotation 0: image_id 4 is unknown: not among the images"),
    "image_id a string": ({"image_id": "7"}, "annotation 0: image_id '7' is unknown"),
    "image_id half": ({"image_id": 0.5}, "annotation 0: 'image_id' must be an integer or a string, got 0.5"),
    "no category": ({"without": "category_id"}, "annotation 0: 'category_id' is missing"),
    "category unknown": ({"category_id": 1}, "annotation 0: category_id 1 is unknown: not among the categories"),
    "category a list": ({"category_id": [18]}, r"annotation 0: 'category_id' must be an integer or a string"),
    "no bbox": ({"without": "bbox"}, r"annotation 0 \('cell'\): 'bbox' is missing"),
    "bbox null": ({"bbox": None}, FOUR + "None"),
    "bbox short": ({"bbox": [1, 2, 3]}, FOUR + r"\[1, 2, 3\]"),
    "bbox long": ({"bbox": [1, 2, 3, 4, 5]}, FOUR),
    "bbox an object": ({"bbox": {"x": 1}}, FOUR),
    "bbox of text": ({"bbox": ["1", 2, 3, 4]}, FOUR + r"\['1', 2, 3, 4\]"),
    "bbox nan": ({"bbox": [1, NAN, 3, 4]}, FOUR + r"\[1, nan, 3, 4\]"),
    "bbox infinite": ({"bbox": [1, 2, float("inf"), 4]}, FOUR + r"\[1, 2, inf, 4\]"),
    "bbox huge": ({"bbox": [1, 2, HUGE, 4]}, FOUR),
    "bbox true": ({"bbox": [1, 2, True, 4]}, FOUR),
    "negative width": ({"bbox": [8, 2, -3, 4]}, r"annotation 0 \('cell'\): bbox .* \[8, 2, -3, 4\] has a negative"),
    "negative height": ({"bbox": [8, 2, 3, -4]}, r"annotation 0 \('cell'\): bbox .* has a negative size"),
    "left": ({"bbox": [-2, 2, 3, 4]}, r"annotation 0 \('cell'\): bbox .* is outside of the picture \(width 20"),
    "above": ({"bbox": [2, -2, 3, 4]}, r"annotation 0 \('cell'\): bbox .* is outside of the picture"),
    "right": ({"bbox": [10, 2, 12, 4]}, r"annotation 0 \('cell'\): bbox .* is outside of the picture"),
    "below": ({"bbox": [1, 2, 3, 15.5]}, r"annotation 0 \('cell'\): bbox .* is outside of the picture"),
    "far": ({"bbox": [1e308, 2, 1e308, 4]}, r"annotation 0 \('cell'\): bbox .* is outside of the picture"),
    "iscrowd": ({"iscrowd": "no"}, r"annotation 0 \('cell'\): 'iscrowd' must be 0 or 1, got 'no'"),
    "iscrowd a list": ({"iscrowd": []}, r"annotation 0 \('cell'\): 'iscrowd' must be 0 or 1, got \[\]"),
}


@pytest.mark.parametrize("defect", ANNOTATION_DEFECTS)
def test_a_defective_annotation_is_named_or_skipped(written, capsys, defect):
    entries, message = ANNOTATION_DEFECTS[defect]
    written.change("annotations", 0, **entries)
    with pytest.raises(ValueError, match=r"instances\.json: " + message):
        written.all()
    dataset = written.all(skip_bad=True)
    assert dataset.ids == [0, 7, 9] and dataset[0][1][1].tolist() == [0]
    printed = capsys.readouterr().out
    assert "1 defective object(s) or picture(s) left out" in printed and dataset.skipped[0] in printed


def test_an_annotation_that_is_no_object_and_one_given_twice(written):
    written.content["annotations"].append(dict(written.content["annotations"][0], image_id=9))
    written.write()
    with pytest.raises(ValueError, match="annotation 0: this id is given to two annotations"):
        written.all()
    assert [len(dataset[1][1]) for dataset in written.all(skip_bad=True)] == [2, 1, 0]
    written.content["annotations"][-1] = "cell"
    written.write()
    with pytest.raises(ValueError, match=r"annotations\[3\]: must be a JSON object \{...\}, got a string"):
        written.all()
    assert len(written.all(skip_bad=True).skipped) == 1


def truncate(path):
    path.write_bytes(path.read_bytes()[:200])


def changed(**entries):
    return lambda written: written.change("images", 1, **entries)


SIDE = "must be an integer from 1 to 1048576"
PICTURE_DEFECTS = {
    "no width": (changed(without="width"), "image 0: 'width' is missing"),
    "height zero": (changed(height=0), f"image 0: 'height' {SIDE}, got 0"),
    "height half": (changed(height=15.5), f"image 0: 'height' {SIDE}, got 15.5"),
    "width nan": (changed(width=NAN), f"image 0: 'width' {SIDE}, got nan"),
    "width huge": (changed(width=HUGE), f"image 0: 'width' {SIDE}, got 1000"),
    "width text": (changed(width="20"), f"image 0: 'width' {SIDE}, got '20'"),
    "swapped": (changed(width=16, height=20), r"image 0 \('a.png'\) says height 20, width 16, but .* swapped"),
    "other size": (changed(width=40, height=32), r"image 0 \('a.png'\) says height 32, width 40, but .* resized"),
    "no name": (changed(without="file_name"), "image 0: 'file_name' is missing"),
    "name a number": (changed(file_name=3), "image 0: 'file_name' must be the name of a file, got 3"),
    "name empty": (changed(file_name=""), "image 0: 'file_name' must be the name of a file, got ''"),
    "name outside": (changed(file_name="../b.png"), "image 0: file_name '../b.png' must stay inside"),
    "name absolute": (changed(file_name="/etc/passwd"), "image 0: file_name '/etc/passwd' must stay inside"),
    "name long": (changed(file_name="a" * 5000), "image 0: its picture is missing"),
    "name odd": (changed(file_name="a\0\ud800"), "image 0: its picture is missing"),
    "a folder": (changed(file_name="."), "image 0: its picture is missing"),
    "missing": (lambda w: (w.root / "a.png").unlink(), "image 0: its picture is missing: no 'a.png' in .*images"),
    "cut off": (lambda w: truncate(w.root / "a.png"), "a.png: unreadable or truncated picture"),
    "no picture": (lambda w: (w.root / "a.png").write_text("hello"), "a.png: unreadable or truncated picture"),
    "file twice": (changed(file_name="./b.png"), "image 0: the same file 'b.png' is also image 7"),
}


@pytest.mark.parametrize("defect", PICTURE_DEFECTS)
def test_a_defective_picture_is_named_or_skipped(written, capsys, defect):
    damage, message = PICTURE_DEFECTS[defect]
    damage(written)
    with pytest.raises(ValueError, match=message):
        written.all()
    with pytest.raises(ValueError, match=message):  # a function of the sizes meets the damaged one, too
        written.all(size=lambda sizes: np.median(sizes, axis=0).astype(int))
    dataset = written.all(skip_bad=True)
    assert dataset.ids == [7, 9] and len(dataset.skipped) == 1 and dataset.skipped[0] in capsys.readouterr().out


def test_an_image_id_given_twice_or_missing(written):
    written.change("images", 2, id=0)
    with pytest.raises(ValueError, match="image 0: this id is given to two pictures"):
        written.all()
    assert written.all(skip_bad=True).ids == [7], "neither of the two: whose are the annotations?"
    written.change("images", 2, without="id")
    with pytest.raises(ValueError, match=r"images\[2\]: 'id' is missing"):
        written.all()
    assert written.all(skip_bad=True).ids == [0, 7]


def test_nothing_left(written):
    for picture in ("a.png", "b.png", "c.png"):
        (written.root / picture).unlink()
    with pytest.raises(ValueError, match=r"no picture is left; the first defect was: .*image 0"):
        written.all(skip_bad=True)
    written.content["images"] = [{}]
    written.write()
    with pytest.raises(ValueError, match=r"no picture is left; the first defect was: .*images\[0\]: 'id' is missing"):
        written.all(skip_bad=True)


def test_the_file_must_be_there(written):
    with pytest.raises(FileNotFoundError, match=r"the annotation file .*nothing\.json is not there"):
        COCODetection(written.root / "nothing.json")
    with pytest.raises(FileNotFoundError, match="is a folder: give the JSON file in it"):
        COCODetection(written.root)
