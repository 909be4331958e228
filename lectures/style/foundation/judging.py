"""What became of a picture: is it a copy of the style picture, or has it its texture, on which scale, who says so?"""

import numpy as np

from lectures.fixed_network.likeness import correlation

SIGMA = 2.0  # pixels: what is finer is called a detail
COPY = 0.5  # correlation of the details from which on a picture is a copy of the style picture
COARSE = (8, 24)  # lags in pixels at which a texture is said to be alike on a coarse scale


def autocorrelation(images, lags=COARSE[1]):
    """How alike pictures [N, C, H, W] are to themselves, moved by up to `lags` pixels: [N, lags + 1, 2 lags + 1].

    Covariance of all pairs of pixels so far apart, by the variance; mean of the channels. [n, y, lags + x] is the lag
    (y down, x to the right). By Fourier transforms of pictures with as many zeros around.
    """
    x = np.asarray(images, np.float64)
    height, width = x.shape[2:]
    if not 0 < lags < min(height, width):
        raise ValueError(f"autocorrelation: lags must be 1 to {min(height, width) - 1}, fewer than pixels, got {lags}")
    x = x - x.mean((2, 3), keepdims=True)
    size = height + lags, width + lags
    spectrum = np.abs(np.fft.rfft2(x, size)) ** 2
    covariance = np.fft.irfft2(spectrum, size).sum(1)
    down, across = np.arange(lags + 1), np.arange(-lags, lags + 1)
    pairs = (height - down)[:, None] * (width - np.abs(across))
    found = covariance[:, down[:, None], across] / pairs
    variance = (x**2).sum(1).mean((1, 2))
    return found / np.maximum(variance, 1e-12)[:, None, None]


def coarse_error(images, styles, lags=COARSE):
    """Root mean square difference of the autocorrelations of pictures and styles at lags from lags[0] to lags[1]: [N].

    The lag counts by its longer side. 0: on that scale their textures are alike; styles of any size.
    """
    a, b = (autocorrelation(x, lags[1]) for x in (images, styles))
    far = np.maximum(np.arange(lags[1] + 1)[:, None], np.abs(np.arange(-lags[1], lags[1] + 1))) >= lags[0]
    return np.sqrt(((a - b)[:, far] ** 2).mean(1))


def judged(judge, images, pairs):
    """What the judge sees in pictures, as shares: {"texture" of the style, "shape" of the content, "transferred"}.

    Transferred: both, in a picture that is no copy. Each alone is easy: the style picture has its texture, the content
    its shape; and who pastes the details of the style onto the content has both. "copy" is the mean correlation with
    these details. Nothing where there is no judge.
    """
    if judge is None:
        return {}
    textures = judge.predict_textures(images)[0] == pairs.textures
    shapes = judge.predict(images)[0] == pairs.shapes
    copy = correlation(detail(images), detail(pairs.styles))
    return {
        "texture": float(textures.mean()), "shape": float(shapes.mean()),
        "transferred": float((textures & shapes & (copy < COPY)).mean()), "copy": float(copy.mean()),
    }  # fmt: skip


def detail(images, sigma=SIGMA):
    """Pictures [N, C, H, W] less themselves blurred by a Gaussian of `sigma` pixels; mirrored at the border."""
    x, reach = np.asarray(images, np.float64), int(np.ceil(3 * sigma))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    weights, blurred = weights / weights.sum(), x
    for axis in (2, 3):
        border = [(reach, reach) if k == axis else (0, 0) for k in range(4)]
        padded = np.pad(blurred, border, mode="reflect")
        shifted = (np.take(padded, range(k, k + x.shape[axis]), axis) for k in range(len(weights)))
        blurred = sum(w * part for w, part in zip(weights, shifted))
    return x - blurred


def trivial(pairs):
    """{name: pictures} that no network has painted, and that a transfer must be better than."""
    contents, styles = (np.asarray(images, np.float64) for images in (pairs.contents, pairs.styles))
    pasted = np.clip(contents - detail(contents) + detail(styles), 0, 1)
    found = {"content unchanged": contents, "style picture itself": styles, "half of each": (contents + styles) / 2,
             "style's details pasted": pasted}  # fmt: skip
    return {name: images.astype(np.float32) for name, images in found.items()}
