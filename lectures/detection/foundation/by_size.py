"""Average precision of small, medium and large objects apart."""

import pyconvnet as pcn

SIZES = ((0, 12), (12, 24), (24, 1e4))  # sides in pixels, of pictures of 64 x 64 (COCO's 32 and 96 are for 640 x 480)


def average_precision_by_size(detections, truths, sizes=SIZES):
    """{"ap50 < 12 px": ..., "ap50 12-24 px": ..., "ap50 > 24 px": ...}, side = root of the area of an object's box.

    COCO's rule: objects of other sizes are not asked for, and false alarms of other sizes are no mistake. At IoU 0.5,
    mean over the classes; NaN where there is no such object.
    """
    truths, found = [t[:2] for t in truths], {}
    for low, high in sizes:
        name = f"< {high} px" if not low else f"> {low} px" if high == sizes[-1][1] else f"{low}-{high} px"
        summary = pcn.metrics.coco_summary(detections, truths, {"all": (low**2, high**2)})
        found[f"ap50 {name}"] = summary["AP50"]
    return found
