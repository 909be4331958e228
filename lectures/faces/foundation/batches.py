"""Batches of P people with K pictures each: a loss that compares faces needs both, the same person and others."""

import numpy as np


class PeopleBatches:
    """Draws batches from `people`, who is on each picture (n,): people with one picture only are left out.

    Schroff et al., "FaceNet" (2015), Hermans et al., "In Defense of the Triplet Loss" (2017). ValueError where fewer
    than two people are left.
    """

    def __init__(self, people, people_per_batch=16, pictures_per_person=4):
        if people_per_batch < 2 or pictures_per_person < 2:
            raise ValueError(
                "PeopleBatches: at least 2 people with 2 pictures each make a batch, got "
                f"{people_per_batch} x {pictures_per_person}"
            )
        people = np.asarray(people)
        self.pictures = [np.flatnonzero(people == person) for person in np.unique(people)]
        self.pictures = [which for which in self.pictures if len(which) > 1]
        if len(self.pictures) < 2:
            raise ValueError(
                f"PeopleBatches: only {len(self.pictures)} of {len(np.unique(people))} people have two pictures or "
                "more; two such people are needed to compare faces"
            )
        self.people_per_batch = min(people_per_batch, len(self.pictures))
        self.pictures_per_person = pictures_per_person

    def draw(self, rng):
        """The numbers of the pictures of a batch, those of a person next to each other.

        Of a person with fewer than K pictures some come twice.
        """
        k, chosen = self.pictures_per_person, rng.choice(len(self.pictures), self.people_per_batch, replace=False)
        return np.concatenate([rng.choice(self.pictures[i], k, replace=len(self.pictures[i]) < k) for i in chosen])
