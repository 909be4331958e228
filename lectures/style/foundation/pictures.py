"""Content and style pictures: painted ones, whose shape and texture are known, or photographs and paintings."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

import pyconvnet as pcn

PAIRS, QUICK = 24, 2  # painted pairs of content and style
SMALLEST = 32  # pixels of the shorter side: a network halves a picture several times
LONGEST = 400  # pixels of the longer side of a photograph or painting
NAMES = ("content", "style")  # folders of --data images:DIR


@dataclass
class Pairs:
    """Picture n is content n in style n: lists of pictures CHW in [0, 1], `names` ("content in style").

    `shapes` of the contents and `textures` of the styles, int64, where they are known.
    """

    contents: list
    styles: list
    names: list
    shapes: np.ndarray | None = None
    textures: np.ndarray | None = None
    skipped: list = field(default_factory=list)

    def __len__(self):
        return len(self.names)

    def first(self, count):
        """The first pairs, all there are at most."""
        known = {k: v if v is None else v[:count] for k, v in (("shapes", self.shapes), ("textures", self.textures))}
        return Pairs(self.contents[:count], self.styles[:count], self.names[:count], **known)

    def of_one_size(self):
        """All pictures cropped around their middles to the largest size that all have."""
        sizes = np.array([image.shape[1:] for image in (*self.contents, *self.styles)]).min(0)
        cropped = [np.stack([middle(image, *sizes) for image in images]) for images in (self.contents, self.styles)]
        return Pairs(*cropped, self.names, self.shapes, self.textures, self.skipped)


def pairs_of(options, network, count=PAIRS):
    """The Pairs of a run: every content in every style of --data images:DIR, else `count` painted unseen pairs."""
    if options.data is None:
        if network.channels != 3 or not hasattr(network, "textures"):
            raise ValueError(f"{network.name}: with --weights give photographs, too: --data images:DIR with the "
                             "folders content/ and style/")  # fmt: skip
        return painted_pairs(QUICK if options.quick else count, options.seed)
    return folder_pairs(options.data, 128 if options.quick else LONGEST, options.skip_bad)


def painted_pairs(count, seed=0, size=64):
    """Unseen pictures of `pcn.data.TexturedShapes`: a shape, and for its style the next picture of another texture."""
    images, shapes, textures = pcn.data.TexturedShapes(8 * count + 16, "test", seed, size).arrays()
    chosen, free = [], list(range(count, len(images)))
    for n in range(count):
        other = next(k for k in free if textures[k] != textures[n] and shapes[k] != shapes[n])
        free.remove(other)
        chosen.append(other)
    classes = pcn.data.TexturedShapes.classes, pcn.data.TexturedShapes.textures
    names = [f"{classes[0][a]} in {classes[1][b]}" for a, b in zip(shapes[:count], textures[chosen])]
    return Pairs(images[:count], images[chosen], names, shapes[:count], textures[chosen])


def folder_pairs(data, longest=LONGEST, skip_bad=False):
    """Every picture of DIR/content in every style of DIR/style, of --data images:DIR. ValueError, OSError in words."""
    kind, _, place = data.partition(":")
    if kind != "images" or not place:
        raise ValueError(f"--data {data}: style takes images:DIR, a folder with the folders content/ and style/")
    if missing := [name for name in NAMES if not (Path(place) / name).is_dir()]:
        raise FileNotFoundError(f"--data {data}: {place} has no folder {' and no folder '.join(missing)}/")
    contents, styles = (pcn.data.PictureFolder(Path(place) / name, longest, skip_bad) for name in NAMES)
    for defect in contents.skipped + styles.skipped:
        print(f"left out: {defect}")
    for image, name in (*contents, *styles):
        large_enough(image, name)
    found = [(content, style) for content in contents for style in styles]
    return Pairs(
        [content for (content, _), _ in found], [style for _, (style, _) in found],
        [f"{Path(a).stem} in {Path(b).stem}" for (_, a), (_, b) in found],
        skipped=contents.skipped + styles.skipped,
    )  # fmt: skip


def large_enough(image, name, least=SMALLEST):
    """ValueError naming a picture CHW that is too small for the networks."""
    if min(image.shape[1:]) < least:
        raise ValueError(f"{name} is {image.shape[2]} x {image.shape[1]} pixels; at least {least} x {least} are needed")


def textures_alone(count, seed=0, size=64):
    """(style pictures [count, 3, size, size] without any shape, their textures): what a style is, and nothing else.

    Grey with a tint, and the relief and the noise of `pcn.data.TexturedShapes`; every texture in turn.
    """
    rng, textures = np.random.default_rng((0x7E87, seed)), np.arange(count) % len(pcn.data.TexturedShapes.textures)
    images = [
        rng.uniform(0.42, 0.58, (3, 1, 1)) + 0.03 * rng.standard_normal((3, size, size))
        + pcn.data.draw_texture(int(k), rng, size) * rng.uniform(0.15, 0.25) * rng.uniform(0.6, 1.4, (3, 1, 1))
        for k in textures
    ]  # fmt: skip
    return np.clip(images, 0, 1).astype(np.float32), textures


def middle(image, height, width):
    """The middle height x width pixels of a picture CHW."""
    top, left = (image.shape[1] - height) // 2, (image.shape[2] - width) // 2
    return image[:, top : top + height, left : left + width]
