"""The features that all detectors share: layers of the same widths, plain or residual, of stride 4 or 8."""

from pyconvnet import nn

WIDTHS = (16, 32, 64)  # channels at strides 2, 2 and 4 (8)


def plain_backbone(stride=4, padded=True):
    """conv 5x5/2 16, conv 32, pool, conv 64, conv 64; at stride 8 another pool, conv 64, conv 64.

    Pictures (N, 3, H, W) to features (N, 64, H / stride, W / stride), or fewer where `padded` is False: "valid"
    convolutions see nothing but picture. ValueError unless stride is 4 or 8. Slide "Recap: CNN Structure".
    """
    _check_stride(stride)
    stem, middle, top = WIDTHS
    layers = [
        *conv_layer(3, stem, kernel_size=5, stride=2, padded=padded),
        *conv_layer(stem, middle, padded=padded),
        nn.MaxPool2d(2),
        *conv_layer(middle, top, padded=padded),
        *conv_layer(top, top, padded=padded),
    ]
    if stride == 8:
        layers += [nn.MaxPool2d(2), *conv_layer(top, top, padded=padded), *conv_layer(top, top, padded=padded)]
    return nn.Sequential(*layers)


def residual_backbone(stride=4):
    """The plain backbone with a way past every pair of convolutions: y = relu(x + conv(relu(conv(x)))).

    He et al., "Deep Residual Learning" (2016); slides "Faster R-CNN (based on ResNets)". Strides by convolution.
    ValueError unless stride is 4 or 8.
    """
    _check_stride(stride)
    stem, middle, top = WIDTHS
    blocks = [*conv_layer(3, stem, kernel_size=5, stride=2), ResidualBlock(stem, middle)]
    blocks += [ResidualBlock(middle, top, stride=2)]
    if stride == 8:
        blocks += [ResidualBlock(top, top, stride=2)]
    return nn.Sequential(*blocks)


class ResidualBlock(nn.Module):
    """y = relu(s(x) + conv(relu(conv(x)))); s is the identity, or a 1x1 convolution where the shape changes.

    Slide "Recap: Residual Networks" (in part): its core component, the skip connection.
    """

    def __init__(self, inputs, outputs, stride=1):
        super().__init__()
        conv, norm, relu = conv_layer(inputs, outputs, stride=stride)
        again, norm_again, self.relu = conv_layer(outputs, outputs)
        self.change = nn.Sequential(conv, norm, relu, again, norm_again)
        self.shortcut = nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(*conv_layer(inputs, outputs, kernel_size=1, stride=stride)[:2])

    def forward(self, x):
        return self.relu(self.shortcut(x) + self.change(x))


def conv_layer(inputs, outputs, kernel_size=3, stride=1, padded=True):
    """Convolution that keeps the size (divided by `stride`) if `padded`, batch norm, leaky relu."""
    conv = nn.Conv2d(inputs, outputs, kernel_size, stride, padding=kernel_size // 2 if padded else 0, bias=False)
    nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
    return conv, nn.BatchNorm2d(outputs, momentum=0.05), nn.LeakyReLU(0.1)


def centred(images):
    """Pictures in [0, 1] as a network likes them: about zero mean and unit spread. Grey is 0."""
    return (images - 0.5) * 4


def _check_stride(stride):
    if stride not in (4, 8):
        raise ValueError(f"backbone: stride must be 4 or 8, got {stride!r}")
