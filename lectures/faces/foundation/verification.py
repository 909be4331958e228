"""Judging scores of pairs of faces, higher for the same person: 1:1 (verification) and 1:N (recognition).

Deck "Fun Ways To Use ConvNets", slide "Face Recognition/Verification" (1, in part): does a face match a target face,
and whose of a database does it match? Deck "Computer Vision - Lecture 16", slide "Other Tasks: Face Verification".
Scores stand in a matrix (n, n): of picture i with picture j.
"""

import numpy as np

import pyconvnet as pcn
from lectures.faces.foundation.embedding import squared_distances

FALSE_ACCEPTS = (1e-3, 1e-2)


def scores_of(vectors):
    """The matrix (n, n) of scores of embeddings (n, D): minus the squared distances."""
    return -squared_distances(np.asarray(vectors, np.float64))


def all_pairs(people):
    """(i, j, the same person?) of all pairs i < j."""
    i, j = np.triu_indices(len(people), 1)
    return i, j, people[i] == people[j]


def judge(scores, people, among=20, seed=0):
    """What verification and recognition report of a matrix of scores (n, n), over all pairs of pictures.

    auc, eer: of the ROC curve. accuracy: balanced, see `accuracy_on_other_people`. rank1: of `among` people with one
    picture each. ten_fold: on the folds of `ten_folds`; `shared`: whether they share people. true_accepts: {rate:
    share}. ValueError where there are no two pairs of one person, or of two people, and for a matrix that does not fit.
    """
    scores, people = np.asarray(scores), np.asarray(people)
    if people.ndim != 1 or scores.shape != 2 * people.shape:
        raise ValueError(f"judge: {people.shape} people need a matrix of scores (n, n), got {scores.shape}")
    if not 1 <= among <= len(np.unique(people)):
        raise ValueError(f"judge: one among {among} people, but there are {len(np.unique(people))}")
    i, j, same = all_pairs(people)
    if min(same.sum(), (~same).sum()) < 2:
        raise ValueError("judge: verification needs pairs of one person and of two, so two people with two pictures")
    s, rng = scores[i, j], np.random.default_rng((seed, len(people)))
    pairs, folds, shared = ten_folds(people, rng)
    return {
        "auc": pcn.metrics.roc_auc(s, same),
        "eer": pcn.metrics.equal_error_rate(s, same),
        "accuracy": accuracy_on_other_people(scores, people, rng),
        "rank1": rank1(scores, people, among, rng),
        "ten_fold": float(np.mean(ten_fold_accuracy(s[pairs], same[pairs], folds)[0])),
        "shared": shared,
        "true_accepts": {rate: pcn.metrics.true_accept_rate(s, same, rate) for rate in FALSE_ACCEPTS},
    }


def balanced_threshold(scores, same):
    """The score from which on to say "the same", so that (true accepts + true rejects) / 2 is highest."""
    false, true, thresholds = pcn.metrics.roc_curve(scores, same)
    return thresholds[np.argmax(true - false)]


def best_threshold(scores, same):
    """The score from which on to say "the same", so that most pairs are right."""
    false, true, thresholds = pcn.metrics.roc_curve(scores, same)
    return thresholds[np.argmax(true * same.sum() - false * (~same).sum())]


def balanced_accuracy(scores, same, threshold):
    """(share of accepted pairs of one person + share of rejected pairs of two) / 2."""
    return float(((scores[same] >= threshold).mean() + (scores[~same] < threshold).mean()) / 2)


def accuracy_on_other_people(scores, people, rng, repeats=10):
    """Balanced accuracy on half of the people with the threshold that is best on the other half; the mean.

    Over both directions of `repeats` random halves: a threshold, too, must not have seen who it judges. Where a half
    has no pair of one person, or of two, that direction is left out; NaN where all are.
    """
    everybody, found = np.unique(people), []
    for _ in range(repeats):
        first = np.isin(people, rng.permutation(everybody)[: len(everybody) // 2])
        for known in (first, ~first):
            (a, b), (c, d) = _pairs_among(scores, people, known), _pairs_among(scores, people, ~known)
            if b.any() and not b.all() and d.any() and not d.all():
                found.append(balanced_accuracy(c, d, balanced_threshold(a, b)))
    return float(np.mean(found)) if found else float("nan")


def _pairs_among(scores, people, who):
    """(scores, the same person?) of the pairs of the pictures marked in `who`."""
    i, j, same = all_pairs(people[who])
    return scores[np.ix_(who, who)][i, j], same


def ten_folds(people, rng, folds=10):
    """(numbers of pairs, their folds, whether folds share people): balanced pairs within ten groups of people.

    As in LFW every person is in one fold only; LFW's own folds are a list, `pcn.data.read_pairs`, and ours are drawn.
    Where a group has no pair of one person, or of two, as with fewer than 20 people, all pairs are dealt out instead,
    and the people of a fold are in the others, too.
    """
    (i, j, same), (everybody, who) = all_pairs(people), np.unique(people, return_inverse=True)
    group = (rng.permutation(len(everybody)) % folds)[who]
    found = []
    for fold in range(folds):
        inside = np.flatnonzero((group[i] == fold) & (group[j] == fold))
        if same[inside].all() or not same[inside].any():
            return *balanced_folds(same, rng, folds), True
        found.append(inside[balanced_folds(same[inside], rng)[0]])
    return np.concatenate(found), np.repeat(np.arange(folds), [len(f) for f in found]), False


def balanced_folds(same, rng, folds=10):
    """(numbers of pairs, their folds 0 to folds - 1): as many pairs of one person as of two, in every fold alike."""
    each = min(same.sum(), (~same).sum())
    chosen = [rng.choice(np.flatnonzero(kind), each, replace=False) for kind in (same, ~same)]
    return np.concatenate(chosen), np.tile(np.arange(each) % folds, 2)


def ten_fold_accuracy(scores, same, folds):
    """(the accuracy on each fold with the threshold that is best on all the others, these thresholds).

    scores, same, folds: of each pair. Huang et al., "Labeled Faces in the Wild" (2007). ValueError for one fold only.
    """
    numbers = np.unique(folds)
    if len(numbers) < 2:
        raise ValueError("ten_fold_accuracy: one fold has no others to choose the threshold on")
    accuracies, thresholds = [], []
    for fold in numbers:
        out = folds == fold
        thresholds.append(best_threshold(scores[~out], same[~out]))
        accuracies.append(((scores[out] >= thresholds[-1]) == same[out]).mean())
    return np.array(accuracies), np.array(thresholds)


def rank1(scores, people, among, rng, repeats=100):
    """How often the nearest of `among` people, known by one picture each, is the right one: the mean over draws.

    Every draw takes other people and other pictures; all their other pictures are asked about. By chance 1 / among.
    """
    everybody, right = np.unique(people), []
    for _ in range(repeats):
        known = rng.choice(everybody, among, replace=False)
        gallery = np.array([rng.choice(np.flatnonzero(people == person)) for person in known])
        asked = np.setdiff1d(np.flatnonzero(np.isin(people, known)), gallery)
        if len(asked):
            right.append((people[gallery][scores[np.ix_(asked, gallery)].argmax(1)] == people[asked]).mean())
    return float(np.mean(right)) if right else float("nan")
