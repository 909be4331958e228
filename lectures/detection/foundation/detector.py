"""The face that every detector has: pictures in, one (boxes, scores, labels) per picture out."""

import numpy as np

import pyconvnet as pcn
from pyconvnet import nn

GREY = 0.5  # what pictures are padded with: the value that networks here see as zero


class Detector(nn.Module):
    """A network that finds objects of the kinds named in `classes`.

    A detector defines `detect(images, confidence_threshold, nms_threshold)` for an array (N, 3, H, W) whose sides are
    multiples of its `stride`. It sets how sure it has to be (`confidence`) and how much two boxes of one class may
    overlap (`nms`) where the caller does not say.
    """

    stride, confidence, nms = 8, 0.2, 0.45
    fixed_number = False  # True: always as many answers as there are slots, even a box without an area
    padded = True  # False: `detect` gets the pictures as they are, and pads them itself where its network looks at them

    def __init__(self, classes):
        super().__init__()
        if isinstance(classes, str):
            raise TypeError(f"{type(self).__name__}: classes is a sequence of names, got the one name {classes!r}")
        if not classes:
            raise ValueError(f"{type(self).__name__}: classes is empty; it names at least one kind of object")
        self.classes = tuple(classes)

    def predict(self, images, confidence_threshold=None, nms_threshold=None):
        """One (boxes, scores, labels) per picture: boxes xyxy in pixels, best score first; there may be none.

        images: (N, 3, H, W), or a list of (3, H, W) of any sizes; RGB in [0, 1]. A side that is no multiple of
        `stride` is padded with grey, right and below. ValueError for anything else.
        """
        confidence_threshold = self.confidence if confidence_threshold is None else confidence_threshold
        nms_threshold = self.nms if nms_threshold is None else nms_threshold
        images, found = read_images(type(self).__name__, images), []
        was_training = self.training
        self.eval()  # batch norm must not learn from, nor depend on, the pictures that are asked about
        try:
            with pcn.no_grad():
                for batch in of_one_size(images):
                    height, width = batch[0].shape[1:]
                    shown = pad_to_multiple(np.stack(batch), self.stride if self.padded else 1)
                    for boxes, scores, labels in self.detect(shown, confidence_threshold, nms_threshold):
                        boxes = pcn.ops.clip_boxes_to_image(boxes, (height, width))
                        # Of a box found in the padding nothing is left.
                        inside = np.full(len(boxes), True) if self.fixed_number else pcn.ops.box_area(boxes) > 0
                        found.append((boxes[inside], scores[inside], labels[inside]))
        finally:
            self.train(was_training)
        return found

    def refuse_parts_of_cells(self, images):
        """ValueError unless images are (N, 3, H, W) with sides that `stride` divides; `predict` pads, `forward` not."""
        if images.ndim != 4 or any(side == 0 or side % self.stride for side in images.shape[2:]):
            raise ValueError(
                f"{type(self).__name__}: pictures are (N, 3, H, W) with H and W multiples of its stride {self.stride} "
                f"(whole cells), got {tuple(images.shape)}"
            )

    def detect(self, images, confidence_threshold, nms_threshold):
        """What `predict` returns, for an array (N, 3, H, W) of pictures of one size."""
        raise NotImplementedError(f"{type(self).__name__} must define detect(images, confidence, nms)")


def read_images(who, images):
    """The pictures as a list of float32 arrays (3, H, W); ValueError says which of them is none."""
    if isinstance(images, pcn.Tensor):
        images = images.data
    if isinstance(images, np.ndarray) and images.ndim != 4:
        raise ValueError(f"{who}: images must be (N, 3, H, W) or a list of (3, H, W), got shape {images.shape}")
    read = []
    for i, image in enumerate(images):
        image = np.asarray(image.data if isinstance(image, pcn.Tensor) else image)
        if image.ndim != 3 or image.shape[0] != 3 or 0 in image.shape:
            raise ValueError(
                f"{who}: picture {i} has shape {image.shape}; expected (3, H, W), at least one pixel"
                + (": is it H, W, 3?" if image.ndim == 3 and image.shape[-1] == 3 else "")
            )
        if image.dtype.kind != "f":
            raise TypeError(f"{who}: picture {i} is {image.dtype}; expected float in [0, 1]: divide by 255?")
        if not np.isfinite(image).all():
            raise ValueError(f"{who}: picture {i} holds NaN or infinity")
        if image.min() < -0.01 or image.max() > 1.01:
            raise ValueError(
                f"{who}: picture {i} is in [{image.min():g}, {image.max():g}]; expected [0, 1]: divide by 255?"
            )
        read.append(image.astype(np.float32, copy=False))
    return read


def of_one_size(images, most=50):
    """Neighbouring pictures of one size in batches of at most `most`, in order."""
    batch = []
    for image in images:
        if batch and (image.shape != batch[0].shape or len(batch) == most):
            yield batch
            batch = []
        batch.append(image)
    if batch:
        yield batch


def pad_to_multiple(images, stride):
    """Images (N, 3, H, W) with grey added on the right and below, until `stride` divides both sides."""
    down, right = (-side % stride for side in images.shape[2:])
    if not (down or right):
        return images
    return np.pad(images, ((0, 0), (0, 0), (0, down), (0, right)), constant_values=GREY)
