"""A window with one slider, the age: the face of an unseen person at that age, and what two networks say of it."""

import numpy as np


class AgeDemo:
    """`picture_at(k, years)` is face k of `count` at an age, `says` the networks that tell ages: pictures to years.

    Redrawn when the slider moves; a button shows the next face.
    """

    def __init__(self, picture_at, says, own_ages, range_of_ages=(20, 90)):
        from matplotlib import pyplot
        from matplotlib.widgets import Button, Slider

        self.picture_at, self.says, self.own_ages, self.index = picture_at, says, own_ages, 0
        self.figure, self.axes = pyplot.subplots(figsize=(5, 6))
        self.figure.subplots_adjust(bottom=0.22)
        place = self.figure.add_axes
        self.age = Slider(place((0.2, 0.11, 0.6, 0.03)), "age", *range_of_ages, valinit=own_ages[0])
        self.next = Button(place((0.3, 0.02, 0.4, 0.06)), "next face")
        self.age.on_changed(lambda _: self.update())
        self.next.on_clicked(lambda _: self.turn())
        self.update()

    def update(self):
        """Age the face anew, from the picture on, and redraw."""
        image = self.picture_at(self.index, self.age.val)
        self.told = [float(say(image[None])[0]) for say in self.says]
        self.axes.clear()
        self.axes.imshow(np.clip(image, 0, 1).transpose(1, 2, 0))
        self.axes.set_axis_off()
        asked, second = self.told
        self.axes.set_title(f"truly {self.own_ages[self.index]:.0f}; asked: {asked:.0f}, second network: {second:.0f}")
        self.figure.canvas.draw_idle()

    def turn(self):
        """Show the next face, at its own age."""
        self.index = (self.index + 1) % len(self.own_ages)
        self.age.set_val(self.own_ages[self.index])

    def show(self):
        """Open the window and wait until it is closed."""
        from matplotlib import pyplot

        pyplot.show()
