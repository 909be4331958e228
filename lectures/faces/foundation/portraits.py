"""Pictures of people, and the two sets of them that a lecture needs: people to learn from, and people never seen."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from tqdm import tqdm

from lectures.faces.foundation.variation import leave_as_they_are, vary_photographs
from pyconvnet.data import Faces, IdentityFolder

PHOTOGRAPH = (56, 48)  # (H, W) that a photograph of a face is scaled to
PEOPLE, PICTURES = 400, 24  # to learn from
UNSEEN, PICTURES_OF_UNSEEN = 60, 6


@dataclass(frozen=True)
class Portraits:
    """Pictures of people: `pictures[i]` is an image (C, H, W), or (image, ...); `people` int64 (n,) says who it is.

    People count from 0, without a gap. `names` are theirs, if they have any.
    """

    pictures: Sequence
    people: np.ndarray
    names: tuple[str, ...] = ()

    def __post_init__(self):
        if len(self.pictures) != len(self.people):
            raise ValueError(f"Portraits: {len(self.pictures)} pictures, but who is on {len(self.people)} of them?")

    def __len__(self):
        return len(self.people)

    @property
    def count(self):
        """How many people."""
        return int(self.people.max()) + 1 if len(self.people) else 0

    def image(self, i):
        """The image (C, H, W) at i."""
        picture = self.pictures[int(i)]
        return picture[0] if isinstance(picture, tuple) else picture

    def images(self, which=None):
        """The images at `which`, or all, as one array (n, C, H, W)."""
        return np.stack([self.image(i) for i in (range(len(self)) if which is None else which)])

    def of(self, people, pictures=None):
        """The Portraits of some people, renumbered in the order given; of each all, or the first so many."""
        found = [np.flatnonzero(self.people == person)[:pictures] for person in people]
        which = np.concatenate(found) if len(found) else np.zeros(0, np.int64)
        names = tuple(self.names[person] for person in people) if self.names else ()
        return Portraits(_Selected(self, which), np.repeat(np.arange(len(found)), [len(f) for f in found]), names)


    def and_also(self, others):
        """These people and, numbered after them, others."""
        names = self.names + others.names if self.names and others.names else ()
        return Portraits(_Joined(self, others), np.concatenate([self.people, self.count + others.people]), names)


class _Joined(Sequence):
    """The images of two Portraits, one after the other."""

    def __init__(self, first, second):
        self.first, self.second = first, second

    def __len__(self):
        return len(self.first) + len(self.second)

    def __getitem__(self, i):
        return self.first.image(i) if i < len(self.first) else self.second.image(i - len(self.first))


class _Selected(Sequence):
    """The images of some Portraits at `which`."""

    def __init__(self, portraits, which):
        self.portraits, self.which = portraits, which

    def __len__(self):
        return len(self.which)

    def __getitem__(self, i):
        return self.portraits.image(self.which[i])


@dataclass(frozen=True)
class FaceData:
    """People to learn from and people to be judged on, none of them in both.

    `vary(images, rng)` changes a batch of training pictures (N, C, H, W); `photographs` tells real faces.
    """

    train: Portraits
    test: Portraits
    vary: Callable = leave_as_they_are
    photographs: bool = False

    @property
    def size(self):
        """(H, W) of the pictures."""
        return self.test.image(0).shape[1:]

    @property
    def among(self):
        """Of how many people one-shot recognition chooses: 20, or all there are."""
        return min(20, self.test.count)


def face_data(options, people=PEOPLE, pictures=PICTURES):
    """The FaceData that `options` (seed, quick, data, skip_bad) ask for: procedural faces, or faces:DIR.

    Of a folder of photographs a quarter of the people, chosen by the seed, is kept unseen. ValueError for another
    --data, and for a folder with fewer than four people.
    """
    if options.data is None:
        unseen, of_unseen = UNSEEN, PICTURES_OF_UNSEEN
        if options.quick:
            people, pictures, unseen, of_unseen = min(people, 40), min(pictures, 6), 20, 4
        train = Faces(people, pictures, "train", seed=options.seed)
        test = Faces(unseen, of_unseen, "test", seed=options.seed)
        return FaceData(Portraits(train, train.labels), Portraits(test, test.labels))
    kind, _, place = options.data.partition(":")
    if kind != "faces" or not place:
        raise ValueError(
            f"--data {options.data}: lectures on faces take faces:DIR, a folder that holds one folder of pictures for "
            "each person"
        )
    progress = partial(tqdm, desc="reading faces", unit="person", mininterval=0.5, delay=1)
    folder = IdentityFolder(place, PHOTOGRAPH, least=2, skip_bad=options.skip_bad, progress=progress)
    for defect in folder.skipped:
        print(f"left out: {defect}")
    learned, unseen = split_people(len(folder.names), options.seed, options.data)
    everybody = Portraits(folder, folder.labels, folder.names)
    return FaceData(everybody.of(learned), everybody.of(unseen), vary_photographs, photographs=True)


def split_people(count, seed, source="split_people"):
    """(people to learn from, people to keep unseen): a quarter of them, at least two, is unseen."""
    if count < 4:
        raise ValueError(f"{source}: {count} people are too few: two to learn from and two unseen are needed at least")
    order = np.random.default_rng((seed, count)).permutation(count)
    unseen = max(2, round(count / 4))
    return np.sort(order[unseen:]).tolist(), np.sort(order[:unseen]).tolist()
