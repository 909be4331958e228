"""A window with a slider over alpha / (1 - alpha): how much the content weighs, on pictures painted beforehand."""

import numpy as np

from lectures.demo_window import DemoWindow


class AlphaDemo(DemoWindow):
    """`painted` {alpha: pictures of all pairs}; between two alphas stands the nearer one, on the slide's axis."""

    def __init__(self, pairs, painted):
        self.pairs, self.alphas, self.painted = pairs, np.array(list(painted)), list(painted.values())
        axis = self.axis = np.log10(self.alphas / (1 - self.alphas))
        start = float(axis[len(axis) // 2])
        sliders = {"weight": ("log10 alpha/(1 - alpha)", float(axis.min()), float(axis.max()), start)}
        super().__init__(len(pairs), sliders, (11, 5))

    def update(self):
        """Content, painted picture and style side by side."""
        self.nearest = int(np.abs(self.axis - self.weight.val).argmin())
        shown = self.pairs.contents[self.index], self.painted[self.nearest][self.index], self.pairs.styles[self.index]
        tall = max(image.shape[1] for image in shown)
        padded = [np.pad(image, ((0, 0), (0, tall - image.shape[1]), (0, 4)), constant_values=1) for image in shown]
        self.axes.imshow(np.clip(np.concatenate(padded, 2), 0, 1).transpose(1, 2, 0))
        self.axes.set_axis_off()
        alpha = self.alphas[self.nearest]
        self.axes.set_title(f"{self.pairs.names[self.index]}: content | alpha = {alpha:.3g} | style")
