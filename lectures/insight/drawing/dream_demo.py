"""A window with one slider, how many steps the network may dream, over dreams that were computed before."""

import numpy as np

from lectures.demo_window import DemoWindow
from lectures.fixed_network.drawing.picture import show


class DreamDemo(DemoWindow):
    """`sweeps`: for each picture a function that computes {steps: picture}, called when it is first shown.

    `score`: the mean class score of a picture [C, H, W].
    """

    def __init__(self, sweeps, names, score):
        self.sweeps, self.names, self.score = sweeps, names, score
        self.computed = {}
        most = len(self.sweep(0)) - 1
        super().__init__(len(sweeps), {"strength": ("strength of the dream", 0, most, most // 2)}, (6.5, 7.2))

    def sweep(self, index):
        """[(steps, picture)] of picture `index`, computed once."""
        if index not in self.computed:
            self.computed[index] = list(self.sweeps[index]().items())
        return self.computed[index]

    def update(self):
        """Show the nearest of the dreams."""
        steps, image = self.sweep(self.index)[int(np.rint(self.strength.val))]
        self.told = float(self.score(image))
        show(self.axes, image, f"{self.names[self.index]}: {steps} steps an octave, mean class score {self.told:.2f}")
