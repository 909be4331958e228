"""Alignment: find eyes, nose and mouth, and turn, scale and move the face until they lie as in a standard face.

Deck "Fun Ways To Use ConvNets", slide "Face Recognition/Verification" (4, in part: alignment): "identify landmarks on
face, crop, map onto standard face and rotate/align"; "improves FaceNet accuracy by about 1% and DeepFace accuracy by
2-3%". Taigman et al., "DeepFace" (2014). Its landmarks come from a detector of another kind, and it goes on to warp the
face on a 3D model; ours is a heat map per landmark, as the deck "Computer Vision - Lecture 16: Deep Learning
Applications" has one per joint, slide "Heat Map Predictions from FCN" (in part), and a similarity: Umeyama (1991).

A heat map says, by a softmax over its 16 x 16 cells, how likely the landmark lies in each; the cost is its cross
entropy with a small Gaussian around the true place, and the answer the mean place around the peak, finer than a cell.

Is the claim true? Both arms learn from the same 40 people, with as many steps: one from faces as they come, one from
aligned ones. The landmarks that align are found by the network, in training as in test; it has seen the same 40 people
and nobody else. And what every user of face networks meets once: learned from aligned faces, judged on others.
And the same with 400 people: the more there are, the more of it the network learns from the pictures alone, that a
turned face is the same face. FaceNet learned from eight million.
"""

import numpy as np

import pyconvnet as pcn
from lectures.detection.foundation.backbone import centred, conv_layer
from lectures.faces import pairwise, triplet
from lectures.faces.drawing import alignment_figures
from lectures.faces.foundation.alignment import aligned
from lectures.faces.foundation.landmark_data import SIZE, landmark_data
from lectures.faces.foundation.learning import Settings
from lectures.faces.foundation.portraits import FaceData, Portraits
from lectures.faces.foundation.reading_errors import normalised_error
from lectures.faces.foundation.verification import judge, scores_of
from lectures.stage import learn_stage
from pyconvnet import functional as F
from pyconvnet import nn
from pyconvnet.data import Faces

LANDMARKS = 5
CELL = 2  # pixels of a face in a cell of a heat map
SPREAD = 0.8  # cells: standard deviation of the Gaussian that the network is taught
AROUND = 2  # cells around the peak that count for the place of a landmark
PEOPLE, PICTURES = 40, 24  # to learn from: so few that the network cannot learn all poses from them
MANY = 400  # people, for comparison
STEPS, BATCH, RATE, QUICK = 1200, 32, 3e-3, 20
ARMS = Settings(steps=1000, quick=10)
METRICS = ("auc", "accuracy", "rank1")


class LandmarkNet(nn.Module):
    """Faces (N, 3, 32, 32) in [0, 1] to heat maps (N, 5, 16, 16), logits: fine features beside coarse ones."""

    def __init__(self, landmarks=LANDMARKS):
        super().__init__()
        self.fine = nn.Sequential(*conv_layer(3, 16), nn.MaxPool2d(2), *conv_layer(16, 32))
        self.coarse = nn.Sequential(
            nn.MaxPool2d(2), *conv_layer(32, 64), *conv_layer(64, 32), nn.Upsample(scale_factor=2, mode="bilinear")
        )
        self.head = nn.Sequential(*conv_layer(64, 32), nn.Conv2d(32, landmarks, 1))

    def forward(self, images):
        if images.ndim != 4 or tuple(images.shape[1:]) != (3, SIZE, SIZE):
            raise ValueError(f"LandmarkNet: expected faces (N, 3, {SIZE}, {SIZE}), got {tuple(images.shape)}")
        fine = self.fine(centred(images))
        return self.head(pcn.cat([fine, self.coarse(fine)], dim=1))

    def landmarks(self, images, batch=200):
        """(x, y) in pixels (N, 5, 2) of the landmarks of faces, an array of any number of them."""
        was_training = self.training
        self.eval()
        with pcn.no_grad():
            found = [decode(self(pcn.tensor(images[i : i + batch])).data) for i in range(0, len(images), batch)]
        self.train(was_training)
        return np.concatenate(found) if found else np.zeros((0, LANDMARKS, 2), np.float32)


def heatmap_targets(landmarks, shape):
    """A Gaussian of SPREAD cells around each landmark (N, K, 2), in pixels, over maps of `shape`; each sums to 1.

    Of a landmark outside of the map it is the cells next to it that get the most. ValueError if one is not finite.
    """
    landmarks = np.asarray(landmarks)
    if not np.isfinite(landmarks).all():
        raise ValueError("heatmap_targets: a landmark is not finite")
    y, x = np.mgrid[: shape[0], : shape[1]] + 0.5
    place = landmarks[:, :, None, None, :] / CELL
    squared = (x - place[..., 0]) ** 2 + (y - place[..., 1]) ** 2
    near = np.exp(-(squared - squared.min((2, 3), keepdims=True)) / (2 * SPREAD**2))
    return (near / near.sum((2, 3), keepdims=True)).astype(np.float32)


def heatmap_loss(maps, landmarks):
    """Cross entropy of the softmax over each map (N, K, H, W) with its Gaussian, the mean over N K maps; a Tensor."""
    target = heatmap_targets(landmarks, maps.shape[2:])
    if target.shape != maps.shape:
        raise ValueError(f"heatmap_loss: maps {tuple(maps.shape)} do not fit landmarks {np.shape(landmarks)}")
    log_p = F.log_softmax(maps.flatten(2), dim=-1)
    return -(log_p * target.reshape(log_p.shape)).sum() / (maps.shape[0] * maps.shape[1])


