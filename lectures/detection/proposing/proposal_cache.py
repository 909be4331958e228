"""Proposals of whole data sets, kept on disk: several lectures learn from the same regions of the same scenes."""

import json
import time
import warnings
from functools import partial
from pathlib import Path

import numpy as np
from tqdm import tqdm

from lectures.cache import cache_folder, fingerprint
from lectures.detection.proposing import colour_spaces, edge_boxes, graph_segmentation, selective_search
from pyconvnet.io import load_with_metadata, save
from pyconvnet.kernels import naive

# The code that decides what the methods propose; of the kernels their definition, which all backends agree with.
CODE = [Path(m.__file__) for m in (colour_spaces, edge_boxes, graph_segmentation, selective_search, naive)]


class Proposals(list):
    """The boxes (n, 4) of each picture, and the `seconds` that it took to compute them (whenever that was)."""

    seconds = 0.0


def cached_proposals(dataset, method, **options):
    """`method(image, **options)` of every picture of a data set: a list of boxes float32 (n, 4), with its `seconds`.

    method: a function of the modules above, or a functools.partial of one (anything else is computed afresh). Kept in
    the cache folder under code, options and the pictures themselves; a file that is damaged is made again.
    """
    path = _path(dataset, method, options)
    kept = _read(path, len(dataset)) if path else None
    if kept is not None:
        return kept
    kept = Proposals()
    for i in tqdm(range(len(dataset)), desc="proposals", unit="picture", mininterval=0.5):
        image = dataset[i][0]
        start = time.perf_counter()
        found = method(image, **options)
        kept.append(found[0] if isinstance(found, tuple) else found)  # without the scores
        kept.seconds += time.perf_counter() - start
    if path:
        _write(path, kept)
    return kept


def _path(dataset, method, options):
    arguments = [options]
    while isinstance(method, partial):
        arguments += [method.args, sorted(method.keywords.items())]
        method = method.func
    code = getattr(getattr(method, "__code__", None), "co_filename", "")
    if Path(code) not in CODE or method.__closure__:
        return None
    pictures = fingerprint(*(dataset[i][0] for i in range(len(dataset))))
    name = fingerprint(*CODE, method.__qualname__, arguments, pictures)
    return cache_folder() / "proposals" / f"{method.__name__}-{name}.safetensors"


def _write(path, kept):
    boxes = np.concatenate([np.zeros((0, 4), np.float32), *kept])
    counts = np.array([len(own) for own in kept], np.int64)
    try:
        save({"boxes": boxes, "counts": counts}, path, {"seconds": json.dumps(kept.seconds)})
    except OSError as error:  # a cache that cannot be written costs time, not the run
        warnings.warn(f"proposals are not kept: {error}", RuntimeWarning, stacklevel=3)


def _read(path, pictures):
    try:
        state, metadata = load_with_metadata(path)
        boxes, counts = state["boxes"].data, state["counts"].data
        kept = Proposals(np.split(boxes, counts.cumsum()[:-1]) if pictures else [])
        kept.seconds = float(json.loads(metadata["seconds"]))
        whole = len(counts) == pictures and counts.sum() == len(boxes) and boxes.shape[1:] == (4,)
    except (OSError, ValueError, KeyError):
        return None
    return kept if whole else None
