"""Reading picture files. Pillow is imported only when a picture is read."""

import numpy as np

PICTURE_ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm")


def read_picture(path, size=None):
    """(pixels uint8 RGB (3, H, W), (height, width) in the file); `size` = (H, W) resizes with anti-aliasing.

    Orientation tags (EXIF) are not applied: annotations count the stored pixels.
    ValueError naming the file when it is truncated or no picture; OSError when it cannot be opened.
    """
    try:
        from PIL import Image
    except ImportError:
        raise ImportError(
            "reading picture files needs Pillow: pip install 'pyconvnet[lectures]'"
        ) from None
    with open(path, "rb") as file:
        # Besides OSError, Pillow's decoders leak SyntaxError, struct.error and others on damaged files.
        try:
            with Image.open(file) as picture:
                picture = picture.convert("RGB")
        except Exception as problem:
            raise ValueError(f"{path}: unreadable or truncated picture ({problem})") from None
    width, height = picture.size
    if size is not None:
        picture = _resized(picture, size)
    return np.ascontiguousarray(np.asarray(picture, dtype=np.uint8).transpose(2, 0, 1)), (height, width)


def resize_picture(image, size):
    """A float32 image (3, H, W) at `size` = (H, W), by the same rule."""
    from PIL import Image

    channels = [_resized(Image.fromarray(np.ascontiguousarray(c, dtype=np.float32)), size) for c in image]
    return np.stack([np.asarray(channel) for channel in channels])


def _resized(picture, size):
    from PIL import Image

    width, height = picture.size
    if size == (height, width):
        return picture
    shrinks = size[0] <= height and size[1] <= width
    # BOX averages the pixels under each new one; where the picture grows it would repeat them instead.
    method = Image.Resampling.BOX if shrinks else Image.Resampling.BILINEAR
    return picture.resize((size[1], size[0]), method)
