"""Edge boxes: a window that encloses whole contours, rather than cutting them, probably holds an object.

Deck "Deep Convolutional Neural Networks II", slide "Region proposals (category independent)": "Edgeboxes
[Zitnick-ECCV-2014]". Zitnick & Dollar, "Edge Boxes: Locating Object Proposals from Edges" (2014), simplified:
- edges are maxima of the gradient (theirs come from a learned detector);
- a group of edges is connected pixels whose directions turn by less than 30 degrees from one to the next; it counts for
  a window wholly or, where the window's border cuts it, not at all (theirs: less, the stronger it is joined by affinity
  to a group that is cut);
- a window is drawn in to the contours that it encloses (theirs: a search in ever smaller steps).
As theirs: score = (edges of enclosed groups - edges in the central half, by an integral image) / (2 (w + h)^1.5),
sliding windows of IoU .65 with their neighbours in place, size and aspect ratio, non-maximum suppression at IoU .75.
"""

import numpy as np

import pyconvnet as pcn
from lectures.detection.proposing.colour_spaces import read_picture
from lectures.detection.proposing.graph_segmentation import check_most, smooth

ALPHA, BETA, KAPPA = 0.65, 0.75, 1.5  # IoU of neighbouring windows; of the suppression; exponent of the perimeter
WEAKEST = 0.03  # change of value per pixel that is an edge
STRAIGHT = np.pi / 6  # how much a contour may turn from pixel to pixel
SMALLEST = 8  # pixels: of a window's side
PAIRS_AT_ONCE = 2**22  # of windows and contours: a few megabytes


def edge_boxes(image, max_boxes=None):
    """Boxes float32 (n, 4) of a picture (3, H, W), best first, and their scores (n,); (0, 4), (0,) without any edge."""
    check_most("edge_boxes", max_boxes)
    image = read_picture("edge_boxes", image)
    magnitude, direction = edges(image)
    contours, strength = contour_boxes(*edge_groups(magnitude, direction), magnitude)
    windows = sliding_windows(magnitude.shape)
    boxes = np.unique(np.concatenate([drawn_in(part, contours) for part in _parts(windows, contours)]), axis=0)
    enclosed = [encloses(part, contours) @ strength for part in _parts(boxes, contours)]
    scores = objectness(boxes, np.concatenate(enclosed), magnitude)
    boxes, scores = boxes[scores > 0], scores[scores > 0]
    keep = pcn.ops.nms(boxes, scores, BETA)[:max_boxes]
    return boxes[keep], scores[keep]


def edges(image, sigma=1.0):
    """(magnitude, direction) (H, W) of the gradient in the channel where it is greatest; direction in [0, pi).

    The magnitude is 0 where it is no ridge: where a neighbour across the edge has more, and below WEAKEST.
    """
    padded = np.pad(smooth(image, sigma), ((0, 0), (1, 1), (1, 1)), "edge")
    gx, gy = (padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]) / 2, (padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]) / 2
    squared = gx * gx + gy * gy
    steepest = squared.argmax(0)[None]
    gx, gy, squared = (np.take_along_axis(a, steepest, 0)[0] for a in (gx, gy, squared))
    magnitude, direction = np.sqrt(squared), np.arctan2(gy, gx) % np.pi
    around = np.pad(magnitude, 1)
    height, width = magnitude.shape
    ridge = np.zeros(magnitude.shape, bool)
    octant = np.round(direction / (np.pi / 4)).astype(int) % 4
    for o, (dy, dx) in enumerate(((0, 1), (1, 1), (1, 0), (1, -1))):
        before = around[1 - dy : 1 - dy + height, 1 - dx : 1 - dx + width]
        after = around[1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width]
        ridge |= (octant == o) & (magnitude > before) & (magnitude >= after)
    return np.where(ridge & (magnitude >= WEAKEST), magnitude, 0), direction


def edge_groups(magnitude, direction):
    """(pixels [n, 2] as row and column of the edges, the group of each [n]): contours that do not turn sharply."""
    height, width = magnitude.shape
    number = np.full((height, width), -1)
    pixels = np.argwhere(magnitude > 0)
    number[tuple(pixels.T)] = np.arange(len(pixels))
    joined = []
    for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1)):
        here = np.s_[: height - dy, max(0, -dx) : width - max(0, dx)]
        there = np.s_[dy:, max(0, dx) : width + min(0, dx)]
        turn = np.abs(direction[here] - direction[there])
        smoothly = (number[here] >= 0) & (number[there] >= 0) & (np.minimum(turn, np.pi - turn) < STRAIGHT)
        joined.append(np.stack([number[here][smoothly], number[there][smoothly]], axis=1))
    joined = np.concatenate(joined)
    return pixels, pcn.kernels.segment_graph(len(pixels), joined, np.zeros(len(joined)), np.inf)


