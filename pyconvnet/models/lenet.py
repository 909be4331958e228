"""LeNet-5 of LeCun et al., "Gradient-Based Learning Applied to Document Recognition" (1998)."""

from .. import nn
from ..functional.padding import pad
from .arguments import positive
from .weights import load_weights


class LeNet(nn.Module):
    """Two convolutions of 5x5, each with ReLU and max pooling (the paper: tanh, trained subsampling), three linear.

    [N, in_channels, 32, 32] -> [N, num_classes]; a picture of 28 px (MNIST) gets a border of 2, as in the paper.
    """

    def __init__(self, num_classes=10, in_channels=1):
        super().__init__()
        positive("LeNet", num_classes=num_classes, in_channels=in_channels)
        self.conv1 = nn.Conv2d(in_channels, 6, kernel_size=5)
        self.conv2 = nn.Conv2d(6, 16, kernel_size=5)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(kernel_size=2)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, num_classes)

    def forward(self, x):
        if tuple(x.shape[-2:]) == (28, 28):
            x = pad(x, (2, 2, 2, 2))
        if x.ndim != 4 or tuple(x.shape[-2:]) != (32, 32):
            raise ValueError(f"LeNet: expected a batch [N, C, 32, 32] or [N, C, 28, 28], got shape {x.shape}")
        x = self.maxpool(self.relu(self.conv1(x)))
        x = self.maxpool(self.relu(self.conv2(x)))
        return self.fc3(self.relu(self.fc2(self.relu(self.fc1(x.flatten(1))))))


def lenet(*, weights=None, progress=True, **kwargs):
    """LeNet-5 (num_classes=10, in_channels=1) with 61,706 parameters, and the weights of a local file of ours.

    No published weights have these names: the file is one that you saved (`pcn.io.save(model.state_dict(), path)`).
    """
    return load_weights(LeNet(**kwargs), weights, "lenet")
