"""One Pascal-VOC annotation file: its XML, and the objects in it."""

import xml.etree.ElementTree as ElementTree
from math import isfinite

from .annotated import LONGEST_SIDE, OVERHANG


class _NoDoctype(ElementTree.TreeBuilder):
    """Refuses a document type: its entities can grow without bound, and no annotation needs one."""

    def doctype(self, name, public_id, system):
        raise ValueError("a DOCTYPE is not allowed in an annotation file")


def parse_annotation(path):
    """The root element of the file. ValueError naming the file when it is damaged or no annotation."""
    data = path.read_bytes()
    try:
        root = ElementTree.fromstring(data, ElementTree.XMLParser(target=_NoDoctype()))
    except (ElementTree.ParseError, ValueError, LookupError) as problem:  # LookupError: unknown encoding
        raise ValueError(f"{path}: unreadable or truncated XML ({problem})") from None
    if root.tag != "annotation":
        raise ValueError(f"{path}: the outermost element must be <annotation>, got <{root.tag}>")
    return root


def picture_size(root, path):
    """(height, width) from <size>. ValueError when it is missing or not two positive integers."""
    size = root.find("size")
    if size is None:
        raise ValueError(f"{path}: <size> is missing, so its boxes cannot be checked against the picture")
    sides = []
    for name in ("height", "width"):
        value = _number(size, name, f"{path}: <size>")
        if not 1 <= value <= LONGEST_SIDE or value != int(value):
            raise ValueError(f"{path}: <size>: {name} must be a positive integer, got {value:g}")
        sides.append(int(value))
    return tuple(sides)


def object_name(element):
    """The class name of an <object>, or None."""
    return (element.findtext("name") or "").strip() or None


def read_object(element, ordinal, height, width, path):
    """(where, class name, (x1, y1, x2, y2) continuous pixels or None for a zero-area box, difficult).

    VOC counts pixels from 1 and includes the last: x1 = xmin - 1, y1 = ymin - 1, x2 = xmax, y2 = ymax.
    Files that count from 0 then stick out by one pixel: clipped. ValueError beyond, naming file and object.
    """
    name = object_name(element)
    where = f"{path}: object {ordinal} ({name or 'without <name>'})"
    if name is None:
        raise ValueError(f"{where}: every object needs the <name> of its class")
    bounds = element.find("bndbox")
    if bounds is None:
        raise ValueError(f"{where}: <bndbox> is missing")
    xmin, ymin, xmax, ymax = (_number(bounds, side, where) for side in ("xmin", "ymin", "xmax", "ymax"))
    for axis, low, high in (("x", xmin, xmax), ("y", ymin, ymax)):
        if high < low:
            raise ValueError(f"{where}: {axis}max {high:g} is less than {axis}min {low:g}: corners swapped?")
    if min(xmin, ymin) - 1 < -OVERHANG or xmax > width + OVERHANG or ymax > height + OVERHANG:
        raise ValueError(
            f"{where}: box xmin {xmin:g}, ymin {ymin:g}, xmax {xmax:g}, ymax {ymax:g} is outside the picture "
            f"(width {width}, height {height}, pixels counted from 1)"
        )
    difficult = (element.findtext("difficult") or "0").strip()
    if difficult not in ("0", "1"):
        raise ValueError(f"{where}: <difficult> must be 0 or 1, got {difficult!r}")
    box = max(xmin - 1, 0.0), max(ymin - 1, 0.0), min(xmax, float(width)), min(ymax, float(height))
    # Read strictly, xmin = xmax is one pixel wide; in practice it is a stray click.
    stray = xmin == xmax or ymin == ymax or box[0] >= box[2] or box[1] >= box[3]
    return where, name, None if stray else box, difficult == "1"


def _number(parent, name, where):
    text = parent.findtext(name)
    if text is None or not text.strip():
        raise ValueError(f"{where}: <{name}> is missing or empty")
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not isfinite(value):
        raise ValueError(f"{where}: <{name}> must be a number, got {text.strip()!r}")
    return value
