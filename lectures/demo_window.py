"""The window of every `--demo`: a picture under sliders, and a button for the next one."""

from lectures.training import OtherSettings


class DemoWindow:
    """One of `count` pictures, redrawn by `update` when a slider moves or the button shows the next one.

    `sliders` {attribute: (label, lowest, highest, start)}: each stands as that attribute. `update` draws picture
    `index` into `axes`.
    """

    def __init__(self, count, sliders, figsize, button="next picture"):
        from matplotlib import pyplot
        from matplotlib.widgets import Button, Slider

        self.count, self.index = count, 0
        self.figure, self.axes = pyplot.subplots(figsize=figsize)
        place = self.figure.add_axes
        self.figure.subplots_adjust(bottom=0.15 + 0.05 * len(sliders))
        for i, (name, (label, lowest, highest, start)) in enumerate(sliders.items()):
            where = place((0.33, 0.04 + 0.05 * (len(sliders) - i), 0.52, 0.03))
            slider = Slider(where, label, lowest, highest, valinit=start)
            slider.on_changed(lambda _: self.redraw())
            setattr(self, name, slider)
        self.next = Button(place((0.33, 0.02, 0.25, 0.05)), button)
        self.next.on_clicked(lambda _: self.turn())
        self.redraw()

    def update(self):
        """Draw picture `index` as the sliders have it."""
        raise NotImplementedError

    def redraw(self):
        """The axes anew."""
        self.axes.clear()
        self.update()
        self.figure.canvas.draw_idle()

    def turn(self):
        """Show the next picture."""
        self.index = (self.index + 1) % self.count
        self.redraw()

    def show(self):
        """Open the window and wait until it is closed."""
        from matplotlib import pyplot

        pyplot.show()


def of_the_last_run(trained, options):
    """trained(), which takes up the checkpoints of the last run; trains anew where those are of other settings."""
    options.resume = True
    try:
        return trained()
    except OtherSettings:
        print("the last run had other settings: training anew")
        options.resume = False
        return trained()
