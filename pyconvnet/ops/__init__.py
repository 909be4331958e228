"""Operations on boxes and regions, under the names of torchvision.ops. Boxes are xyxy in continuous pixels."""

from .box_coding import decode_boxes, encode_boxes, generate_anchors
from .boxes import (
    box_area,
    box_convert,
    box_iou,
    clip_boxes_to_image,
    generalized_box_iou,
    remove_small_boxes,
)
from .focal_loss import sigmoid_focal_loss
from .masks import masks_to_boxes
from .nms import batched_nms, nms
from .roi_align import roi_align
from .roi_pool import roi_pool
from .soft_nms import soft_nms

__all__ = [
    "batched_nms",
    "box_area",
    "box_convert",
    "box_iou",
    "clip_boxes_to_image",
    "decode_boxes",
    "encode_boxes",
    "generalized_box_iou",
    "generate_anchors",
    "masks_to_boxes",
    "nms",
    "remove_small_boxes",
    "roi_align",
    "roi_pool",
    "sigmoid_focal_loss",
    "soft_nms",
]
