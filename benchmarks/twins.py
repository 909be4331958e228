"""Training steps as a call, and the same steps in PyTorch: equal weights, pictures, loss and optimiser."""

from itertools import pairwise

import numpy as np

import pyconvnet as pcn
from lectures.detection.foundation.datasets import vary_scenes
from lectures.detection.yolo import OneShotDetector, assign, literal_loss
from pyconvnet import nn

BATCH = 32


def tiny_yolo(nn):
    """4 x [conv 3x3, batch norm, leaky ReLU, pool], conv 3x3, conv 1x1: of either library, given its `nn`."""
    layers, widths = [], (3, 16, 32, 64, 128)
    for c, f in pairwise(widths):
        layers += [nn.Conv2d(c, f, 3, padding=1, bias=False), nn.BatchNorm2d(f), nn.LeakyReLU(0.1), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.Conv2d(128, 256, 3, padding=1), nn.Conv2d(256, 35, 1))


def tiny_yolo_data(batch=BATCH):
    """Pictures 64 x 64 and what the network shall say about them."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((batch, 3, 64, 64), np.float32)
    return x, rng.standard_normal((batch, 35, 4, 4), np.float32)


def tiny_step(batch=BATCH):
    """A training step of our tiny YOLO, and the network."""
    pcn.manual_seed(0)
    net, (x, target) = tiny_yolo(nn), map(pcn.tensor, tiny_yolo_data(batch))
    optimizer = pcn.optim.SGD(net.parameters(), lr=1e-3, momentum=0.9)

    def step():
        optimizer.zero_grad()
        loss = ((net(x) - target) ** 2).mean()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step, net


def torch_tiny_step(channels_last=False, weights=None, batch=BATCH):
    """The same in PyTorch."""
    import torch

    torch.manual_seed(0)
    net, (x, target) = tiny_yolo(torch.nn), map(torch.from_numpy, tiny_yolo_data(batch))
    _copy_weights(net, weights)
    if channels_last:
        net, x = net.to(memory_format=torch.channels_last), x.contiguous(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-3, momentum=0.9)

    def step():
        optimizer.zero_grad()
        loss = ((net(x) - target) ** 2).mean()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def _copy_weights(net, weights):
    import torch

    if weights is not None:
        state = {name: torch.from_numpy(np.array(v)) for name, v in weights.items()}
        net.load_state_dict(state, strict=False)  # PyTorch's batch norm counts batches besides


def scenes(batches=8):
    """Batches of the lecture's scenes, drawn and varied beforehand."""
    drawn = pcn.data.ShapeScenes(batches * BATCH, "train")
    loader = pcn.data.DataLoader(drawn, BATCH)
    rng = np.random.default_rng(0)
    return drawn.classes, [vary_scenes(*batch, rng) for batch in loader]


def yolo_loop(classes, batches):
    """A pass over the batches of lectures/detection/yolo.py, with its model, loss, optimiser and schedule."""
    pcn.manual_seed(0)
    model = OneShotDetector(classes)
    weights = {name: np.array(v) for name, v in model.state_dict().items()}
    optimizer = pcn.optim.Adam(model.parameters(), lr=3e-3, betas=(0.9, 0.99))
    schedule = pcn.optim.lr_scheduler.CosineAnnealingLR(optimizer, 2000)

    def loop():
        losses = []
        for images, targets in batches:
            loss = literal_loss(model(pcn.tensor(images)), targets)
            optimizer.zero_grad()
            loss.backward()
            losses.append(loss.item())
            optimizer.step()
            schedule.step()
        return losses

    return loop, weights


def torch_yolo_loop(classes, batches, weights, channels_last=False):
    """The same in PyTorch; which box answers for which object is chosen by the lecture's `assign` in both."""
    import torch

    def conv(c, f, size=3, stride=1):
        layer = torch.nn.Conv2d(c, f, size, stride, padding=size // 2, bias=False)
        return layer, torch.nn.BatchNorm2d(f, momentum=0.05), torch.nn.LeakyReLU(0.1)

    pool = torch.nn.MaxPool2d
    layers = [*conv(3, 16, 5, 2), *conv(16, 32), pool(2), *conv(32, 64), *conv(64, 64), pool(2)]
    features = torch.nn.Sequential(*layers, *conv(64, 64), *conv(64, 64))
    per_box = 5 + len(classes)
    model = torch.nn.ModuleDict({"features": features, "head": torch.nn.Conv2d(64, 2 * per_box, 1)})
    _copy_weights(model, weights)
    if channels_last:
        model = model.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3, betas=(0.9, 0.99))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 2000)
    order = torch.channels_last if channels_last else torch.contiguous_format

    def loss_of(images, targets):
        x = torch.from_numpy(images).contiguous(memory_format=order)
        z = model["head"](model["features"]((x - 0.5) * 4))
        n, _, rows, columns = z.shape
        output = z.reshape(n, 2, per_box, rows, columns).permute(0, 3, 4, 1, 2)
        responsible, truth = assign(output.detach().numpy(), targets)
        sign = np.full(output.shape[:-1], -1, np.float32)
        sign[responsible] = 1
        b = output[tuple(map(torch.from_numpy, responsible))][:, :-1]
        logistic = torch.nn.functional.softplus(torch.from_numpy(-sign) * output[..., -1]).sum()
        return (logistic + ((torch.from_numpy(truth) - b) ** 2).sum()) / len(targets)

    def loop():
        losses = []
        for images, targets in batches:
            loss = loss_of(images, targets)
            optimizer.zero_grad()
            loss.backward()
            losses.append(loss.item())
            optimizer.step()
            schedule.step()
        return losses

    return loop
