"""Scenes into which photographed faces are pasted: what a face detector learns from before it sees photographs."""

import numpy as np

from lectures.faces.foundation.alignment import cut_out
from pyconvnet.data import Dataset, FaceScenes, IdentityFolder

HEAD = 0.86  # of the height of a portrait is head, in the middle of it: as in ORL
SMALLEST = 16  # pixels: a portrait with a shorter side shows no face
SPLITS = ("train", "test")


class PastedFaces(Dataset):
    """Grey scenes with portraits of an identity folder where `FaceScenes` has faces: (image, (boxes, labels)).

    What must not be found is of the same stuff: where there were ovals there are portraits whose pieces are shuffled,
    or that stand on their heads, and most backgrounds are shuffled pieces, too. All is grey, because ORL is: in colour
    it would be enough to look for what has none. A fifth of the people, chosen by `seed`, is in the test scenes only.
    An unreadable or a tiny portrait is a ValueError naming it; with `skip_bad` it is left out and listed in `skipped`.
    """

    classes = ("face",)

    def __init__(self, count, folder, split="train", seed=0, size=64, skip_bad=False):
        self.portraits, self.seed, self.split = IdentityFolder(folder, skip_bad=skip_bad), seed, split
        large = np.array([min(image.shape[1:]) >= SMALLEST for image, _ in self.portraits])
        tiny = [f"{self.portraits.files[i]}: no side may be below {SMALLEST} pixels" for i in np.flatnonzero(~large)]
        if tiny and not skip_bad:
            raise ValueError(tiny[0])
        self.skipped = self.portraits.skipped + tiny
        people = np.unique(self.portraits.labels[large])
        if len(people) < 2:
            raise ValueError(f"PastedFaces: {folder} holds {len(people)} person; two are needed, one to be judged on")
        unseen = np.random.default_rng((seed, len(people))).permutation(people)[: max(1, len(people) // 5)]
        self.usable = np.flatnonzero(large & (np.isin(self.portraits.labels, unseen) == (split == "test")))
        self.scenes = FaceScenes(count, split, size, seed)
        self._drawn = {}

    def __len__(self):
        return len(self.scenes)

    def __getitem__(self, index):
        i = range(len(self))[index]
        if i not in self._drawn:
            self._drawn[i] = self._draw(i)
        pixels, boxes = self._drawn[i]
        image = np.broadcast_to(pixels / np.float32(255), (3, *pixels.shape)).copy()
        return image, (boxes.copy(), np.zeros(len(boxes), np.int64))

    def oval_boxes(self, index):
        """The bounds (m, 4) of what is pasted, but no face."""
        return self.scenes.oval_boxes(index)

    def _draw(self, i):
        image, (boxes, _) = self.scenes[i]
        rng, size = np.random.default_rng((SPLITS.index(self.split), self.seed, i)), image.shape[1]
        grey = image.mean(0, keepdims=True)
        if rng.random() < 0.8:
            texture = shuffled(rng, self._portrait(rng), int(rng.integers(3, 9)))
            grey = seen_through(texture, random_view(rng, texture.shape[1:], size), size)
        for box in self.scenes.oval_boxes(i):
            portrait = self._portrait(rng)
            wrong = portrait[:, ::-1] if rng.random() < 0.3 else shuffled(rng, portrait, int(rng.integers(2, 6)))
            paste(rng, grey, wrong, box)
        for box in boxes:
            paste(rng, grey, self._portrait(rng), box)
        return (np.clip(grey[0], 0, 1) * 255 + 0.5).astype(np.uint8), boxes

    def _portrait(self, rng):
        """One of them, grey (1, h, w)."""
        return self.portraits[int(rng.choice(self.usable))][0].mean(0, keepdims=True)


def shuffled(rng, portrait, pieces):
    """A portrait (1, h, w) cut into pieces x pieces, which are put together in any order, half of them mirrored."""
    _, height, width = portrait.shape
    h, w = height // pieces, width // pieces
    tiles = portrait[0, : h * pieces, : w * pieces].reshape(pieces, h, pieces, w).swapaxes(1, 2).reshape(-1, h, w)
    tiles = tiles[rng.permutation(len(tiles))]
    mirrored = rng.random(len(tiles)) < 0.5
    tiles[mirrored] = tiles[mirrored][..., ::-1]
    return tiles.reshape(pieces, pieces, h, w).swapaxes(1, 2).reshape(1, h * pieces, w * pieces)


def random_view(rng, shape, size):
    """The map from the pixels of a scene to those of a texture of `shape`: turned, at any scale that fills it."""
    angle, scale = rng.uniform(-np.pi, np.pi), rng.uniform(0.3, 1) * min(shape) / size
    turn = scale * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return np.concatenate([turn, (np.array(shape[::-1]) / 2 - turn @ (size / 2, size / 2))[:, None]], 1)


def seen_through(picture, map_, size):
    """What a map (2, 3) takes from a picture (1, h, w), smoothed before it shrinks: (1, size, size)."""
    small = max(1, int(min(np.sqrt(abs(np.linalg.det(map_[:, :2]))), *picture.shape[1:])))
    height, width = (side - side % small for side in picture.shape[1:])
    picture = picture[:, :height, :width].reshape(1, height // small, small, width // small, small).mean((2, 4))
    return cut_out(picture[None].astype(np.float32), map_[None] / small, size)[0]


def paste(rng, image, portrait, box):
    """Cover a box of a grey image (1, size, size), in place, with a portrait (1, h, w): its head fills the box.

    Turned by up to 20 degrees, lighter or darker, its border soft.
    """
    x1, y1, x2, y2 = box
    size, centre = image.shape[1], np.array([(x1 + x2) / 2, (y1 + y2) / 2])
    scale, angle = HEAD * portrait.shape[1] / (y2 - y1), rng.uniform(-0.35, 0.35)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    shift = np.array(portrait.shape[:0:-1]) / 2 - scale * turn @ centre
    seen = seen_through(portrait, np.concatenate([scale * turn, shift[:, None]], 1), size)
    seen = (seen - 0.5) * rng.uniform(0.7, 1.3) + 0.5 + rng.uniform(-0.15, 0.15)
    places = (np.mgrid[:size, :size][::-1] + 0.5).reshape(2, -1).T - centre
    u, v = (np.abs(places @ turn.T) / ((x2 - x1) / 2, (y2 - y1) / 2)).T.reshape(2, size, size)
    inside = (u**3 + v**3) ** (1 / 3)  # between an oval and a rectangle
    cover = np.clip((1.1 - inside) * (y2 - y1) / 4 + 0.5, 0, 1)
    image += (cover * (seen - image)).astype(np.float32)
