"""The database of known faces: enrol, identify with a threshold, forget; saved as numbers and text only.

Deck "Fun Ways To Use ConvNets", slide "Face Recognition/Verification" (1, in part): who is it, and is it she?
"""

import json
from typing import NamedTuple

import numpy as np

from lectures.cache import fingerprint
from lectures.faces.foundation.embedding import unit
from pyconvnet.io import load_with_metadata, save

KIND = "gallery of faces"  # in the metadata: what this file is


class Match(NamedTuple):
    """The nearest person and the squared distance, 0 to 4; `name` is None where it is "nobody I know"."""

    name: str | None
    distance: float
    nearest: str


class Gallery:
    """Names, and for each the mean of the embeddings of that person's pictures, of length 1.

    `threshold`: the squared distance up to which a face is somebody's; by default any. `network`: whose embeddings
    they are; a hash of its weights is saved, and another's gallery is refused. Nothing is trained here.
    """

    def __init__(self, threshold=4.0, network=None):
        self.threshold = _checked_threshold("Gallery", threshold)
        self._network = hash_of(network)
        self._sums = {}  # of the embeddings of each person

    def __len__(self):
        return len(self._sums)

    def __contains__(self, name):
        return name in self._sums

    @property
    def names(self):
        """Who is enrolled, in the order of enrolling."""
        return tuple(self._sums)

    def enrol(self, name, embeddings, more=False):
        """Make a person known by one embedding (D,) or several (n, D); `more` adds to somebody known.

        ValueError for a name that is there already (two people of one name would become one), for one that is not
        there with `more`, for embeddings that are none, and for opposite ones, whose mean points nowhere.
        """
        if not isinstance(name, str) or not name.strip():
            raise ValueError(f"enrol: a person needs a name, got {name!r}")
        if name in self._sums and not more:
            raise ValueError(f"enrol: {name!r} is enrolled already: choose another name, or add pictures by more=True")
        if name not in self._sums and more:
            raise ValueError(f"enrol: {name!r} is not enrolled, so there is nobody to add pictures to")
        total = self._sums.get(name, 0) + self._checked("enrol", embeddings).sum(0)
        if np.linalg.norm(total) < 1e-6:
            raise ValueError(f"enrol: the pictures of {name!r} are opposite, their mean points nowhere")
        self._sums[name] = total

    def forget(self, name):
        """Remove a person. ValueError if nobody of that name is enrolled."""
        if name not in self._sums:
            raise ValueError(f"forget: nobody is enrolled as {name!r}; there is {', '.join(self.names) or 'nobody'}")
        del self._sums[name]

    def distances(self, embeddings):
        """Squared distances (n, people) of embeddings (n, D), taken to length 1, to everybody; ValueError if empty."""
        if not self._sums:
            raise ValueError("identify: the gallery is empty: enrol somebody first")
        templates = _directions(np.stack(list(self._sums.values())))
        return np.maximum(2 - 2 * self._checked("identify", embeddings) @ templates.T, 0)

    def identify(self, embedding, threshold=None):
        """The Match of one embedding (D,): who is nearest, and None for the name beyond the threshold."""
        distances, threshold = self._of_one("identify", embedding, threshold)
        at = int(distances.argmin())
        distance, nearest = float(distances[at]), self.names[at]
        return Match(nearest if distance <= threshold else None, distance, nearest)

    def verify(self, name, embedding, threshold=None):
        """Whether a face is the face of this person. ValueError if nobody of that name is enrolled."""
        if name not in self._sums:
            raise ValueError(f"verify: nobody is enrolled as {name!r}; there is {', '.join(self.names) or 'nobody'}")
        distances, threshold = self._of_one("verify", embedding, threshold)
        return bool(distances[self.names.index(name)] <= threshold)

    def save(self, path):
        """Write names and vectors as safetensors, whole or not at all."""
        vectors = np.stack(list(self._sums.values())) if self._sums else np.zeros((0, 0))
        metadata = {"kind": KIND, "names": json.dumps(self.names), "threshold": repr(self.threshold)}
        metadata |= {"network": self._network} if self._network else {}
        save({"embeddings": vectors.astype(np.float64)}, path, metadata)

    @classmethod
    def load(cls, path, network=None):
        """What `save` wrote; nothing in the file is executed.

        ValueError if it is damaged or something else, or holds embeddings of another network than the one given.
        """
        state, metadata = load_with_metadata(path)
        try:
            names, vectors = json.loads(metadata["names"]), state["embeddings"].data
            gallery = cls(float(metadata["threshold"]))
            whole = metadata["kind"] == KIND and vectors.ndim == 2 and isinstance(names, list)
            whole = whole and len(names) == len(vectors) == len(set(names))
            whole = whole and all(isinstance(name, str) and name.strip() for name in names)
            whole = whole and np.isfinite(vectors).all() and vectors.any(1).all()
        except (KeyError, TypeError, ValueError, RecursionError):  # the last: names of a thousand brackets
            whole = False
        if not whole:
            raise ValueError(f"Gallery.load: {path} holds no gallery, or a damaged one")
        gallery._sums, gallery._network = dict(zip(names, vectors)), metadata.get("network")
        if network is not None and gallery._network not in (None, hash_of(network)):
            raise ValueError(f"Gallery.load: {path} holds faces as another network sees them: enrol them again")
        return gallery

    def _of_one(self, caller, embedding, threshold):
        """The distances (people,) of one embedding, and the threshold that counts."""
        distances = self.distances(embedding)
        if len(distances) != 1:
            raise ValueError(f"{caller}: one face at a time, got {len(distances)} embeddings")
        return distances[0], self.threshold if threshold is None else _checked_threshold(caller, threshold)

    def _checked(self, caller, embeddings):
        """Embeddings (n, D), n > 0, D as in the gallery, none of them zero or not finite, taken to length 1."""
        embeddings = np.atleast_2d(np.asarray(embeddings, np.float64))
        if embeddings.ndim != 2 or not embeddings.size:
            raise ValueError(f"{caller}: expected embeddings (D,) or (n, D), got shape {embeddings.shape}: no face?")
        other = {len(v) for v in self._sums.values()} - {embeddings.shape[1]}
        if other:
            raise ValueError(
                f"{caller}: embeddings have {embeddings.shape[1]} numbers, those enrolled {other.pop()}: were they "
                "made by another network?"
            )
        if not np.isfinite(embeddings).all() or not embeddings.any(1).all():
            raise ValueError(f"{caller}: an embedding is zero or not finite, so it points nowhere")
        return _directions(embeddings)


def hash_of(network):
    """A hash of the weights of a Module; None of None."""
    if network is None:
        return None
    return fingerprint(*(part for name, v in sorted(network.state_dict().items()) for part in (name, v.data)))


def _directions(vectors):
    """Rows of length 1, also where the square of a number is too large or too small."""
    return unit(vectors / np.abs(vectors).max(1, keepdims=True))


def _checked_threshold(caller, threshold):
    if not threshold >= 0:
        raise ValueError(f"{caller}: threshold is a squared distance, 0 or more, got {threshold!r}")
    return float(threshold)
