"""One COCO annotation file: its JSON, and the pictures, categories and objects in it."""

import json
import warnings
from collections import defaultdict
from dataclasses import dataclass
from math import isfinite
from pathlib import PurePath
from reprlib import repr as short  # a damaged file may hold a megabyte where a number should be

from .annotated import LONGEST_SIDE, OVERHANG

EXPECTED = "a COCO file is one JSON object with the lists 'images', 'annotations' and 'categories'"


@dataclass(frozen=True)
class COCOFile:
    """What a file holds. `pictures`: {image id: entry, or the ValueError of an ambiguous one}, in order of the ids;
    `categories`: {category id: class name}, in order of the ids; `objects`: {image id: [(where, entry or
    ValueError)]}; `defects`: messages about entries that belong to no picture.
    """

    pictures: dict
    categories: dict
    objects: dict
    defects: list


def parse_coco(path):
    """The COCOFile at `path`. ValueError naming the file when it is damaged, or no annotation file at all."""
    content = _read_json(path)
    if not isinstance(content, dict):
        raise ValueError(f"{path}: got {_kind(content)}, but {EXPECTED} (a list alone is a file of detections)")
    for key in ("images", "annotations", "categories"):
        if key not in content:
            raise ValueError(f"{path}: {key!r} is missing: {EXPECTED}")
        if not isinstance(content[key], list):
            raise ValueError(f"{path}: {key!r} must be a list, got {_kind(content[key])}")
        if not content[key]:
            raise ValueError(f"{path}: {key!r} is empty: nothing to learn from")
    defects = []
    pictures = _pictures(content["images"], path, defects)
    objects = _objects(content["annotations"], pictures, path, defects)
    return COCOFile(pictures, _categories(content["categories"], path), objects, defects)


def picture_name(entry, where):
    """The file name of a picture, relative to a folder of pictures. ValueError when it leads out of that folder."""
    name = entry.get("file_name")
    if not isinstance(name, str) or not name:
        raise ValueError(f"{where}: 'file_name' {_missing_or('must be the name of a file', entry, 'file_name')}")
    if PurePath(name).anchor or ".." in PurePath(name).parts:
        raise ValueError(f"{where}: file_name {short(name)} must stay inside the folder of pictures")
    return name


def annotated_size(entry, where):
    """(height, width) of a picture as the file states it. ValueError unless they are positive integers."""
    sides = []
    for key in ("height", "width"):
        value = _number(entry.get(key))
        if value is None or not 1 <= value <= LONGEST_SIDE or value != int(value):
            message = f"must be an integer from 1 to {LONGEST_SIDE}"
            raise ValueError(f"{where}: {key!r} {_missing_or(message, entry, key)}")
        sides.append(int(value))
    return tuple(sides)


def read_annotation(where, entry, categories, height, width):
    """(where, class name, (x1, y1, x2, y2) continuous pixels, iscrowd) of bbox = [x, y, width, height].

    A box that sticks out of the picture by at most a pixel (rounding) is clipped. ValueError for any defect.
    """
    if isinstance(entry, ValueError):
        raise entry
    category = _id(entry, "category_id", where)
    if category not in categories:
        raise ValueError(f"{where}: category_id {short(category)} is unknown: not among the categories of the file")
    where = f"{where} ({categories[category]!r})"
    bbox = entry.get("bbox")
    numbers = [_number(value) for value in bbox] if isinstance(bbox, list) else []
    if len(numbers) != 4 or None in numbers:
        message = "must be four finite numbers [x, y, width, height]"
        raise ValueError(f"{where}: 'bbox' {_missing_or(message, entry, 'bbox')}")
    x, y, w, h = numbers
    if w < 0 or h < 0:
        raise ValueError(f"{where}: bbox [x, y, width, height] = {bbox} has a negative size: corners swapped?")
    if min(x, y) < -OVERHANG or x + w > width + OVERHANG or y + h > height + OVERHANG:
        raise ValueError(
            f"{where}: bbox [x, y, width, height] = {bbox} is outside of the picture (width {width}, height {height}): "
            "was it written as two corners?"
        )
    crowd = entry.get("iscrowd", 0)
    if crowd not in (0, 1):
        raise ValueError(f"{where}: 'iscrowd' must be 0 or 1, got {short(crowd)}")
    box = max(x, 0.0), max(y, 0.0), min(x + w, float(width)), min(y + h, float(height))
    return where, categories[category], box, bool(crowd)


