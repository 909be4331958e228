"""One picture on its axes, in colour or grey, large pixels as squares."""

import numpy as np

SMALL = 100  # pixels: smaller pictures are shown as squares of pixels, larger ones smoothly


def show(ax, image, title="", below="", size=11, **settings):
    """A picture [C, H, W] or [H, W] without ticks, a title above, words below; `settings` of a map, as imshow's."""
    image = np.asarray(image)
    if image.ndim == 3 and image.shape[0] == 3:
        shown = np.clip(image, 0, 1).transpose(1, 2, 0)
    else:
        shown = image[0] if image.ndim == 3 else image
        settings = {"cmap": "gray", "vmin": 0, "vmax": 1} | settings
    ax.imshow(shown, interpolation="nearest" if shown.shape[0] < SMALL else "antialiased", **settings)
    ax.set(xticks=[], yticks=[])
    ax.set_title(title, fontsize=size)
    ax.set_xlabel(below, fontsize=10)
    for spine in ax.spines.values():  # a white picture on white paper must be seen, too
        spine.set(color="0.7", linewidth=0.5)
