"""Networks of the literature under torchvision's names, so that its published weights fit.

Nothing is downloaded: `weights=` is a local file, and each docstring says which file is published where.
"""

from .alexnet import AlexNet, alexnet
from .caffe_squeezenet import caffe_squeezenet
from .cifar_resnet import CifarResNet, resnet20
from .lenet import LeNet, lenet
from .resnet import BasicBlock, Bottleneck, ResNet, resnet18, resnet34, resnet50
from .squeezenet import Fire, SqueezeNet, squeezenet1_0, squeezenet1_1
from .vgg import VGG, vgg16, vgg19
from .weights import load_weights, read_weights

__all__ = [
    "AlexNet", "BasicBlock", "Bottleneck", "CifarResNet", "Fire", "LeNet", "ResNet", "SqueezeNet", "VGG", "alexnet",
    "caffe_squeezenet", "lenet", "load_weights", "read_weights", "resnet18", "resnet20", "resnet34", "resnet50",
    "squeezenet1_0", "squeezenet1_1", "vgg16", "vgg19",
]  # fmt: skip
