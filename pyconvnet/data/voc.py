"""Pictures with boxes from a folder in the layout of the Pascal Visual Object Classes challenge."""

import warnings
from pathlib import Path

import numpy as np

from .dataset import Dataset, check_index
from .pictures import PICTURE_ENDINGS, read_picture
from .voc_annotation import check_size, object_name, parse_annotation, picture_size, read_object

OFFICIAL_SPLITS = ("train", "val", "trainval", "test")


class VOCDetection(Dataset):
    """Samples (image (3, H, W), (boxes, labels, difficult)) of a folder; `split`, `seed`: see `voc_splits`.

    VOC counts pixels from 1: box = (xmin - 1, ymin - 1, xmax, ymax) in continuous pixels, clipped where it
    sticks out by one pixel (files that count from 0). A box with xmin = xmax or ymin = ymax is left out.
    `size` = (H, W), or a function of all the annotated (H, W) that returns it, resizes; `original_sizes` are those
    before. `classes`: by default all names in the folder.
    All is read and checked here, 3 H W bytes kept per picture; `progress` (tqdm) wraps the list meanwhile.
    A defect is a ValueError naming file and object; with `skip_bad` it is left out and listed in `skipped`.
    """

    def __init__(self, root, split="train", size=None, skip_bad=False, seed=0, classes=None, progress=None):
        self.root, self.split = Path(root), split
        annotations, pictures = _parts(self.root)
        self.skipped, self.zero_area = [], 0
        splits, official = voc_splits(root, seed)
        if split not in splits:
            raise ValueError(f"VOCDetection: {root} has no split {split!r}; it has {', '.join(splits)}")
        if not splits[split]:
            raise ValueError(f"VOCDetection: split {split!r} of {root} is empty")
        if not official:
            _print_seeded_split(root, split, splits, seed)
        if isinstance(classes, str):
            raise TypeError(f"VOCDetection: classes is a sequence of names, got the one name {classes!r}")
        parsed = _parse_all(annotations, splits["all"] if classes is None else splits[split])
        self.classes = _class_names(parsed) if classes is None else tuple(classes)
        self.size = _checked_size(size(_annotated_sizes(parsed, splits[split])) if callable(size) else size)
        found = _pictures_by_name(pictures)
        self.ids, self.original_sizes, self._pixels, self._targets = [], [], [], []
        for name in progress(splits[split]) if progress else splits[split]:
            try:
                self._read(name, annotations / f"{name}.xml", parsed.get(name), found, skip_bad)
            except (ValueError, OSError) as defect:
                if not skip_bad:
                    raise
                self.skipped.append(str(defect))
        self._report()

    def __len__(self):
        return len(self.ids)

    def __getitem__(self, index):
        i = check_index(index, len(self), "VOCDetection")
        return self._pixels[i] / np.float32(255), tuple(part.copy() for part in self._targets[i])

    def _read(self, name, path, parsed, found, skip_bad):
        """Append one picture and its target, or raise ValueError with nothing appended."""
        if parsed is None:
            raise ValueError(f"{path}: the annotation of {name!r} (split {self.split!r}) is missing")
        if isinstance(parsed, ValueError):
            raise parsed
        picture = found.get(name) or _picture_named(parsed.findtext("filename"), found)
        if picture is None:
            raise ValueError(f"{path}: its picture is missing: no {name}.jpg (or .png ...) in {self.root}")
        annotated = picture_size(parsed, path)
        pixels, original = read_picture(picture, self.size)
        check_size(annotated, original, path)
        target, zero_area, bad = self._target(parsed, path, original, skip_bad)
        self.ids.append(name)
        self.original_sizes.append(original)
        self._pixels.append(pixels)
        self._targets.append(target)
        self.zero_area += zero_area
        self.skipped += bad

    def _target(self, root, path, original, skip_bad):
        """((boxes, labels, difficult), number of zero-area boxes, messages of defective objects)."""
        height, width = original
        boxes, labels, difficult, zero_area, bad = [], [], [], 0, []
        for ordinal, element in enumerate(root.findall("object"), start=1):
            try:
                name, box, hard = read_object(element, ordinal, height, width, path)
                if name not in self.classes:
                    raise ValueError(f"{path}: object {ordinal} ({name}): not one of {self.classes}")
            except ValueError as defect:
                if not skip_bad:
                    raise
                bad.append(str(defect))
                continue
            if box is None:
                zero_area += 1
                continue
            boxes.append(box)
            labels.append(self.classes.index(name))
            difficult.append(hard)
        boxes = np.array(boxes, dtype=np.float64).reshape(-1, 4)
        if self.size is not None:
            boxes *= np.tile([self.size[1] / width, self.size[0] / height], 2)
        target = boxes.astype(np.float32), np.array(labels, np.int64), np.array(difficult, bool)
        return target, zero_area, bad

    def _report(self):
        where = f"VOCDetection: {self.root}, split {self.split!r}"
        if self.zero_area:
            warnings.warn(f"{where}: {self.zero_area} box(es) of zero area left out", stacklevel=3)
        if self.skipped:
            print(f"{where}: {len(self.skipped)} defective object(s) or picture(s) left out:")
            print("\n".join(f"  {defect}" for defect in self.skipped))
        if not self.ids:
            raise ValueError(f"{where}: no picture is left; the first defect was: {self.skipped[0]}")


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
    fifth = max(1, round(len(names) / 5))
    order = np.random.default_rng((seed, len(names))).permutation(len(names))
    test, val, train = (sorted(names[i] for i in part) for part in np.split(order, [fifth, 2 * fifth]))
    return {"train": train, "val": val, "trainval": sorted(train + val), "test": test, "all": names}, False


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


def _print_seeded_split(root, split, splits, seed):
    sizes = ", ".join(f"{name} {len(splits[name])}" for name in ("train", "val", "test"))
    shown, more = splits[split][:12], len(splits[split]) - 12
    ending = f" and {more} more" if more > 0 else ""
    print(
        f"VOCDetection: {root} has no split files; split by seed {seed} ({sizes}); "
        f"{split}: {', '.join(shown)}{ending}"
    )


def _checked_size(size):
    if size is None:
        return None
    try:
        height, width = (int(side) for side in size)
    except (TypeError, ValueError):
        raise TypeError(f"VOCDetection: size must be (height, width) or None, got {size!r}") from None
    if height < 1 or width < 1:
        raise ValueError(f"VOCDetection: size (height, width) must be positive, got {size!r}")
    return height, width
