r"""Deep ageing: let a network that tells ages say how a face would look at another age.

Deck "Deep Convolutional Neural Networks II", slide "Deep Aging": a network trained for predicting age (gender and
landmarks) was used; p -> PCA -> I -> NN -> S; min_p ||NN(PCA(p)) - S^t||^2; input age 85, output age 30.

S is all that the network says of a picture: age, attributes (smile, mouth, hat, glasses instead of gender) and five
landmarks. S^t is what it says of the input, with another age: so the face shall stay what it is otherwise. PCA(p) is
the mean face plus p_k standard deviations of the k-th principal component; every p_k stays within 3 of them, where
faces are. Ours is smaller: painted faces of 32 x 32 pixels, upright, whose wrinkles, grey hair and drooping brow and
jaw are noisy functions of age; 40 components. The networks learn from pictures with more noise than they will see:
who must not rely on single pixels has gradients that look like faces (without it the second network stays some two
years further from the goal).

Whether the face has aged is not for this network to say, which was asked for its own opinion: a second one judges, of
other weights, taught with other people. The contrast is the same minimum over the pixels themselves: the first network
is content at once, the second goes only part of the way (slide "Deep Network Can Easily Be Fooled" (1, in part)).
"""

import numpy as np

import pyconvnet as pcn
from lectures.demo_window import of_the_last_run
from lectures.faces.drawing import aging_figures
from lectures.faces.drawing.age_demo import AgeDemo
from lectures.faces.foundation.eigenfaces import Eigenfaces
from lectures.faces.foundation.face_reader import (
    ATTRIBUTES,
    MIDDLE_AGE,
    SIZE,
    YEARS,
    FaceReader,
    Settings,
    learn_to_read,
    pictures_of,
    places,
    truths,
    years,
)
from lectures.faces.foundation.linear_fit import linear_fit
from lectures.faces.foundation.reading_errors import mean_distance, normalised_error, what_else_changed
from pyconvnet.data.face_painting import AGES

TASKS = ("age", "attributes", "landmarks")
COMPONENTS = 40  # of the PCA
BOUND = 3.0  # standard deviations
PEOPLE, PICTURES = 400, 12  # that each network learns from
LEARNING = Settings(steps=1300, noise=0.08)
OLD, YOUNG = 85.0, 30.0  # years, on the slide
STEPS, RATE, PIXEL_RATE = 150, 0.05, 0.005  # of the minimisation
UNSEEN, CHANGED = 60, 24  # people to be judged on; how many faces are made young, and how many old
FACES_OF_PCA = 1200
JUDGE = 1000  # the seed of the second network and of its people is so much larger


class FaceSpace:
    """Faces as p: PCA(p) = mean + sum_k p_k sigma_k component_k, from the principal components of `images`.

    images [n, 3, H, W]. ValueError unless there are more faces than `components`, and at least one of these.
    """

    def __init__(self, images, components=COMPONENTS):
        if not 1 <= components < len(images):
            raise ValueError(
                f"FaceSpace: components must be 1 to {len(images) - 1}, fewer than faces, got {components}"
            )
        self.shape = images.shape[1:]
        flat = np.asarray(images, np.float32).reshape(len(images), -1)
        self.faces = Eigenfaces(flat, components)
        self.sigma = self.faces.spread.astype(np.float32)
        away = flat - self.faces.mean
        self.explained = float((self.sigma.astype(np.float64) ** 2).sum() * len(flat) / (away**2).sum())

    def code(self, images):
        """p [n, components] of the PCA(p) nearest to pictures, each number within BOUND."""
        p = self.faces.coefficients(np.asarray(images).reshape(len(images), -1), whitened=True)
        return np.clip(p, -BOUND, BOUND).astype(np.float32)

    def picture(self, p):
        """PCA(p): pictures [n, 3, H, W] of p [n, components]; a Tensor of a Tensor, an array of an array."""
        return self.faces.faces(p * self.sigma).reshape(len(p), *self.shape)


