"""A window with one slider, the age: the face of an unseen person at that age, and what two networks say of it."""

import numpy as np

from lectures.demo_window import DemoWindow


class AgeDemo(DemoWindow):
    """`picture_at(k, years)` is face k at an age, `says` the two networks that tell ages: pictures to years."""

    def __init__(self, picture_at, says, own_ages, range_of_ages=(20, 90)):
        self.picture_at, self.says, self.own_ages = picture_at, says, own_ages
        super().__init__(len(own_ages), {"age": ("age", *range_of_ages, own_ages[0])}, (5, 6), "next face")

    def update(self):
        """Age the face anew, from the picture on, and draw it."""
        image = self.picture_at(self.index, self.age.val)
        self.told = [float(say(image[None])[0]) for say in self.says]
        self.axes.imshow(np.clip(image, 0, 1).transpose(1, 2, 0))
        self.axes.set_axis_off()
        asked, second = self.told
        self.axes.set_title(f"truly {self.own_ages[self.index]:.0f}; asked: {asked:.0f}, second network: {second:.0f}")

    def turn(self):
        """Show the next face, at its own age."""
        super().turn()
        self.age.set_val(self.own_ages[self.index])
