"""Pictures with boxes from a folder in the layout of the Pascal Visual Object Classes challenge."""

from functools import partial
from pathlib import Path

from .annotated import AnnotatedPictures, check_annotated_size, checked_size
from .pictures import PICTURE_ENDINGS, read_picture
from .splits import print_seeded_split, seeded_splits
from .voc_annotation import object_name, parse_annotation, picture_size, read_object

OFFICIAL_SPLITS = ("train", "val", "trainval", "test")


class VOCDetection(AnnotatedPictures):
    """Samples (image (3, H, W), (boxes, labels, difficult)) of a folder; `split`, `seed`: see `voc_splits`.

    VOC counts pixels from 1: box = (xmin - 1, ymin - 1, xmax, ymax) in continuous pixels, clipped where it
    sticks out by one pixel (files that count from 0). A box with xmin = xmax or ymin = ymax is left out.
    `size` = (H, W), or a function of all the annotated (H, W) that returns it, resizes; `original_sizes` are those
    before. `classes`: by default all names in the folder.
    All is read and checked here, 3 H W bytes kept per picture; `progress` (tqdm) wraps the list meanwhile.
    A defect is a ValueError naming file and object; with `skip_bad` it is left out and listed in `skipped`.
    """

    def __init__(self, root, split="train", size=None, skip_bad=False, seed=0, classes=None, progress=None):
        self.root = Path(root)
        self._annotations, pictures = _parts(self.root)
        splits, official = voc_splits(root, seed)
        super().__init__(root, splits, split, classes, skip_bad)
        if not official:
            print_seeded_split(f"VOCDetection: {root} has no split files", split, splits, seed)
        self._parsed = _parse_all(self._annotations, splits["all"] if classes is None else splits[split])
        self.classes = _class_names(self._parsed) if classes is None else tuple(classes)
        size = size(_annotated_sizes(self._parsed, splits[split])) if callable(size) else size
        self.size = checked_size(size, "VOCDetection")
        self._found = _pictures_by_name(pictures)
        self._read_all(splits[split], self._read, progress)
        del self._parsed, self._found

    def _read(self, name):
        """Keep one picture and its target, or raise ValueError."""
        path, parsed = self._annotations / f"{name}.xml", self._parsed.get(name)
        if parsed is None:
            raise ValueError(f"{path}: the annotation of {name!r} (split {self.split!r}) is missing")
        if isinstance(parsed, ValueError):
            raise parsed
        picture = self._found.get(name) or _picture_named(parsed.findtext("filename"), self._found)
        if picture is None:
            raise ValueError(f"{path}: its picture is missing: no {name}.jpg (or .png ...) in {self.root}")
        annotated = picture_size(parsed, path)
        pixels, original = read_picture(picture, self.size)
        check_annotated_size(annotated, original, f"{path}: <size>")
        objects = enumerate(parsed.findall("object"), start=1)
        self._keep(name, pixels, original, [partial(read_object, e, k, *original, path) for k, e in objects])


def voc_splits(root, seed=0):
    """({split: picture names}, whether they come from files): ImageSets/Main/{train,val,trainval,test}.txt.

    Without these files the names are permuted with `seed`: a fifth "test", a fifth "val", the rest "train";
    "trainval" is their union. "all" is every name once.
    """
    root = Path(root)
    annotations, pictures = _parts(root)
    splits = {}
    for split in OFFICIAL_SPLITS:
        listing = root / "ImageSets" / "Main" / f"{split}.txt"
        if listing.is_file():
            lines = listing.read_text(encoding="utf-8-sig", errors="replace").splitlines()
            splits[split] = list(dict.fromkeys(line.strip() for line in lines if line.strip()))
    if splits:
        if "trainval" not in splits and "train" in splits and "val" in splits:
            splits["trainval"] = list(dict.fromkeys(splits["train"] + splits["val"]))
        splits["all"] = list(dict.fromkeys(name for names in splits.values() for name in names))
        return splits, True
    # A picture without annotation is in the split too: it is then reported instead of being lost silently.
    named_in_xml = {path.stem for path in annotations.glob("*.xml")}
    names = sorted(named_in_xml | set(_pictures_by_name(pictures)))
    if not names:
        raise ValueError(f"VOCDetection: {annotations} and {pictures} are empty: no annotation, no picture")
    return seeded_splits(names, seed), False


def _parts(root):
    """The folders (annotations, pictures) of a VOC folder, under either pair of names."""
    if not root.is_dir():
        raise FileNotFoundError(f"VOCDetection: there is no folder {root}")
    for pair in (("Annotations", "JPEGImages"), ("annotations", "images")):
        if all((root / part).is_dir() for part in pair):
            return root / pair[0], root / pair[1]
    inside = ", ".join(sorted(path.name for path in root.iterdir())[:8]) or "nothing, it is empty"
    raise ValueError(
        f"VOCDetection: {root} needs the folders Annotations and JPEGImages (or annotations and images); "
        f"it holds {inside}"
    )


def _pictures_by_name(folder):
    """{name without ending: path} of the pictures in a folder."""
    return {path.stem: path for path in sorted(folder.iterdir()) if path.suffix.lower() in PICTURE_ENDINGS}


def _picture_named(filename, found):
    """The picture with exactly the <filename> of an annotation whose own name fits no picture, or None."""
    return next((path for path in found.values() if path.name == filename), None)


def _parse_all(annotations, names):
    """{name: root element, or the ValueError that its file caused}; names without a file are left out."""
    parsed = {}
    for name in names:
        path = annotations / f"{name}.xml"
        if path.is_file():
            try:
                parsed[name] = parse_annotation(path)
            except ValueError as defect:
                parsed[name] = defect
    return parsed


def _annotated_sizes(parsed, names):
    """(H, W) of the pictures of a split as their annotations state them, the readable ones."""
    sizes = []
    for name in names:
        try:
            sizes.append(picture_size(parsed[name], name))
        except (KeyError, AttributeError, ValueError):
            continue  # a defect: reported when this picture's turn comes
    return sizes


def _class_names(parsed):
    """All names in the folder, whatever the split, so that label k means the same in every split."""
    roots = [root for root in parsed.values() if not isinstance(root, ValueError)]
    return tuple(sorted({object_name(o) for root in roots for o in root.findall("object")} - {None}))
