"""Bad input to the detection metrics is refused in words."""

import numpy as np
import pytest

from pyconvnet.metrics import coco_summary, detection_average_precision

BOX = np.array([[0.0, 0, 10, 10]])
FOUND, THERE = (BOX, [0.5], [0]), (BOX, [0])
REVERSED = BOX[:, [2, 1, 0, 3]]

CASES = [
    (FOUND, [THERE], TypeError, "is this one image without the list around it?"),
    (BOX, [THERE], TypeError, "detections must be a list with one tuple per image"),
    ([FOUND], [BOX], TypeError, "ground_truths[0] must be a tuple (boxes, labels) or (boxes, labels,"),
    ([FOUND, FOUND], [THERE], ValueError, "2 images in detections but 1 in ground_truths"),
    ([(BOX, [0.5])], [THERE], ValueError, "must be a tuple (boxes, scores, labels), got 2 items"),
    ([(BOX[0], [0.5], [0])], [THERE], ValueError, "boxes must have shape (n, 4), xyxy in pixels, got (4,)"),
    ([(BOX.T, [0.5], [0])], [THERE], ValueError, "got (4, 1)"),
    ([(BOX, [0.5, 0.4], [0])], [THERE], ValueError, "1 boxes but scores of shape (2,): one score per box"),
    ([(BOX, [0.5], [0, 1])], [THERE], ValueError, "1 boxes but labels of shape (2,): one label per box"),
    ([(BOX, [np.nan], [0])], [THERE], ValueError, "scores[0] is NaN: it cannot be ranked"),
    ([(BOX * np.nan, [0.5], [0])], [THERE], ValueError, "boxes[0] = [nan, nan, nan, nan] is not finite"),
    ([(BOX, [0.5], [0.0])], [THERE], TypeError, "must be integers (class indices from 0), got dtype float64"),
    ([(BOX, [0.5], ["cat"])], [THERE], TypeError, "labels must be numbers, got dtype <U3"),
    ([(BOX, [0.5], [-1])], [THERE], ValueError, "labels[0] is -1: labels count from 0"),
    ([FOUND], [(REVERSED, [0])], ValueError, "boxes[0] = [10.0, 0.0, 0.0, 10.0] has x2 < x1 or y2 < y1"),
    ([FOUND], [(BOX, [0], [True, False])], ValueError, "must hold one flag per box: shape (1,), got (2,)"),
    ([FOUND], [(BOX, [0], [0.5])], ValueError, "must be booleans (or 0 and 1), got dtype float64"),
    ([([[0.0, 1], [0.0]], [0.5], [0])], [THERE], ValueError, "rows of different lengths?"),
]


@pytest.mark.parametrize("metric", [detection_average_precision, coco_summary])
@pytest.mark.parametrize(("detections", "ground_truths", "kind", "message"), CASES)
def test_bad_input(metric, detections, ground_truths, kind, message):
    with pytest.raises(kind) as error:
        metric(detections, ground_truths)
    assert str(error.value).startswith(metric.__name__)
    assert message in str(error.value)


def test_the_flag_is_named_as_the_metric_names_it():
    with pytest.raises(ValueError, match="difficult must hold"):
        detection_average_precision([FOUND], [(BOX, [0], [])])
    with pytest.raises(ValueError, match="iscrowd must hold"):
        coco_summary([FOUND], [(BOX, [0], [])])


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({"method": "12point"}, ValueError, '"area" or "11point", got \'12point\''),
        ({"iou_threshold": 0}, ValueError, "must lie in (0, 1], got 0"),
        ({"iou_threshold": float("nan")}, ValueError, "must lie in (0, 1]"),
        ({"iou_threshold": "half"}, TypeError, "must be a number in (0, 1], got str"),
    ],
)
def test_bad_options(arguments, kind, message):
    with pytest.raises(kind) as error:
        detection_average_precision([FOUND], [THERE], **arguments)
    assert message in str(error.value)
