"""Colour spaces that Selective Search looks at a picture in: pictures (3, H, W) in, float32 channels about [0, 1] out.

No space fits every picture: shadows change lightness and leave hue and chromaticity alone, a grey object on grey
ground has lightness only. So the paper groups in several and pools the boxes (Uijlings et al. 2013, table 2).
"""

import numpy as np

RGB_TO_XYZ = np.array(
    [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]], np.float32
)  # of linear sRGB
WHITE = RGB_TO_XYZ.sum(1)


def read_picture(op, image):
    """`image` as a float32 array (3, H, W) in [0, 1]; ValueError or TypeError in words for anything else."""
    image = np.asarray(image)
    if image.dtype.kind not in "fiub":
        raise TypeError(f"{op}: a picture is float32 in [0, 1], got dtype {image.dtype}")
    if image.ndim != 3 or image.shape[0] != 3 or 0 in image.shape:
        hint = ": is it HWC?" if image.ndim == 3 and image.shape[-1] == 3 else ""
        hint = ": one picture at a time" if image.ndim == 4 else hint
        raise ValueError(f"{op}: a picture is (3, H, W), not empty, got shape {image.shape}{hint}")
    image = image.astype(np.float32, copy=False)
    low, high = image.min(), image.max()
    if not (np.isfinite(low) and np.isfinite(high)):  # min and max of a picture with NaN are NaN
        channel, y, x = np.argwhere(~np.isfinite(image))[0]
        raise ValueError(f"{op}: the picture is {image[channel, y, x]} in channel {channel} at row {y}, column {x}")
    if low < -0.01 or high > 1.01:
        raise ValueError(f"{op}: a picture is in [0, 1], this one in [{low:g}, {high:g}]: divide by 255?")
    return np.clip(image, 0, 1) if low < 0 or high > 1 else image


def grey(rgb):
    """Lightness alone, (1, H, W): the eye's weights of R, G, B."""
    return np.tensordot(np.array([[0.299, 0.587, 0.114]], np.float32), rgb, 1)


def normalised_rgb(rgb):
    """R / (R + G + B), G / (R + G + B), which shading does not change, and the mean."""
    total = rgb.sum(0, keepdims=True)
    return np.concatenate([rgb[:2] / np.maximum(total, 1e-3), total / 3])


def hsv(rgb):
    """Hue as a turn in [0, 1), saturation, value: the hexagonal cone of Smith (1978)."""
    value, spread = rgb.max(0), np.ptp(rgb, axis=0)
    r, g, b = rgb
    with np.errstate(invalid="ignore", divide="ignore"):
        green_or_blue = np.where(value == g, (b - r) / spread + 2, (r - g) / spread + 4)
        hue = np.where(value == r, (g - b) / spread % 6, green_or_blue)
        saturation = spread / value
    without_colour = spread == 0
    hue[without_colour] = saturation[without_colour] = 0
    return np.stack([hue / 6, saturation, value])


def lab(rgb):
    """CIE L*a*b* (D65) of sRGB, where distances are about those that people see; L / 100, (a, b) / 255 + 1/2."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = np.tensordot(RGB_TO_XYZ / WHITE[:, None], linear, 1)
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.stack([1.16 * y - 0.16, (x - y) * (500 / 255) + 0.5, (y - z) * (200 / 255) + 0.5])


COLOUR_SPACES = {"rgb": np.asarray, "grey": grey, "hsv": hsv, "lab": lab, "rgi": normalised_rgb}


def convert(rgb, space):
    """A checked picture in the colour space of that name: float32 (channels, H, W)."""
    if space not in COLOUR_SPACES:
        raise ValueError(f"no colour space {space!r}; there are {', '.join(COLOUR_SPACES)}")
    return COLOUR_SPACES[space](rgb).astype(np.float32, copy=False)