def contour_boxes(pixels, group, magnitude, fewest=3):
    """(boxes (g, 4) between the outermost pixel centres, summed magnitude (g,)) of the groups of at least 3 pixels."""
    n = int(group.max(initial=-1)) + 1
    boxes = np.concatenate([np.full((n, 2), np.inf), np.full((n, 2), -np.inf)], axis=1).astype(np.float32)
    centres = (pixels[:, ::-1] + 0.5).astype(np.float32)
    np.minimum.at(boxes[:, :2], group, centres)
    np.maximum.at(boxes[:, 2:], group, centres)
    strength = np.bincount(group, magnitude[tuple(pixels.T)], minlength=n).astype(np.float32)
    large = np.bincount(group, minlength=n) >= fewest
    return boxes[large], strength[large]


def sliding_windows(size, alpha=ALPHA):
    """Windows (n, 4) over a picture of size (H, W): neighbours overlap by about `alpha` in place, size and shape."""
    height, width = size
    smallest = min(max(SMALLEST, min(size) / 16), *size)
    step = (1 - alpha) / (1 + alpha)  # of a side: two boxes so far apart have IoU alpha
    windows = [np.array([[0, 0, width, height]])]
    for side in smallest * alpha ** -(0.5 * np.arange(int(2 * np.log(max(size) / smallest) / -np.log(alpha)) + 1)):
        for stretch in alpha ** np.arange(-1.5, 1.6, 0.5):
            w, h = side * stretch, side / stretch
            if w <= width and h <= height:
                x = np.linspace(0, width - w, int(np.ceil((width - w) / (step * w))) + 1)
                y = np.linspace(0, height - h, int(np.ceil((height - h) / (step * h))) + 1)
                x, y = np.meshgrid(x, y)
                windows.append(np.stack([x, y, x + w, y + h], axis=-1).reshape(-1, 4))
    return np.concatenate(windows).astype(np.float32)


def encloses(windows, contours):
    """Whether each window (n, 4) holds the whole of each contour (g, 4): bool (n, g)."""
    inside = windows[:, None, 0] <= contours[:, 0]
    inside &= windows[:, None, 1] <= contours[:, 1]
    inside &= windows[:, None, 2] >= contours[:, 2]
    inside &= windows[:, None, 3] >= contours[:, 3]
    return inside


def drawn_in(windows, contours):
    """The box around the contours in each window (n, 4), with half a pixel to spare; of windows that hold any."""
    inside = encloses(windows, contours)
    inside = inside[inside.any(1)]
    if len(inside):  # each set of contours once: as one number of many bytes, or the sorting takes most of the time
        bits = np.packbits(inside, axis=1)
        inside = inside[np.unique(bits.view(f"V{bits.shape[1]}"), return_index=True)[1]]
    low = [np.where(inside, contours[:, a], np.inf).min(1, initial=np.inf) - 0.5 for a in (0, 1)]
    high = [np.where(inside, contours[:, a], -np.inf).max(1, initial=-np.inf) + 0.5 for a in (2, 3)]
    return np.stack(low + high, axis=1).astype(np.float32)


def objectness(boxes, enclosed, magnitude):
    """(enclosed - edges in the central half of the box) / (2 (w + h)^1.5) of boxes (n, 4)."""
    integral = np.pad(magnitude.astype(np.float64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    size = boxes[:, 2:] - boxes[:, :2]
    x1, y1 = np.round(boxes[:, :2] + size / 4).astype(int).T
    x2, y2 = np.round(boxes[:, 2:] - size / 4).astype(int).T
    centre = integral[y2, x2] - integral[y1, x2] - integral[y2, x1] + integral[y1, x1]
    return ((enclosed - centre) / (2 * size.sum(1) ** KAPPA)).astype(np.float32)


def _parts(boxes, contours):
    """`boxes` in pieces, so that a piece times all contours fits into memory; at least one piece."""
    rows = max(1, PAIRS_AT_ONCE // max(1, len(contours)))
    return [boxes[i : i + rows] for i in range(0, max(len(boxes), 1), rows)]
