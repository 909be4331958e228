"""What was there before ConvNets, and what they must beat: distance of pixels, eigenfaces, Fisherfaces.

Turk & Pentland, "Eigenfaces for Recognition" (1991); Belhumeur et al., "Eigenfaces vs. Fisherfaces" (1997).
"""

import numpy as np

from lectures.faces.foundation.embedding import standardised, unit
from lectures.faces.foundation.verification import judge, scores_of

COMPONENTS = 100
LEARNED_FROM = 1600  # pictures at most: a larger covariance would take long and say the same


class Eigenfaces:
    """The principal components of faces: x = mean + sum of coefficients times eigenfaces, the strongest first.

    vectors (n, D): one face a row. `components` (k, D) have length 1, `spread` (k,) is how far faces reach along each.
    """

    def __init__(self, vectors, components=COMPONENTS):
        self.mean = vectors.mean(0)
        _, singular, directions = np.linalg.svd(vectors - self.mean, full_matrices=False)
        k = min(components, int((singular > 1e-6 * max(singular[0], 1e-12)).sum()))
        self.components, self.spread = directions[:k], singular[:k] / np.sqrt(len(vectors))

    def coefficients(self, vectors, whitened=False):
        """(n, k): the face in numbers; `whitened` divides each by its spread."""
        found = (vectors - self.mean) @ self.components.T
        return found / self.spread if whitened else found

    def faces(self, coefficients):
        """Back to (n, D)."""
        return self.mean + coefficients @ self.components


class Fisherfaces:
    """Directions in which people differ most for how much their own pictures do: Fisher's discriminant on eigenfaces.

    The scatter within people is stiffened by `ridge` of its mean: there are about as many numbers as pictures.
    """

    def __init__(self, vectors, people, components=COMPONENTS, ridge=0.1):
        self.eigenfaces = Eigenfaces(vectors, components)
        x = self.eigenfaces.coefficients(vectors)
        everybody = np.unique(people)
        means = np.stack([x[people == person].mean(0) for person in everybody])
        counts = np.array([(people == person).sum() for person in everybody])
        own = x - means[np.searchsorted(everybody, people)]
        within, between = own.T @ own, (means * counts[:, None]).T @ means
        within += np.eye(len(within)) * np.trace(within) / len(within) * ridge
        root = np.linalg.inv(np.linalg.cholesky(within))
        _, directions = np.linalg.eigh(root @ between @ root.T)  # rising
        self.directions = (root.T @ directions)[:, ::-1][:, : len(everybody) - 1]

    def coefficients(self, vectors):
        """(n, people - 1)."""
        return self.eigenfaces.coefficients(vectors) @ self.directions


def flat(portraits, most=None, mirrored=False):
    """Faces, or their mirror images, as vectors (n, H W), standardised, and who they are: (vectors, people).

    Evenly chosen where there are more than `most`.
    """
    which = np.arange(len(portraits))
    if most is not None and len(which) > most:
        which = which[:: -(-len(which) // most)]
    images = portraits.images(which)[..., :: -1 if mirrored else 1]
    return standardised(images).reshape(len(which), -1), portraits.people[which]


def classical_scores(data):
    """{"pixel distance", "eigenfaces", "Fisherfaces"}: the scores (n, n) of the unseen pictures. Cosines.

    Of photographs the mirror images are learned from and added, too, as the networks do it.
    """
    ways = (False, True) if data.photographs else (False,)
    train, people = zip(*(flat(data.train, LEARNED_FROM // len(ways), mirrored) for mirrored in ways))
    train, people = np.concatenate(train), np.concatenate(people)
    test = [flat(data.test, mirrored=mirrored)[0] for mirrored in ways]
    methods = {
        "pixel distance": lambda vectors: vectors,
        "eigenfaces": Eigenfaces(train).coefficients,
        "Fisherfaces": Fisherfaces(train, people).coefficients,
    }
    return {name: scores_of(unit(sum(unit(found(v)) for v in test))) for name, found in methods.items()}


def baselines(data, report, metrics):
    """Enter the three methods as variants, and the better of pixel distance and eigenfaces as baseline of each metric.

    Returns {method: scores}.
    """
    scores = classical_scores(data)
    found = {name: judge(s, data.test.people, data.among, report.seed) for name, s in scores.items()}
    for name, values in found.items():
        report.variants[name] = {metric: values[metric] for metric in metrics}
    for metric in metrics:
        better = min if metric == "eer" else max
        report.baselines[metric] = better(found[name][metric] for name in ("pixel distance", "eigenfaces"))
    return scores
