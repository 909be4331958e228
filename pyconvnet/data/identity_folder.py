"""Pictures of people in folders, one folder a person, as ORL and LFW come; and LFW's list of pairs."""

import hashlib
import re
from pathlib import Path

import numpy as np

from .annotated import checked_size
from .dataset import Dataset, check_index
from .pictures import PICTURE_ENDINGS, read_picture


class IdentityFolder(Dataset):
    """Samples (image (3, H, W), person int64) of a folder with one folder of pictures for each person.

    `names[person]` is the name of the person's folder, `files[i]` the file of sample i, `labels` (n,) who is on each.
    Folders and files are in the order of the numbers in their names: s2 before s10. `size` = (H, W) resizes.
    `least` is how many pictures a person must have, 2 where pairs are wanted. A defect (an unreadable picture, one that
    is there already, too few of them) is a ValueError naming it; with `skip_bad` picture or person is left out and
    listed in `skipped`.
    """

    def __init__(self, folder, size=None, least=1, skip_bad=False, progress=None):
        self.folder, self.size = Path(folder), checked_size(size, "IdentityFolder")
        if not isinstance(least, int | np.integer) or isinstance(least, bool) or least < 1:
            raise ValueError(f"IdentityFolder: least must be a whole number from 1, got {least!r}")
        self.skipped, names, files, labels, self._pixels = [], [], [], [], []
        first_with = {}  # {digest of the pixels: file}: a person under two names could be both learned from and unseen
        persons = _folders(self.folder)
        for person in progress(persons) if progress else persons:
            read = []
            try:
                for file in _pictures(person):
                    try:
                        pixels = read_picture(file, self.size)[0]
                        same = first_with.setdefault(hashlib.sha256(pixels.tobytes()).digest(), file)
                        if same != file:
                            raise ValueError(f"IdentityFolder: {file} is the same picture as {same}")
                        read.append((file, pixels))
                    except (ValueError, OSError) as defect:
                        self._skip(defect, skip_bad)
                if len(read) < least:
                    raise ValueError(f"IdentityFolder: {person} holds {len(read)} picture(s), needed are {least}" + (
                        ": a pair of one person needs two" if least == 2 else ""))  # fmt: skip
            except ValueError as defect:
                self._skip(defect, skip_bad)
                continue
            labels += [len(names)] * len(read)
            names.append(person.name)
            files += [file for file, _ in read]
            self._pixels += [pixels for _, pixels in read]
        if not names:
            raise ValueError(f"IdentityFolder: {folder}: nobody is left; the first defect was: {self.skipped[0]}")
        self.names, self.files, self.labels = tuple(names), tuple(files), np.array(labels, np.int64)

    def __len__(self):
        return len(self.files)

    def __getitem__(self, index):
        i = check_index(index, len(self), "IdentityFolder")
        return self._pixels[i] / np.float32(255), self.labels[i]

    def _skip(self, defect, skip_bad):
        if not skip_bad:
            raise defect
        self.skipped.append(str(defect))


def read_pairs(file, folder):
    """LFW's pairs.txt: a list of folds, each a list of (file, file, same person?), the files of `folder`.

    First line: folds and pairs of each kind in a fold (or that number alone: one fold); then, fold by fold, lines
    "name i j" of the same person and lines "name i name j" of two. Picture i of NAME is NAME/NAME_000i.jpg, or NAME/i
    with any picture ending. ValueError naming the line.
    """
    file, folder = Path(file), Path(folder)
    lines = [line.split() for line in file.read_text(encoding="utf-8-sig", errors="replace").splitlines()]
    lines = [(number, words) for number, words in enumerate(lines, 1) if words]
    if not lines or len(lines[0][1]) > 2 or not all(_is_number(word) for word in lines[0][1]):
        raise ValueError(f"{file}: the first line must hold the numbers of folds and of pairs, e.g. 10 300")
    count, each = ([1] + [int(word) for word in lines[0][1]])[-2:]
    if count < 1 or each < 1 or len(lines) - 1 != 2 * count * each:
        raise ValueError(
            f"{file}: {count} fold(s) of {each} pairs of one person and {each} of two are {2 * count * each} lines, "
            f"but {len(lines) - 1} follow: is the file cut off?"
        )
    folds = [[] for _ in range(count)]
    for k, (number, words) in enumerate(lines[1:]):
        same = k // each % 2 == 0
        if len(words) != (3 if same else 4):
            wanted = "name i j (a pair of one person)" if same else "name i name j (a pair of two people)"
            raise ValueError(f"{file}, line {number}: expected {wanted}, got {' '.join(words)}")
        first, second = (words[:2], (words[0], words[2])) if same else (words[:2], words[2:])
        try:
            folds[k // (2 * each)].append((_picture(folder, *first), _picture(folder, *second), same))
        except ValueError as defect:
            raise ValueError(f"{file}, line {number}: {defect}") from None
    return folds


def _picture(folder, name, number):
    """The file of picture `number` of the person `name`."""
    if not _is_number(number):
        raise ValueError(f"{number[:20]!r} is no number of a picture of {name}")
    if name in (".", "..") or "/" in name or "\\" in name:
        raise ValueError(f"{name!r} is no name of a folder")
    stems = f"{name}_{int(number):04d}", str(int(number))
    for stem in stems:
        for ending in PICTURE_ENDINGS:
            if (path := folder / name / f"{stem}{ending}").is_file():
                return path
    raise ValueError(f"there is no picture {stems[0]}.jpg or {stems[1]}.pgm (or .png ...) in {folder / name}")


def _is_number(word):
    return word.isdecimal() and len(word) < 10  # longer ones count no pictures


def _folders(folder):
    """The folders of the people."""
    if not folder.is_dir():
        raise FileNotFoundError(f"IdentityFolder: there is no folder {folder}")
    inside = sorted(folder.iterdir(), key=_by_number)
    folders = [path for path in inside if path.is_dir() and not path.name.startswith(".")]
    if not folders:
        pictures = sum(path.suffix.lower() in PICTURE_ENDINGS for path in inside)
        raise ValueError(
            f"IdentityFolder: {folder} holds no folder; it should hold one for each person, with the person's pictures "
            f"in it" + (f" (there are {pictures} pictures, but whose?)" if pictures else "")
        )
    return folders


def _pictures(person):
    return [p for p in sorted(person.iterdir(), key=_by_number) if p.suffix.lower() in PICTURE_ENDINGS]


def _by_number(path):
    """Sorts s2 before s10: the text between numbers, and the numbers."""
    parts = re.split(r"(\d+)", path.name)
    return [int(part) if k % 2 else part for k, part in enumerate(parts)], path.name