def _read_json(path):
    data = path.read_bytes()
    if not data.strip():
        raise ValueError(f"{path}: the file is empty: {EXPECTED}")
    try:
        return json.loads(data)
    except RecursionError:
        raise ValueError(f"{path}: lists inside lists too deep to read: {EXPECTED}") from None
    except ValueError as problem:  # bytes that are no text, numbers of thousands of digits, JSON cut off
        raise ValueError(f"{path}: not JSON, or truncated ({problem})") from None


def _pictures(entries, path, defects):
    """{image id: entry}; what two entries claim, an id or a file, is a ValueError under the ids concerned."""
    pictures, owner = {}, {}
    for k, entry in enumerate(entries):
        try:
            key = _id(_entry(entry, f"{path}: images[{k}]"), "id", f"{path}: images[{k}]")
        except ValueError as defect:
            defects.append(str(defect))
            continue
        where = f"{path}: image {short(key)}"
        if key in pictures:  # which of the two do the annotations mean? Neither can be trusted.
            pictures[key] = ValueError(f"{where}: this id is given to two pictures")
            continue
        pictures[key] = entry
        name = entry.get("file_name")
        name = str(PurePath(name)) if isinstance(name, str) else None
        if name in owner:  # it could be in the training and in the test part
            pictures[key] = ValueError(f"{where}: the same file {short(name)} is also image {short(owner[name])}")
        elif name:
            owner[name] = key
    return {key: pictures[key] for key in sorted(pictures, key=lambda key: (isinstance(key, str), key))}


def _categories(entries, path):
    """{category id: class name}, in order of the ids. Damage here leaves no label certain: never skipped."""
    names = {}
    for k, entry in enumerate(entries):
        where = f"{path}: categories[{k}]"
        key = _id(_entry(entry, where), "id", where)
        if isinstance(key, str):
            raise ValueError(f"{where}: 'id' must be an integer, got {short(key)}")
        if key in names:
            raise ValueError(f"{where}: the category id {short(key)} is given twice")
        name = entry.get("name")
        if not isinstance(name, str) or not name.strip() or not name.isprintable():
            raise ValueError(f"{where}: 'name' {_missing_or('must be the name of a class', entry, 'name')}")
        if name.strip() in names.values():
            message = f"{path}: two categories are named {name.strip()!r}: read as one class"
            warnings.warn(message, stacklevel=4)  # the line that makes the data set
        names[key] = name.strip()
    return dict(sorted(names.items()))


def _objects(entries, pictures, path, defects):
    """{image id: [(where, entry, or the ValueError of an id given twice)]}."""
    objects, seen = defaultdict(list), set()
    for k, entry in enumerate(entries):
        where = f"{path}: annotations[{k}]"
        try:
            key = _id(_entry(entry, where), "id", where)
            where = f"{path}: annotation {short(key)}"
            image = _id(entry, "image_id", where)
            if image not in pictures:
                raise ValueError(f"{where}: image_id {short(image)} is unknown: not among the images of the file")
        except ValueError as defect:
            defects.append(str(defect))
            continue
        twice = ValueError(f"{where}: this id is given to two annotations") if key in seen else None
        objects[image].append((where, twice or entry))
        seen.add(key)
    return objects


def _entry(entry, where):
    if not isinstance(entry, dict):
        raise ValueError(f"{where}: must be a JSON object {{...}}, got {_kind(entry)}")
    return entry


def _id(entry, key, where):
    """An id: an integer (written 1 or 1.0) or a printable string; 0 is one like any other."""
    value = entry.get(key)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | str) or not str(value).isprintable():
        raise ValueError(f"{where}: {key!r} {_missing_or('must be an integer or a string', entry, key)}")
    return value


def _number(value):
    """A finite float, or None. JSON's integers are unbounded, and Python reads NaN and Infinity in it."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if isfinite(value) else None
    except OverflowError:
        return None


def _missing_or(demand, entry, key):
    return f"{demand}, got {short(entry[key])}" if key in entry else "is missing"


def _kind(value):
    kinds = {dict: "an object", list: "a list", str: "a string", type(None): "null", bool: "a truth value"}
    return kinds.get(type(value), "a number")
