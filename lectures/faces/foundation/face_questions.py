"""Questions about faces that sums of embeddings should answer, and what else an embedding is asked."""

from dataclasses import replace
from itertools import product

import numpy as np

import pyconvnet as pcn
from lectures.faces.foundation.embedding import unit
from lectures.faces.foundation.face_reader import ATTRIBUTES, SIZE, attribute_numbers
from lectures.faces.foundation.linear_fit import linear_fit
from pyconvnet.data.faces import NOISE
from pyconvnet.data.painted import SPLITS

COMBINATIONS = tuple(product((-1, 1), repeat=3))  # of mouth (up, down), hat and glasses (with, without): 8
CHANGES = ("smile", "hat", "glasses")  # each stands for one of the three
POSES, QUESTIONS = 101, 102  # first words of the generators: no other draws from them, least of all one of people


def gallery(people, seed=0, split="test", rounds=1):
    """People of a split, each with all COMBINATIONS, `rounds` times: (images float32 [8 rounds people, 3, 32, 32],
    S [..., 4], the numbers of their attributes), person by person.

    Place, light, mouth opening, hat colour and noise are as random as ever.
    """
    faces, images, S = pcn.data.Faces(people, 1, split, SIZE, seed=seed), [], []
    for person in range(people):
        for k, (smile, hat, glasses) in enumerate(COMBINATIONS * rounds):
            rng = np.random.default_rng((POSES, seed, SPLITS[split], person, k + 1))  # not 0: last zeros do not count
            pose = replace(pcn.data.draw_pose(rng), smile=smile * float(rng.uniform(0.6, 1)), hat=hat > 0)
            pose = replace(pose, glasses=glasses > 0)
            image, _ = pcn.data.paint_face(faces.identity(person), pose, SIZE)
            images.append(np.clip(image + rng.normal(0, NOISE, image.shape), 0, 1).astype(np.float32))
            S.append(attribute_numbers({name: getattr(pose, name) for name in ATTRIBUTES}))
    return np.stack(images), np.array(S, np.float32)


def face_questions(people, count, seed=0):
    """(rows (a, b, c) of the gallery [count, 3], what the right answer looks like: a number of COMBINATIONS [count]).

    a, b are one person, without and with one of CHANGES (or the other way round); c is somebody else, like a in
    this. In everything else they are as they happen to be.
    """
    if people < 2:
        raise ValueError(f"face_questions: an analogy needs two people, got {people}")
    rng = np.random.default_rng((QUESTIONS, seed, people))
    bit = 4 >> rng.integers(3, size=count)  # of the number of a combination, what stands for the change
    first = rng.integers(people, size=count)
    other = (first + rng.integers(1, people, size=count)) % people
    looks, looks_of_other = rng.integers(8, size=(2, count))
    looks_of_other = (looks_of_other & ~bit) | (looks & bit)
    questions = np.stack([8 * first + looks, 8 * first + (looks ^ bit), 8 * other + looks_of_other], axis=1)
    return questions, looks_of_other ^ bit


def linear_reading(train, looks, test):
    """How well one plane tells smile, hat and glasses from the vectors: mean accuracy on the gallery (chance 1/2).

    The plane is fitted to `train` [n, d] and `looks` [n, 3] of -1 ... 1.
    """
    truth = np.tile(np.array(COMBINATIONS), (len(test) // 8, 1))
    return float((np.sign(linear_fit(train, np.sign(looks))(test)) == truth).mean())


def same_person(vectors):
    """AUC of the cosine as an answer to "the same person?", over all pairs of the gallery."""
    v, person = unit(vectors), np.arange(len(vectors)) // 8
    pairs = np.triu_indices(len(v), 1)
    return pcn.metrics.roc_auc((v @ v.T)[pairs], (person[:, None] == person)[pairs])
