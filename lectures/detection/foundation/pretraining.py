"""Stage one of two: the ConvNet of a detector learns to classify pictures of one object, with a temporary output."""

from dataclasses import replace

import numpy as np

import pyconvnet as pcn
from lectures.detection.foundation.backbone import centred, plain_backbone
from lectures.detection.foundation.learning import learn
from pyconvnet import functional as F
from pyconvnet import nn
from pyconvnet.data import ShapeScenes


class Classifier(nn.Module):
    """`features`, the ConvNet to be pretrained, and a temporary output layer: pooling and one fully connected layer.

    The maximum over all places: the mean would let the many places of the background outvote an object.
    Slide "One-Shot Object Detection" (4): "add temporary output layer".
    """

    def __init__(self, classes, stride=8):
        super().__init__()
        self.features = plain_backbone(stride)
        self.temporary = nn.Sequential(nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(64, len(classes)))

    def forward(self, images):
        return self.temporary(self.features(centred(images)))

    def accuracy(self, test):
        """Share of the pictures of one object whose class is right."""
        images, targets = zip(*(test[i] for i in range(len(test))))
        with pcn.no_grad():
            parts = [self(pcn.tensor(np.stack(images[k : k + 50]))).data for k in range(0, len(images), 50)]
        return float(np.mean(np.concatenate(parts).argmax(1) == [labels[0] for _, labels in targets]))


def classification_loss(model, images, targets, rng):
    """Cross-entropy; targets with one object each, of which only the label counts."""
    return F.cross_entropy(model(images), pcn.tensor(np.array([labels[0] for _, labels in targets])))


def pretrained(options, report, data, settings):
    """A Classifier that has learned scenes of one large object, with the classes, counts and variation of `data`.

    Its accuracy on unseen ones goes to the report. Slides "Transfer Learning with CNNs" (in part: no ImageNet).
    """
    train, test = (ShapeScenes(len(part), part.split, options.seed, "single48") for part in (data.train, data.test))
    pcn.manual_seed(options.seed)
    model = Classifier(data.classes)
    learn(model, classification_loss, replace(data, train=train, test=test), settings, options, report, "classifier")
    report.extra["classifier_accuracy"] = model.accuracy(test)
    return model


def fixed_features(model, images):
    """Features of a ConvNet held fixed: so are the averages of its batch norm; no gradient is computed."""
    model.features.eval()
    with pcn.no_grad():
        return model.features(centred(images))


def in_two_stages(build, losses, options, report, data, settings):
    """Classification, then detection with its ConvNet, once for each of `losses`, by name: yields (name, detector).

    build(): a new detector of `features` and `output`; where the name is "frozen" only `output` is trained.
    """
    classifier = pretrained(options, report, data, settings)
    for name, loss in losses.items():
        pcn.manual_seed(options.seed)
        model = build()
        model.features.load_state_dict(classifier.features.state_dict())
        parameters = list(model.output.parameters()) if name == "frozen" else None
        learn(model, loss, data, settings, options, report, name, parameters)
        yield name, model
