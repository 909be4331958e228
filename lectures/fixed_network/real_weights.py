"""Networks that others trained on photographs: `--weights FILE`. Nothing is downloaded; where each file is from:

- torchvision's state dicts, https://download.pytorch.org/models/: squeezenet1_0-b66bff10.pth (5 MB),
  squeezenet1_1-b8a52dc0.pth, alexnet-owt-7be5be79.pth, vgg16-397923af.pth, vgg19-dcbb9e9d.pth (550 MB: the network of
  Gatys et al.), resnet18-f37072fd.pth, resnet34-b627a593.pth, resnet50-0676ba61.pth; as .pth or .safetensors.
- SqueezeNet as Caffe has it, .npz with the names of its layers: the decoded "Deep Compression" network of
  https://github.com/songhan/SqueezeNet-Deep-Compression
- ResNet-20 for CIFAR-10, https://github.com/akamaster/pytorch_resnet_cifar10, pretrained_models/resnet20-12fca82f.th

Which it is is read from the names and shapes of the arrays in the file, not from its name.
"""

import numpy as np

import pyconvnet as pcn
from lectures.fixed_network.network import FixedNetwork, Prepared, Step
from pyconvnet import nn

CIFAR = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
IMAGENET = tuple(f"class {i}" for i in range(1000))  # their names lie beside the pictures, if anywhere
TORCHVISION = Prepared((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
CAFFE = Prepared((104, 117, 123), scale=255, bgr=True)


def real_network(path):
    """The FixedNetwork of a file of weights, recognised by the arrays in it. ValueError for anything else, OSError."""
    state = pcn.models.read_weights(path)
    kind = recognised(state)
    if kind is None:
        found, known = ", ".join(list(state)[:3]), ", ".join(BUILDERS)
        raise ValueError(f"{path}: the arrays ({found} ...) are those of no network known here: {known}")
    try:
        return BUILDERS[kind](state)
    except ValueError as error:  # an array is missing, or of another shape
        raise ValueError(f"{path}: {error}") from None


def recognised(state):
    """The name in BUILDERS of the network whose arrays these are, None for none of them."""
    shapes = {name: tuple(np.shape(v)) for name, v in state.items()}
    if any(name.startswith("fire2/") for name in shapes):
        return "caffe_squeezenet"
    if "layer1.0.conv1.weight" in shapes:
        if shapes.get("conv1.weight", ())[:1] == (16,):
            return "resnet20"
        bottleneck, deep = "layer1.0.conv3.weight" in shapes, "layer1.2.conv1.weight" in shapes
        return "resnet50" if bottleneck else "resnet34" if deep else "resnet18"
    vgg = "vgg19" if "features.34.weight" in shapes else "vgg16" if "features.28.weight" in shapes else None
    first = {(96, 3, 7, 7): "squeezenet1_0", (64, 3, 3, 3): "squeezenet1_1", (64, 3, 11, 11): "alexnet"}
    return vgg or first.get(shapes.get("features.0.weight"))


def _squeezenet(name, prepared):
    def network(state):
        model, fires = getattr(pcn.models, name)(weights=state), iter(f"fire{i}" for i in range(2, 10))
        relus, steps = iter(("conv1", "conv10")), [Step(prepared)]
        for module in (*model.features, *model.classifier):
            fire = isinstance(module, pcn.models.Fire)
            layer = next(fires) if fire else next(relus) if isinstance(module, nn.ReLU) else ""
            steps.append(Step(module, layer, 1 if fire else stride_of(module)))
        return FixedNetwork(name, [*steps, Step(nn.Flatten())], IMAGENET, 3, 227)

    return network


def _plain(name):
    """AlexNet and VGG: convolutions in `features`, the rest in `classifier`."""

    def network(state):
        model, steps, block, place = getattr(pcn.models, name)(weights=state), [Step(TORCHVISION)], 1, 0
        for module in model.features:
            if isinstance(module, nn.MaxPool2d):
                block, place = (block + 1, 0) if name.startswith("vgg") else (block, place)
            layer, place = ("", place + 1) if isinstance(module, nn.Conv2d) else ("", place)
            if isinstance(module, nn.ReLU):
                layer = f"relu{block}_{place}" if name.startswith("vgg") else f"conv{place}"
            steps.append(Step(module, layer, stride_of(module)))
        steps += [Step(module) for module in (model.avgpool, nn.Flatten(), *model.classifier)]
        return FixedNetwork(name, steps, IMAGENET, 3, 224)

    return network


def _resnet(name):
    """Its layers are conv1 and the blocks, called as torchvision does: layer1.0 ..."""

    def network(state):
        model, small = getattr(pcn.models, name)(weights=state), name == "resnet20"
        steps = [Step(TORCHVISION), Step(model.conv1, stride=stride_of(model.conv1)), Step(model.bn1)]
        steps += [Step(nn.ReLU(), "conv1")] + ([] if small else [Step(model.maxpool, stride=2)])
        for stage in ("layer1", "layer2", "layer3") + (() if small else ("layer4",)):
            for i, block in enumerate(getattr(model, stage)):
                steps.append(Step(block, f"{stage}.{i}", 2 if i == 0 and stage != "layer1" else 1))
        steps += [Step(nn.AdaptiveAvgPool2d(1)), Step(nn.Flatten()), Step(model.linear if small else model.fc)]
        return FixedNetwork(name, steps, CIFAR if small else IMAGENET, 3, 32 if small else 224)

    return network


def stride_of(module):
    """How many pixels apart a convolution's or a pooling's outputs are."""
    stride = getattr(module, "stride", 1)
    return int(stride[0] if isinstance(stride, tuple) else stride)


BUILDERS = {
    "caffe_squeezenet": _squeezenet("caffe_squeezenet", CAFFE),
    **{name: _squeezenet(name, TORCHVISION) for name in ("squeezenet1_0", "squeezenet1_1")},
    **{name: _plain(name) for name in ("alexnet", "vgg16", "vgg19")},
    **{name: _resnet(name) for name in ("resnet18", "resnet34", "resnet50", "resnet20")},
}
