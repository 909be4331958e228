"""The database of known faces: enrol, identify with a threshold, forget; saved as numbers and text only.

Deck "Fun Ways To Use ConvNets", slide "Face Recognition/Verification" (1, in part): who is it, and is it she?
"""

import json
from typing import NamedTuple

import numpy as np

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

    `threshold`: the squared distance up to which a face is somebody's; by default any. Nothing is trained here.
    """

    def __init__(self, threshold=4.0):
        if not threshold >= 0:
            raise ValueError(f"Gallery: threshold is a squared distance, 0 or more, got {threshold!r}")
        self.threshold = float(threshold)
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
        there with `more`, and for embeddings that are none.
        """
        if not isinstance(name, str) or not name.strip():
            raise ValueError(f"enrol: a person needs a name, got {name!r}")
        if name in self._sums and not more:
            raise ValueError(f"enrol: {name!r} is enrolled already: choose another name, or add pictures by more=True")
        if name not in self._sums and more:
            raise ValueError(f"enrol: {name!r} is not enrolled, so there is nobody to add pictures to")
        embeddings = self._checked("enrol", embeddings)
        self._sums[name] = self._sums.get(name, 0) + unit(embeddings).sum(0)

    def forget(self, name):
        """Remove a person. ValueError if nobody of that name is enrolled."""
        if name not in self._sums:
            raise ValueError(f"forget: nobody is enrolled as {name!r}; there is {', '.join(self.names) or 'nobody'}")
        del self._sums[name]

    def distances(self, embeddings):
        """Squared distances (n, people) of embeddings (n, D), taken to length 1, to everybody; ValueError if empty."""
        if not self._sums:
            raise ValueError("identify: the gallery is empty: enrol somebody first")
        templates = unit(np.stack(list(self._sums.values())))
        return np.maximum(2 - 2 * unit(self._checked("identify", embeddings)) @ templates.T, 0)

    def identify(self, embedding, threshold=None):
        """The Match of one embedding (D,): who is nearest, and None for the name beyond the threshold."""
        distances = self.distances(embedding)
        if len(distances) != 1:
            raise ValueError(f"identify: one face at a time, got {len(distances)} embeddings")
        at = int(distances[0].argmin())
        distance, nearest = float(distances[0, at]), self.names[at]
        known = distance <= (self.threshold if threshold is None else threshold)
        return Match(nearest if known else None, distance, nearest)

    def verify(self, name, embedding, threshold=None):
        """Whether a face is the face of this person. ValueError if nobody of that name is enrolled."""
        if name not in self._sums:
            raise ValueError(f"verify: nobody is enrolled as {name!r}; there is {', '.join(self.names) or 'nobody'}")
        distance = self.distances(embedding)[0, self.names.index(name)]
        return bool(distance <= (self.threshold if threshold is None else threshold))

    def save(self, path):
        """Write names and vectors as safetensors, whole or not at all."""
        vectors = np.stack(list(self._sums.values())) if self._sums else np.zeros((0, 0))
        metadata = {"kind": KIND, "names": json.dumps(self.names), "threshold": repr(self.threshold)}
        save({"embeddings": vectors.astype(np.float64)}, path, metadata)

    @classmethod
    def load(cls, path):
        """What `save` wrote; nothing in the file is executed. ValueError if it is damaged or something else."""
        state, metadata = load_with_metadata(path)
        try:
            names, vectors = json.loads(metadata["names"]), state["embeddings"].data
            gallery = cls(float(metadata["threshold"]))
            whole = metadata["kind"] == KIND and vectors.ndim == 2 and isinstance(names, list)
            whole = whole and len(names) == len(vectors) == len(set(names))
            whole = whole and all(isinstance(name, str) for name in names) and np.isfinite(vectors).all()
        except (KeyError, TypeError, ValueError):
            whole = False
        if not whole:
            raise ValueError(f"Gallery.load: {path} holds no gallery, or a damaged one")
        gallery._sums = dict(zip(names, vectors))
        return gallery

    def _checked(self, caller, embeddings):
        """Embeddings as float64 (n, D), n > 0, D as in the gallery, none of them zero or not finite."""
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
        return embeddings
