"""Networks trained by one lecture and used by another: kept in the cache folder under all that they depend on."""

import warnings
from pathlib import Path

from lectures.cache import cache_folder, fingerprint
from pyconvnet.io import load, save


def keep_network(model, *identity):
    """Keep the weights under `identity`: code (Path of a file), options, arrays of the data (see `fingerprint`)."""
    try:
        save(model.state_dict(), _path(identity))
    except OSError as error:  # a cache that cannot be written costs time, not the run
        warnings.warn(f"the network is not kept: {error}", RuntimeWarning, stacklevel=2)


def load_kept_network(model, *identity):
    """Give `model` the weights kept under `identity`; False where there are none, or they do not fit any more."""
    try:
        model.load_state_dict(load(_path(identity)))
    except (OSError, ValueError, RuntimeError):
        return False
    return True


def code_of(lecture):
    """The files that a network of this lecture (its __file__) depends on: its own, the loop, the rooms beside it."""
    lecture, rooms = Path(lecture), ("foundation", "regions", "proposing")
    loop = [Path(__file__).with_name(name) for name in ("stage.py", "training.py")]
    return [lecture, *loop, *(file for room in rooms for file in sorted((lecture.parent / room).glob("*.py")))]


def _path(identity):
    return cache_folder() / "networks" / f"{fingerprint(*identity)}.safetensors"
