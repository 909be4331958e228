"""The residual network of He et al. (2016), section 4.2, for pictures of 32 px: CIFAR-10."""

from .. import nn
from ..functional.padding import pad
from .arguments import positive
from .weights import load_weights


class CifarBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut without parameters (option A): every second pixel, new channels are 0."""

    def __init__(self, inplanes, planes, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(inplanes, planes, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.relu = nn.ReLU()
        self.stride, self.added = stride, planes - inplanes

    def forward(self, x):
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        if self.stride != 1 or self.added:
            before = self.added // 2
            x = pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, before, self.added - before))
        return self.relu(y + x)


class CifarResNet(nn.Module):
    """6 n + 2 layers: a convolution, three layers of n blocks with 16, 32, 64 channels, the mean, one linear layer.

    [N, 3, H, W] (32 px usual) -> [N, num_classes]. `blocks` is n for each of the three.
    """

    def __init__(self, blocks=(3, 3, 3), num_classes=10):
        super().__init__()
        positive("CifarResNet", num_classes=num_classes)
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.relu = nn.ReLU()
        channels = 16
        for layer, (planes, count) in enumerate(zip((16, 32, 64), blocks), 1):
            made = [CifarBlock(channels, planes, 1 if layer == 1 else 2)]
            made += [CifarBlock(planes, planes) for _ in range(1, count)]
            setattr(self, f"layer{layer}", nn.Sequential(*made))
            channels = planes
        self.linear = nn.Linear(64, num_classes)
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                nn.init.kaiming_normal_(module.weight)

    def forward(self, x):
        x = self.layer3(self.layer2(self.layer1(self.relu(self.bn1(self.conv1(x))))))
        return self.linear(x.mean((2, 3)))


def resnet20(*, weights=None, progress=True, **kwargs):
    """ResNet-20 for CIFAR-10 (num_classes=10) with 269,722 parameters, and the weights of a local file.

    github.com/akamaster/pytorch_resnet_cifar10 publishes resnet20-12fca82f.th (normalisation as `alexnet`, 32 px,
    91.8 % of the test pictures right; classes in CIFAR's order).
    """
    return load_weights(CifarResNet((3, 3, 3), **kwargs), weights, "resnet20")
