"""VGG-16 and VGG-19 of Simonyan & Zisserman, "Very Deep Convolutional Networks" (2015), configurations D and E."""

from .. import nn
from .arguments import positive
from .weights import load_weights

POOL = "M"
VGG16 = (64, 64, POOL, 128, 128, POOL, 256, 256, 256, POOL, 512, 512, 512, POOL, 512, 512, 512, POOL)
VGG19 = (64, 64, POOL, 128, 128, POOL, *[256] * 4, POOL, *[512] * 4, POOL, *[512] * 4, POOL)


class VGG(nn.Module):
    """`features`, 7x7 mean pooling, and three linear layers. Slide "Recap: VGGNet (2014/15)" (in part).

    [N, 3, H, W] (32 px or more, 224 usual) -> [N, num_classes].
    """

    def __init__(self, features, num_classes=1000, init_weights=True, dropout=0.5):
        super().__init__()
        positive("VGG", num_classes=num_classes)
        self.features = features
        self.avgpool = nn.AdaptiveAvgPool2d((7, 7))
        self.classifier = nn.Sequential(
            nn.Linear(512 * 7 * 7, 4096),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(4096, num_classes),
        )
        if init_weights:
            self.apply(_draw)

    def forward(self, x):
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


def _draw(module):
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, 0, 0.01)
        nn.init.zeros_(module.bias)


def make_layers(configuration):
    """3x3 convolutions of so many filters, each with its ReLU; POOL halves."""
    layers, channels = [], 3
    for filters in configuration:
        if filters == POOL:
            layers.append(nn.MaxPool2d(kernel_size=2, stride=2))
        else:
            layers += [nn.Conv2d(channels, filters, kernel_size=3, padding=1), nn.ReLU()]
            channels = filters
    return nn.Sequential(*layers)


def vgg16(*, weights=None, progress=True, **kwargs):
    """VGG-16 (num_classes=1000, dropout=0.5) with 138,357,544 parameters, and the weights of a local file.

    torchvision publishes vgg16-397923af.pth at download.pytorch.org/models (normalisation as `alexnet`; 71.6 % right);
    vgg16_features-amdegroot-88682ab5.pth there is the authors' own: features alone, for another scale of pictures.
    """
    return _vgg("vgg16", VGG16, weights, kwargs)


def vgg19(*, weights=None, progress=True, **kwargs):
    """VGG-19 (num_classes=1000, dropout=0.5) with 143,667,240 parameters, and the weights of a local file.

    torchvision publishes vgg19-dcbb9e9d.pth at download.pytorch.org/models (normalisation as `alexnet`; 72.4 % right).
    """
    return _vgg("vgg19", VGG19, weights, kwargs)


def _vgg(name, configuration, weights, kwargs):
    if weights is not None:
        kwargs = {"init_weights": False} | kwargs  # they are about to be overwritten
    return load_weights(VGG(make_layers(configuration), **kwargs), weights, name)
