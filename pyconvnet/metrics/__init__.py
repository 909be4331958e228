"""How good a model is: numbers computed from its answers and the truth, in NumPy alone."""

from .average_precision import detection_average_precision
from .boundary import boundary_iou
from .calibration import expected_calibration_error
from .coco import coco_summary
from .confusion import confusion_matrix, mean_iou
from .keypoints import normalized_mean_error, pck
from .roc import equal_error_rate, roc_auc, roc_curve, true_accept_rate

__all__ = [
    "boundary_iou",
    "coco_summary",
    "confusion_matrix",
    "detection_average_precision",
    "equal_error_rate",
    "expected_calibration_error",
    "mean_iou",
    "normalized_mean_error",
    "pck",
    "roc_auc",
    "roc_curve",
    "true_accept_rate",
]
