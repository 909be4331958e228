"""SqueezeNet of Iandola et al., "AlexNet-level accuracy with 50x fewer parameters" (2016), versions 1.0 and 1.1."""

from .. import nn
from ..functional.shapes import cat
from .arguments import positive
from .weights import load_weights


class Fire(nn.Module):
    """Squeeze the channels by 1x1, then expand them by 1x1 and by 3x3, side by side."""

    def __init__(self, inplanes, squeeze_planes, expand1x1_planes, expand3x3_planes):
        super().__init__()
        self.inplanes = inplanes
        self.squeeze = nn.Conv2d(inplanes, squeeze_planes, kernel_size=1)
        self.squeeze_activation = nn.ReLU()
        self.expand1x1 = nn.Conv2d(squeeze_planes, expand1x1_planes, kernel_size=1)
        self.expand1x1_activation = nn.ReLU()
        self.expand3x3 = nn.Conv2d(squeeze_planes, expand3x3_planes, kernel_size=3, padding=1)
        self.expand3x3_activation = nn.ReLU()

    def forward(self, x):
        x = self.squeeze_activation(self.squeeze(x))
        return cat([self.expand1x1_activation(self.expand1x1(x)), self.expand3x3_activation(self.expand3x3(x))], 1)


class SqueezeNet(nn.Module):
    """No linear layer: the last convolution has a channel per class, and its mean over the picture is the score.

    [N, 3, H, W] (21 px or more, 224 usual) -> [N, num_classes]. `version` is "1_0" or "1_1" (the pools earlier).
    """

    def __init__(self, version="1_0", num_classes=1000, dropout=0.5):
        super().__init__()
        positive("SqueezeNet", num_classes=num_classes)
        if version not in ("1_0", "1_1"):
            raise ValueError(f"SqueezeNet: version must be '1_0' or '1_1', got {version!r}")
        self.num_classes = num_classes
        if version == "1_0":
            layers = [nn.Conv2d(3, 96, kernel_size=7, stride=2), nn.ReLU(), _pool(),
                      Fire(96, 16, 64, 64), Fire(128, 16, 64, 64), Fire(128, 32, 128, 128), _pool(),
                      Fire(256, 32, 128, 128), Fire(256, 48, 192, 192), Fire(384, 48, 192, 192),
                      Fire(384, 64, 256, 256), _pool(), Fire(512, 64, 256, 256)]  # fmt: skip
        else:
            layers = [nn.Conv2d(3, 64, kernel_size=3, stride=2), nn.ReLU(), _pool(),
                      Fire(64, 16, 64, 64), Fire(128, 16, 64, 64), _pool(),
                      Fire(128, 32, 128, 128), Fire(256, 32, 128, 128), _pool(),
                      Fire(256, 48, 192, 192), Fire(384, 48, 192, 192), Fire(384, 64, 256, 256),
                      Fire(512, 64, 256, 256)]  # fmt: skip
        self.features = nn.Sequential(*layers)
        final = nn.Conv2d(512, num_classes, kernel_size=1)
        self.classifier = nn.Sequential(nn.Dropout(dropout), final, nn.ReLU(), nn.AdaptiveAvgPool2d((1, 1)))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_uniform_(module.weight)
                nn.init.zeros_(module.bias)
        nn.init.normal_(final.weight, 0.0, 0.01)

    def forward(self, x):
        return self.classifier(self.features(x)).flatten(1)


def _pool():
    return nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)


def squeezenet1_0(*, weights=None, progress=True, **kwargs):
    """SqueezeNet 1.0 (num_classes=1000, dropout=0.5) with 1,248,424 parameters, and the weights of a local file.

    torchvision publishes squeezenet1_0-b66bff10.pth at download.pytorch.org/models (normalisation as `alexnet`;
    58.1 % right). The authors' Caffe weights are for `caffe_squeezenet`.
    """
    return load_weights(SqueezeNet("1_0", **kwargs), weights, "squeezenet1_0")


def squeezenet1_1(*, weights=None, progress=True, **kwargs):
    """SqueezeNet 1.1 (num_classes=1000, dropout=0.5) with 1,235,496 parameters, and the weights of a local file.

    2.4 times less to compute than 1.0. torchvision publishes squeezenet1_1-b8a52dc0.pth at
    download.pytorch.org/models (normalisation as `alexnet`; 58.2 % right).
    """
    return load_weights(SqueezeNet("1_1", **kwargs), weights, "squeezenet1_1")
