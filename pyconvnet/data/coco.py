"""Pictures with boxes from a file in the format of Microsoft COCO (Lin et al. 2014), "instances_*.json"."""

import os.path
from functools import partial
from pathlib import Path
from reprlib import repr as short

from .annotated import AnnotatedPictures, check_annotated_size, checked_size
from .coco_annotation import annotated_size, parse_coco, picture_name, read_annotation
from .pictures import read_picture
from .splits import print_seeded_split, seeded_splits


class COCODetection(AnnotatedPictures):
    """Samples (image (3, H, W), (boxes, labels, iscrowd)) of one annotation file.

    `split`: "all" of the file, or "train", "val", "trainval", "test" by `seed` (`seeded_splits` of the image ids).
    Pictures are looked for in the folder `images`; by default beside the file, in images/ and in ../images/.
    bbox [x, y, w, h] becomes (x, y, x + w, y + h), clipped where it sticks out by a pixel; without area: left out.
    `classes`: by default all category names, in order of their ids. A picture without annotation has zero boxes.
    `size`, `skip_bad`, `progress`, and what is kept in memory: as in VOCDetection. A defect is a ValueError naming
    file, annotation id and what is wrong; with `skip_bad` it is left out and listed in `skipped`.
    """

    def __init__(
        self, annotation_file, images=None, split="train", size=None, skip_bad=False, seed=0, classes=None,
        progress=None,
    ):  # fmt: skip
        self.file = Path(annotation_file)
        self.folders = _picture_folders(self.file, images)
        self._coco = parse_coco(self.file)
        if self._coco.defects and not skip_bad:
            raise ValueError(self._coco.defects[0])
        if not self._coco.pictures:
            raise ValueError(f"{self.file}: no picture is left; the first defect was: {self._coco.defects[0]}")
        splits = seeded_splits(list(self._coco.pictures), seed)
        super().__init__(self.file, splits, split, classes, skip_bad)
        self.skipped += self._coco.defects
        if split != "all":
            print_seeded_split(f"COCODetection: {self.file} is one file", split, splits, seed)
        self.classes = tuple(dict.fromkeys(self._coco.categories.values()) if classes is None else classes)
        size = size(self._annotated_sizes(splits[split])) if callable(size) else size
        self.size = checked_size(size, "COCODetection")
        self._read_all(splits[split], self._read, progress)
        del self._coco

    def _read(self, key):
        """Keep one picture and its target, or raise ValueError."""
        entry, where = self._coco.pictures[key], f"{self.file}: image {short(key)}"
        if isinstance(entry, ValueError):
            raise entry
        annotated, name = annotated_size(entry, where), picture_name(entry, where)
        pixels, original = read_picture(self._find(name, where), self.size)
        check_annotated_size(annotated, original, f"{where} ({name!r})")
        objects = self._coco.objects.get(key, [])
        self._keep(
            key, pixels, original,
            [partial(read_annotation, at, entry, self._coco.categories, *original) for at, entry in objects],
        )  # fmt: skip

    def _find(self, name, where):
        for folder in self.folders:
            if os.path.isfile(folder / name):  # pathlib's is_file raises for a name that is too long
                return folder / name
        looked = ", ".join(str(folder) for folder in self.folders)
        raise ValueError(f"{where}: its picture is missing: no {name!r} in {looked}")

    def _annotated_sizes(self, keys):
        """(H, W) of the pictures of a split as the file states them, the readable ones."""
        sizes = []
        for key in keys:
            entry = self._coco.pictures[key]
            try:
                sizes.append(annotated_size({} if isinstance(entry, ValueError) else entry, key))
            except ValueError:
                continue  # a defect: reported when this picture's turn comes
        return sizes


def _picture_folders(file, images):
    if not file.is_file():
        problem = "is a folder: give the JSON file in it" if file.is_dir() else "is not there"
        raise FileNotFoundError(f"COCODetection: the annotation file {file} {problem}")
    if images is None:
        return [file.parent, file.parent / "images", file.parent.parent / "images"]
    if not Path(images).is_dir():
        raise FileNotFoundError(f"COCODetection: there is no folder {images} with the pictures")
    return [Path(images)]
