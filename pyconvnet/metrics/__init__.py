"""How good a model is: numbers computed from its answers and the truth, in NumPy alone."""

from .average_precision import detection_average_precision
from .coco import coco_summary

__all__ = ["coco_summary", "detection_average_precision"]