def decode(maps):
    """(x, y) in pixels (N, K, 2) of the landmarks that heat maps (N, K, H, W), logits, speak of.

    The mean place, by probability, of the cells at most AROUND from the peak.
    """
    n, k, height, width = maps.shape
    y, x = np.mgrid[:height, :width]
    peak = maps.reshape(n, k, -1).argmax(-1)[..., None, None]
    near = np.maximum(np.abs(y - peak // width), np.abs(x - peak % width)) <= AROUND
    weight = np.where(near, np.exp(maps - maps.max((2, 3), keepdims=True)), 0)
    weight = weight / weight.sum((2, 3), keepdims=True)
    places = [(weight * (along + 0.5)).sum((2, 3)) for along in (x, y)]
    return (np.stack(places, -1) * CELL).astype(np.float32)


def trained(options, report, data, stage="landmarks"):
    """A LandmarkNet that has learned from `data`, LandmarkData, and its Training."""
    pcn.manual_seed(options.seed)
    model, steps = LandmarkNet(), QUICK if options.quick else STEPS
    optimizer = pcn.optim.Adam(model.parameters(), lr=RATE, betas=(0.9, 0.99))

    def batches(start):
        for step in range(start, steps):
            rng = np.random.default_rng((options.seed, step))
            chosen = rng.integers(len(data.images), size=BATCH)
            yield data.vary(data.images[chosen], data.landmarks[chosen], rng)

    def loss_of(model, batch):
        images, landmarks = batch
        return heatmap_loss(model(pcn.tensor(images)), landmarks)

    told = {"batch": BATCH, "lr": RATE, "pictures": len(data.images)}
    return model, learn_stage(model, optimizer, steps, batches, loss_of, options, report, stage, **told)


def run(options, report):
    """The lecture: landmarks, judged on people never seen; then both arms of the claim."""
    data = landmark_data(options, PEOPLE, 4 if options.quick else PICTURES)
    model, training = trained(options, report, data)
    found = model.landmarks(data.unseen)
    # The baseline: the mean of the landmarks learned from, whatever the picture.
    varied = data.vary(data.images, data.landmarks, np.random.default_rng(options.seed))[1]
    for where, guess in ((report.metrics, found), (report.baselines, varied.mean(0))):
        where["nme"] = normalised_error(guess, data.unseen_landmarks)
    alignment_figures.loss(report, training.losses)
    alignment_figures.landmarks(report, data, found, model)
    alignment_figures.alignment(report, data, found)
    if options.data is None:
        compare(options, report, model)


def arm_data(options, people, model=None):
    """FaceData of so many people and of 60 unseen ones: as the faces come, or aligned by a LandmarkNet."""
    people, pictures = (min(people, 40), 6) if options.quick else (people, PICTURES)
    parts = Faces(people, pictures, "train", seed=options.seed), Faces(60, 6, "test", seed=options.seed)
    if model is None:
        return FaceData(*(Portraits(faces, faces.labels) for faces in parts))
    images = [np.stack([image for image, _ in faces]) for faces in parts]
    straight = (aligned(some, model.landmarks(some))[0] for some in images)
    return FaceData(*(Portraits(some, faces.labels) for some, faces in zip(straight, parts)))


def compare(options, report, model):
    """Both losses of the slide on both arms, retrained; the first on many people, too; and arms mixed up.

    The aligned arm of FaceNet's loss enters the metrics, the other one is its baseline.
    """
    arms = {"as they come": arm_data(options, PEOPLE), "aligned": arm_data(options, PEOPLE, model)}
    learned = {}
    for name, system in (("triplet", triplet), ("pairwise", pairwise)):
        for arm, data in arms.items():
            learned[name, arm] = arm_learned(options, report, system, data, f"{name}, {arm}")
    for trained_on, asked in (("aligned", "as they come"), ("as they come", "aligned")):
        found = judged(learned["triplet", trained_on], arms[asked], options)
        report.variants[f"triplet, learned {trained_on}, judged {asked}"] = found
    for arm, aligner in (("as they come", None), ("aligned", model)):
        arm_learned(options, report, triplet, arm_data(options, MANY, aligner), f"triplet, {MANY} people, {arm}")
    report.metrics.update(report.variants["triplet, aligned"])
    report.baselines.update(report.variants["triplet, as they come"])
    for name in ("triplet", "pairwise", f"triplet, {MANY} people"):
        with_it, without = (report.variants[f"{name}, {arm}"] for arm in ("aligned", "as they come"))
        for metric in ("accuracy", "rank1"):
            report.extra[f"{name}: points of {metric} by alignment"] = 100 * (with_it[metric] - without[metric])
    alignment_figures.arms(report, arms)


def arm_learned(options, report, system, data, name):
    """A network that has learned from `data` by the loss of `system`, judged as the variant `name`."""
    network, training = system.trained(options, report, data, ARMS, stage=name.replace(",", "").replace(" ", "-"))
    report.train_seconds -= training.seconds  # the lecture's time is that of its landmarks
    report.variants[name] = judged(network, data, options)
    return network


def judged(network, data, options):
    """The METRICS of a network, of `triplet` or of `pairwise`, on the unseen people of `data`."""
    images = data.test.images()
    scores = network.scores(images) if isinstance(network, pairwise.PairNet) else scores_of(network.embed(images))
    found = judge(scores, data.test.people, data.among, options.seed)
    return {name: found[name] for name in METRICS}
