"""Features at several scales: a ConvNet's maps at strides 4, 8 and 16, and the feature pyramid on top of them."""

from lectures.detection.foundation.backbone import WIDTHS, conv_layer, plain_backbone
from pyconvnet import functional as F
from pyconvnet import nn

STRIDES = (4, 8, 16)  # pixels per position


class ScaledFeatures(nn.Module):
    """Pictures (N, 3, H, W) to three maps (N, 64, H / s, W / s), s = 4, 8, 16: fine and shallow to coarse and deep.

    The plain backbone of stride 4, then twice: pool, conv 64, conv 64. H and W are multiples of 16.
    """

    channels = WIDTHS[-1]

    def __init__(self):
        super().__init__()
        self.first = plain_backbone(STRIDES[0])
        width = self.channels
        self.coarser = nn.ModuleList(
            nn.Sequential(nn.MaxPool2d(2), *conv_layer(width, width), *conv_layer(width, width)) for _ in STRIDES[1:]
        )

    def forward(self, images):
        maps = [self.first(images)]
        for layers in self.coarser:
            maps.append(layers(maps[-1]))
        return maps


class FeaturePyramid(nn.Module):
    """Maps fine to coarse, each half as large as the one before, to as many of `width` channels.

    Top-down: p = conv3x3(s), where s = conv1x1(c) + the next coarser s, enlarged. So the finest map keeps its places
    and hears what the deepest layer saw. Lin et al., "Feature Pyramid Networks" (2017). Without batch norm.
    Slide "RetinaNet" (1).
    """

    def __init__(self, channels=ScaledFeatures.channels, width=48, levels=3):
        super().__init__()
        self.lateral = nn.ModuleList(nn.Conv2d(channels, width, 1) for _ in range(levels))
        self.smooth = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(levels))

    def forward(self, maps):
        sums = [lateral(c) for lateral, c in zip(self.lateral, maps, strict=True)]
        for level in reversed(range(len(sums) - 1)):
            sums[level] = sums[level] + F.interpolate(sums[level + 1], scale_factor=2)
        return [smooth(s) for smooth, s in zip(self.smooth, sums)]
