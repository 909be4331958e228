"""Residual networks of He et al., "Deep Residual Learning" (2016), in torchvision's form: the stride is in the 3x3."""

from .. import nn
from .arguments import positive
from .weights import load_weights


def _conv3x3(inplanes, planes, stride=1, groups=1, dilation=1):
    return nn.Conv2d(inplanes, planes, 3, stride, dilation, dilation, groups, bias=False)


def _conv1x1(inplanes, planes, stride=1):
    return nn.Conv2d(inplanes, planes, 1, stride, bias=False)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions, and the input added to what they make. Slide "Recap: Residual Networks" (in part)."""

    expansion = 1

    def __init__(
        self, inplanes, planes, stride=1, downsample=None, groups=1, base_width=64, dilation=1, norm_layer=None
    ):
        super().__init__()
        norm_layer = norm_layer or nn.BatchNorm2d
        if groups != 1 or base_width != 64:
            raise ValueError(f"BasicBlock: only groups=1 and base_width=64, got {groups} and {base_width}")
        if dilation > 1:
            raise NotImplementedError(f"BasicBlock: dilation {dilation} is for Bottleneck alone (resnet50)")
        self.conv1 = _conv3x3(inplanes, planes, stride)
        self.bn1 = norm_layer(planes)
        self.relu = nn.ReLU()
        self.conv2 = _conv3x3(planes, planes)
        self.bn2 = norm_layer(planes)
        self.downsample, self.stride = downsample, stride

    def forward(self, x):
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


class Bottleneck(nn.Module):
    """1x1 to fewer channels, 3x3, 1x1 to four times as many, and the input added."""

    expansion = 4

    def __init__(
        self, inplanes, planes, stride=1, downsample=None, groups=1, base_width=64, dilation=1, norm_layer=None
    ):
        super().__init__()
        norm_layer = norm_layer or nn.BatchNorm2d
        width = int(planes * (base_width / 64.0)) * groups
        self.conv1 = _conv1x1(inplanes, width)
        self.bn1 = norm_layer(width)
        self.conv2 = _conv3x3(width, width, stride, groups, dilation)
        self.bn2 = norm_layer(width)
        self.conv3 = _conv1x1(width, planes * self.expansion)
        self.bn3 = norm_layer(planes * self.expansion)
        self.relu = nn.ReLU()
        self.downsample, self.stride = downsample, stride

    def forward(self, x):
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    """A stem, four layers of blocks (each but the first halves), the mean over the picture, one linear layer.

    [N, 3, H, W] (224 px usual) -> [N, num_classes]. Arguments as in torchvision.
    """

    def __init__(
        self, block, layers, num_classes=1000, zero_init_residual=False, groups=1, width_per_group=64,
        replace_stride_with_dilation=None, norm_layer=None,
    ):  # fmt: skip
        super().__init__()
        positive("ResNet", num_classes=num_classes, groups=groups, width_per_group=width_per_group)
        self._norm_layer = norm_layer or nn.BatchNorm2d
        self.inplanes, self.dilation, self.groups, self.base_width = 64, 1, groups, width_per_group
        dilate = (False,) * 3 if replace_stride_with_dilation is None else replace_stride_with_dilation
        if not isinstance(dilate, (list, tuple)) or len(dilate) != 3:
            raise ValueError(f"ResNet: replace_stride_with_dilation must be None or three booleans, got {dilate!r}")
        self.conv1 = nn.Conv2d(3, 64, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = self._norm_layer(64)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.layer1 = self._make_layer(block, 64, layers[0])
        self.layer2 = self._make_layer(block, 128, layers[1], 2, dilate[0])
        self.layer3 = self._make_layer(block, 256, layers[2], 2, dilate[1])
        self.layer4 = self._make_layer(block, 512, layers[3], 2, dilate[2])
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(512 * block.expansion, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if zero_init_residual and isinstance(module, (BasicBlock, Bottleneck)):  # a block starts as the identity
                nn.init.zeros_((module.bn3 if isinstance(module, Bottleneck) else module.bn2).weight)

    def _make_layer(self, block, planes, blocks, stride=1, dilate=False):
        before, downsample = self.dilation, None
        if dilate:
            self.dilation, stride = self.dilation * stride, 1
        if stride != 1 or self.inplanes != planes * block.expansion:
            downsample = nn.Sequential(
                _conv1x1(self.inplanes, planes * block.expansion, stride),
                self._norm_layer(planes * block.expansion),
            )
        settings = (self.groups, self.base_width)
        layers = [block(self.inplanes, planes, stride, downsample, *settings, before, self._norm_layer)]
        self.inplanes = planes * block.expansion
        for _ in range(1, blocks):
            layers.append(block(self.inplanes, planes, 1, None, *settings, self.dilation, self._norm_layer))
        return nn.Sequential(*layers)

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(self.avgpool(x).flatten(1))


def resnet18(*, weights=None, progress=True, **kwargs):
    """ResNet-18 with 11,689,512 parameters (keywords: those of ResNet), and the weights of a local file.

    torchvision publishes resnet18-f37072fd.pth at download.pytorch.org/models (normalisation as `alexnet`; 69.8 %).
    """
    return load_weights(ResNet(BasicBlock, (2, 2, 2, 2), **kwargs), weights, "resnet18")


def resnet34(*, weights=None, progress=True, **kwargs):
    """ResNet-34 with 21,797,672 parameters (keywords: those of ResNet), and the weights of a local file.

    torchvision publishes resnet34-b627a593.pth at download.pytorch.org/models (normalisation as `alexnet`; 73.3 %).
    """
    return load_weights(ResNet(BasicBlock, (3, 4, 6, 3), **kwargs), weights, "resnet34")


def resnet50(*, weights=None, progress=True, **kwargs):
    """ResNet-50 with 25,557,032 parameters (keywords: those of ResNet), and the weights of a local file.

    torchvision publishes resnet50-0676ba61.pth (76.1 % right) and resnet50-11ad3fa6.pth (80.9 %) at
    download.pytorch.org/models (normalisation as `alexnet`).
    """
    return load_weights(ResNet(Bottleneck, (3, 4, 6, 3), **kwargs), weights, "resnet50")