def minimise(reader, picture_of, start, target, low, high, steps=STEPS, rate=RATE):
    """min over x of ||NN(picture_of(x)) - S^t||^2 from x = start, low <= x <= high, by gradient descent (Adam).

    Slide "Deep Aging". start [n, ...], target [n, length of S]; every row is a minimisation of its own. Returns
    the x of every step, a list of steps + 1 arrays.
    """
    x = pcn.tensor(start, requires_grad=True)
    optimizer = pcn.optim.Adam([x], lr=rate)
    path = [x.data.copy()]
    for _ in range(steps):
        cost = ((reader(picture_of(x)) - pcn.tensor(target)) ** 2).sum()
        optimizer.zero_grad()
        cost.backward()
        optimizer.step()
        np.clip(x.data, low, high, out=x.data)
        path.append(x.data.copy())
    return path


def target_for(reader, images, ages):
    """S^t: what the network says of pictures, with these ages (one number, or one each). ValueError beyond 20 to 90."""
    ages = np.asarray(ages, np.float32)
    if not ((ages >= AGES[0]) & (ages <= AGES[1])).all():
        raise ValueError(f"target_for: ages must be {AGES[0]:g} to {AGES[1]:g} years, as in training, got {ages}")
    target = reader.read(images)
    target[:, reader.parts["age"]] = ((ages - MIDDLE_AGE) / YEARS).reshape(-1, 1)
    return target


def aged(reader, space, p, ages, steps=STEPS):
    """Faces p [n, components] at other ages: the path of `minimise` over p, from p on, within BOUND."""
    target = target_for(reader, space.picture(p), ages)
    return minimise(reader, space.picture, p, target, -BOUND, BOUND, steps)


def pixels_aged(reader, images, ages, steps=STEPS):
    """The contrast: the path of `minimise` over the pixels of pictures, from them on, within [0, 1]."""
    target = target_for(reader, images, ages)
    return minimise(reader, lambda x: x, np.clip(images, 0, 1), target, 0.0, 1.0, steps, PIXEL_RATE)


def people(options, seed, split="train", least=(40, 6)):
    """Aged, upright faces: as many as the lecture takes, or `least` with --quick."""
    many = least if options.quick else (PEOPLE, PICTURES) if split == "train" else (UNSEEN, PICTURES)
    return pcn.data.Faces(*many, split, SIZE, aged=True, upright=True, seed=seed)


def taught(options, report, stage, seed):
    """(a network that reads age, attributes and landmarks, its Training, the faces that it learned from)."""
    faces = people(options, seed)
    pcn.manual_seed(seed)
    reader = FaceReader(TASKS)
    training = learn_to_read(reader, pictures_of(faces), truths(faces, TASKS), LEARNING, options, report, stage, seed)
    return reader, training, faces


def judge_reading(report, reader, train, test):
    """All tasks on unseen people, beside their baselines: a plane through the pixels, the mean face, the usual case."""
    images, S = pictures_of(test), truths(test, TASKS)
    said, told = reader.read(images), linear_fit(pictures_of(train), truths(train, ("age",)))(images)
    truth, usual = years(S, reader.parts), truths(train, TASKS)
    report.metrics["mae"] = {"age": mean_distance(years(said, reader.parts), truth)}
    report.baselines["mae"] = {"age": mean_distance(told[:, 0] * YEARS + MIDDLE_AGE, truth)}
    report.extra["mean_age_mae"] = mean_distance(np.full(len(truth), years(usual, reader.parts).mean()), truth)
    report.metrics["nme"] = normalised_error(places(said, reader.parts), places(S, reader.parts))
    report.baselines["nme"] = normalised_error(places(usual, reader.parts).mean(0), places(S, reader.parts))
    worn = slice(reader.parts["attributes"].start + 2, reader.parts["attributes"].stop)
    right, share = np.sign(said[:, worn]) == S[:, worn], (S[:, worn] > 0).mean(0)
    report.metrics["accuracy"] = {name: float(r) for name, r in zip(ATTRIBUTES[2:], right.mean(0))}
    report.baselines["accuracy"] = {name: float(max(s, 1 - s)) for name, s in zip(ATTRIBUTES[2:], share)}
    return years(said, reader.parts), truth


