"""What every drawing needs: matplotlib if it is installed, an Axes to draw on, a picture it can show."""

import numpy as np


def pyplot(caller):
    """matplotlib.pyplot, imported on first use: the package does without it. Never changes the backend."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(f"{caller} needs matplotlib: pip install 'pyconvnet[lectures]'") from error
    return plt


def axes(caller, ax, height, width):
    """`ax`, or a new figure with one Axes in the proportions of the picture, large enough for a classroom."""
    if ax is not None:
        return ax
    plt = pyplot(caller)
    scale = 6 / max(height, width)
    _, ax = plt.subplots(figsize=(max(2, width * scale), max(2, height * scale)), layout="constrained")
    return ax


def picture(caller, image):
    """(3, H, W), (1, H, W) or (H, W) of floats in [0, 1] -> (H, W, 3). A Tensor is read for its values.

    ValueError names what was probably meant: channels last, values up to 255, a normalised image."""
    image = np.asarray(image)
    if image.dtype.kind not in "fb":
        raise TypeError(
            f"{caller}: image must hold floats in [0, 1], got dtype {image.dtype}: divide 8-bit values by 255"
        )
    image = image.astype(np.float64)
    if image.ndim == 2:
        image = image[None]
    if image.ndim != 3 or image.shape[0] not in (1, 3):
        hint = ""
        if image.ndim == 3 and image.shape[2] in (1, 3):
            hint = ": are the channels last? image.transpose(2, 0, 1) puts them first"
        elif image.ndim == 4:
            hint = ": one image at a time; montage shows a batch"
        raise ValueError(
            f"{caller}: image must have shape (3, H, W), (1, H, W) or (H, W), got {image.shape}{hint}"
        )
    if image.size == 0:
        raise ValueError(f"{caller}: image of shape {image.shape} has no pixels")
    if not np.isfinite(image).all():
        raise ValueError(f"{caller}: image holds NaN or infinite values")
    low, high = image.min(), image.max()
    # A filter or a resize may overshoot a little; that is cut off.
    if low < -0.1 or high > 1.1:
        hint = "divide by 255" if low >= 0 and high > 2 else "undo the normalisation first"
        raise ValueError(f"{caller}: image must lie in [0, 1], got [{low:.3g}, {high:.3g}]: {hint}")
    return np.broadcast_to(np.clip(image, 0, 1).transpose(1, 2, 0), (*image.shape[1:], 3))


def show_picture(ax, pixels, **options):
    """Draws (H, W, 3) or (H, W) so that continuous box coordinates fit: pixel 0 reaches from 0 to 1."""
    height, width = pixels.shape[:2]
    ax.imshow(pixels, extent=(0, width, height, 0), interpolation="nearest", **options)
    ax.set_xticks([])
    ax.set_yticks([])
