"""What sharing saves: the features of many regions by one pass over the picture, or by one ConvNet run per region."""

import pyconvnet as pcn
from lectures.detection.foundation.backbone import centred
from lectures.detection.foundation.stopwatch import fastest
from lectures.detection.regions.region_head import pool_regions
from lectures.detection.regions.warping import warp
from lectures.macs import counted_macs
from pyconvnet import functional as F

WARPED = 32  # pixels: the side that a region is warped to for a ConvNet run of its own


def share_against_recompute(features, image, regions, stride=4, warped=WARPED, repeats=3):
    """Seconds and multiply-accumulates of the same regions' features, shared and recomputed; both (K, C, b, b).

    Slides "Do not run the entire CNN for each ROI" (the ConvNet once) and "Fast R-CNN vs R-CNN" (the time it saves).

    Shared (Fast R-CNN, SPP-net): `features` of the image (3, H, W) once, then RoI pooling. Recomputed (R-CNN): warp
    each of the regions (K, 4) to `warped` pixels, then `features` of them all, then max-pooling. Of `repeats` runs
    the fastest counts. Returns {"regions", "shared": {"ms", "macs"}, "recomputed": {"ms", "macs", "warp_ms"},
    "times_faster", "times_fewer_macs"}; warping counts on R-CNN's side.
    """
    bins = warped // stride // 2

    def shared():
        return pool_regions(features(centred(pcn.tensor(image[None]))), [regions], stride, bins)

    def recomputed(crops):
        return F.max_pool2d(features(centred(pcn.tensor(crops))), 2)

    was_training = features.training
    features.eval()
    with pcn.no_grad():
        with counted_macs(features) as once:
            shared()
        crops = warp(image, regions, warped)
        with counted_macs(features) as each:
            recomputed(crops)
        shared_seconds = fastest(shared, repeats)
        warp_seconds = fastest(lambda: warp(image, regions, warped), repeats)
        seconds = fastest(lambda: recomputed(crops), repeats) + warp_seconds
    features.train(was_training)
    return {
        "regions": len(regions),
        "shared": {"ms": 1000 * shared_seconds, "macs": once.total},
        "recomputed": {"ms": 1000 * seconds, "macs": each.total, "warp_ms": 1000 * warp_seconds},
        "times_faster": seconds / shared_seconds,
        "times_fewer_macs": each.total / once.total,
    }