def bareheaded(faces, low, high, most):
    """Up to `most` indices of faces without hat, aged low to high, one a person as long as there are people."""
    fit = [i for i in range(len(faces)) if low <= faces.age(i) <= high and not faces.attributes(i)["hat"]]
    seen, first, again = set(), [], []
    for i in fit:
        (again if i // faces.pictures in seen else first).append(i)
        seen.add(i // faces.pictures)
    return (first + again)[:most]


def run(options, report):
    """The lecture: teach two networks, ask the first for other ages, let the second judge."""
    first, second, space, train, test = prepared(options, report)
    said, truth = judge_reading(report, first, train, test)
    report.extra["second_network_mae"] = mean_distance(years(second.read(pictures_of(test)), second.parts), truth)
    report.extra["variance_in_components"] = space.explained
    aging_figures.ages(report, truth, said)
    change(options, report, first, second, space, test)


def prepared(options, report):
    """The two networks, the space of faces, the people that the first and the space learned from, unseen people."""
    if options.data is not None:
        raise ValueError("aging needs faces whose age is known, and paints its own: leave --data out")
    first, _, train = taught(options, report, "first", options.seed)
    second, _, _ = taught(options, report, "judge", options.seed + JUDGE)
    faces = pictures_of(train)[bareheaded(train, *AGES, FACES_OF_PCA)]
    space = FaceSpace(faces, 20 if options.quick else COMPONENTS)
    return first, second, space, train, people(options, options.seed, "test", (12, 12))


def demo(options, report):
    """A slider for the age, on the trained networks (trained first if there is no checkpoint)."""
    first, second, space, _, test = of_the_last_run(lambda: prepared(options, report), options)
    shown = bareheaded(test, *AGES, 20)
    p = space.code(np.stack([test[i][0] for i in shown]))

    def picture_at(k, age):
        return space.picture(aged(first, space, p[k : k + 1], age)[-1])[0]

    says = [lambda images, r=r: years(r.read(images), r.parts) for r in (first, second)]
    window = AgeDemo(picture_at, says, [test.age(i) for i in shown], AGES)
    window.show()
    return window


def change(options, report, first, second, space, test):
    """Make old faces YOUNG and young ones OLD, and each its own age again; then the pixels; who believes it?"""
    count, steps = (4, 20) if options.quick else (CHANGED, STEPS)
    old, young = bareheaded(test, 75, 90, count), bareheaded(test, 20, 35, count)
    own = np.array([test.age(i) for i in old + young])
    goals = np.repeat([YOUNG, OLD], [len(old), len(young)])
    p = space.code(np.stack([test[i][0] for i in old + young]))
    start = space.picture(p)

    there = aged(first, space, p, goals, steps)
    back = aged(first, space, there[-1], own, steps)
    pixels = pixels_aged(first, start, goals, steps)
    arms = {"PCA(p)": [space.picture(x) for x in there], "pixels": pixels}

    def age_of(reader):
        return lambda images: years(reader.read(images), reader.parts)

    def years_off(reader, images, ages):
        return mean_distance(age_of(reader)(images), ages)

    curves = {arm: [[years_off(r, images, goals) for images in path] for r in (first, second)]
              for arm, path in arms.items()}  # fmt: skip
    home = space.picture(back[-1])
    report.metrics["mae"] |= {"aged": curves["PCA(p)"][1][-1], "and back": years_off(second, home, own)}
    report.baselines["mae"] |= {
        "aged": curves["pixels"][1][-1], "and back": years_off(second, arms["PCA(p)"][-1], own),
    }  # fmt: skip
    for arm, path in arms.items():
        said = {"asked": curves[arm][0][-1], "second": curves[arm][1][-1]}
        report.variants[arm] = said | what_else_changed(second, start, path[-1])
    report.variants["nothing done"] = {"asked": curves["pixels"][0][0], "second": curves["pixels"][1][0]}
    report.variants["PCA(p), and back"] = {
        "asked": years_off(first, home, own), "second": report.metrics["mae"]["and back"],
    } | what_else_changed(second, start, home)  # fmt: skip
    report.extra["mae_of_second_network_on_pca"] = years_off(second, start, own)
    stages = {"own age": start, "other age": arms["PCA(p)"][-1], "and back": home, "by pixels": pixels[-1]}
    aging_figures.changes(report, stages, goals, curves, [age_of(first), age_of(second)])
    aging_figures.space(report, space)
