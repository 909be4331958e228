"""AlexNet, as torchvision has it: the one-tower form of Krizhevsky, "One weird trick" (2014)."""

from .. import nn
from .arguments import positive
from .weights import load_weights


class AlexNet(nn.Module):
    """[N, 3, H, W] (63 px or more, 224 usual) -> [N, num_classes]. Slide "Recap: AlexNet (2012)" (in part)."""

    def __init__(self, num_classes=1000, dropout=0.5):
        super().__init__()
        positive("AlexNet", num_classes=num_classes)
        self.features = nn.Sequential(
            nn.Conv2d(3, 64, kernel_size=11, stride=4, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2),
            nn.Conv2d(64, 192, kernel_size=5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2),
            nn.Conv2d(192, 384, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.Conv2d(384, 256, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.Conv2d(256, 256, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2),
        )
        self.avgpool = nn.AdaptiveAvgPool2d((6, 6))
        self.classifier = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(256 * 6 * 6, 4096),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Linear(4096, num_classes),
        )

    def forward(self, x):
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


def alexnet(*, weights=None, progress=True, **kwargs):
    """AlexNet(num_classes=1000, dropout=0.5) with 61,100,840 parameters, and the weights of a local file.

    torchvision publishes alexnet-owt-7be5be79.pth at download.pytorch.org/models (224 px, RGB / 255 minus
    (.485, .456, .406), over (.229, .224, .225); 56.5 % of ImageNet's validation pictures right).
    """
    return load_weights(AlexNet(**kwargs), weights, "alexnet")
