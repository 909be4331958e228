"""Many pictures in one: images side by side, the channels of a feature map, the filters of a convolution."""

import math

import numpy as np

from .axes import axes, picture, pyplot, show_picture


def montage(images, columns=None, titles=None, ax=None, gap=None, background=1.0):
    """Images side by side, row by row: a batch (N, C, H, W), (N, H, W), or a list of CHW or HW of any sizes.

    Floats in [0, 1]. columns: as square as possible unless given; titles: one text per image, above it; gap
    in pixels (default: 1/16 of an image). Returns the matplotlib Axes drawn on. ValueError, TypeError.
    """
    caller = "montage"
    tiles = [picture(f"{caller}: images[{i}]", image) for i, image in enumerate(_sequence(caller, images))]
    height, width = (max(t.shape[axis] for t in tiles) for axis in (0, 1))
    return _grid(caller, tiles, height, width, columns, titles, ax, gap, background)


def show_feature_maps(maps, columns=None, titles=None, ax=None, scale="each", cmap="viridis", background=1.0):
    """The channels of one feature map (C, H, W) or (1, C, H, W) side by side, each under its number.

    scale "each": dark to bright is the range of that channel; "shared": of all channels, which then compare.
    A constant channel is shown dark. Returns the matplotlib Axes drawn on. ValueError, TypeError in words."""
    caller = "show_feature_maps"
    maps = _numbers(caller, "maps", maps)
    if maps.ndim == 4 and maps.shape[0] == 1:
        maps = maps[0]
    if maps.ndim != 3 or maps.size == 0:
        hint = ": choose one image of the batch, maps[0]" if maps.ndim == 4 else ""
        raise ValueError(f"{caller}: maps must have shape (C, H, W), none of them 0, got {maps.shape}{hint}")
    if scale not in ("each", "shared"):
        raise ValueError(f'{caller}: scale must be "each" or "shared", got {scale!r}')
    axis = (1, 2) if scale == "each" else None
    low, high = maps.min(axis=axis, keepdims=True), maps.max(axis=axis, keepdims=True)
    unit = (maps - low) / np.where(high > low, high - low, 1)
    titles = range(len(maps)) if titles is None else titles
    return _grid(caller, _colored(caller, unit, cmap), *maps.shape[1:], columns, titles, ax, None, background)


def show_filters(weight, columns=None, titles=None, ax=None, cmap="RdBu_r", background=0.8):
    """The filters of a convolution, weight (F, C, kh, kw), side by side; grey or white is a weight of 0.

    C = 3: one colour picture per filter. Otherwise a row per filter and a column per input channel (C = 1: a
    grid), blue negative, red positive. Every filter is scaled by its own largest weight: sign and shape are
    what counts. Returns the matplotlib Axes drawn on. ValueError, TypeError in words."""
    caller = "show_filters"
    weight = _numbers(caller, "weight", weight)
    if weight.ndim != 4 or weight.size == 0:
        raise ValueError(
            f"{caller}: weight must have shape (F, C, kh, kw), none of them 0, got {weight.shape}"
        )
    largest = np.abs(weight).max(axis=(1, 2, 3), keepdims=True)
    unit = 0.5 + 0.5 * weight / np.where(largest > 0, largest, 1)
    filters, channels, height, width = weight.shape
    if channels == 3:
        tiles = list(unit.transpose(0, 2, 3, 1))
    else:
        tiles = _colored(caller, unit.reshape(-1, height, width), cmap)
        columns = channels if columns is None and channels > 1 else columns
    if titles is None and len(tiles) == filters:
        titles = range(filters)
    return _grid(caller, tiles, height, width, columns, titles, ax, None, background)


def _grid(caller, tiles, height, width, columns, titles, ax, gap, background):
    """Tiles (h, w, 3) of at most height x width on one sheet; each in the upper left corner of its place."""
    count = len(tiles)
    columns = math.ceil(math.sqrt(count * height / width)) if columns is None else columns
    if not isinstance(columns, (int, np.integer)) or columns < 1:
        raise ValueError(f"{caller}: columns must be a positive integer, got {columns!r}")
    columns = min(int(columns), count)
    rows = math.ceil(count / columns)
    if titles is not None and len(titles) != count:
        raise ValueError(f"{caller}: {count} images but {len(titles)} titles")
    gap = max(1, round(max(height, width) / 16)) if gap is None else gap
    # A line of text, in pixels of the picture: a sixth of an image, and readable however large the grid.
    line = 0 if titles is None else math.ceil(max(height / 6, rows * height / 36, columns * width / 36))
    down, across = height + gap + line, width + gap
    sheet = np.full((rows * down + gap, columns * across + gap, 3), float(background))
    places = [(gap + line + i // columns * down, gap + i % columns * across) for i in range(count)]
    for (y, x), tile in zip(places, tiles):
        sheet[y : y + tile.shape[0], x : x + tile.shape[1]] = tile
    ax = axes(caller, ax, *sheet.shape[:2])
    show_picture(ax, sheet)
    ax.set_axis_off()
    if titles is not None:
        ax.apply_aspect()
        screen = abs(np.diff(ax.transData.transform([(0, 0), (0, line)])[:, 1])[0]) * 72 / ax.figure.dpi
        size = min(16, max(5, 0.8 * screen))
        for (y, x), title in zip(places, titles):
            ax.text(
                x, y - 0.2 * line, str(title), fontsize=size, color="black" if background > 0.5 else "white"
            )
    return ax


def _colored(caller, unit, cmap):
    pyplot(caller)
    from matplotlib import colormaps

    return list(colormaps[cmap](unit)[..., :3])


def _sequence(caller, images):
    if not isinstance(images, (list, tuple)):
        images = np.asarray(images)
        if images.ndim not in (3, 4):
            raise ValueError(
                f"{caller}: images must be a list, or a batch (N, C, H, W) or (N, H, W), got {images.shape}"
            )
    if len(images) == 0:
        raise ValueError(f"{caller}: there are no images")
    return images


def _numbers(caller, argument, values):
    values = np.asarray(values)
    if values.dtype.kind not in "iufb":
        raise TypeError(f"{caller}: {argument} must be numbers, got dtype {values.dtype}")
    values = values.astype(np.float64)
    if not np.isfinite(values).all():
        raise ValueError(f"{caller}: {argument} hold NaN or infinite values")
    return values
