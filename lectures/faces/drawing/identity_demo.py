"""A window with a slider: from which distance on a face is nobody's."""

from lectures.faces.drawing.identity_figures import draw_answers


class IdentityDemo:
    """Who is in an unseen picture, redrawn when the slider moves; a button shows the next picture.

    `recogniser` is a Recogniser with people enrolled; `test` holds pictures, and has people in each.
    """

    def __init__(self, recogniser, test):
        from matplotlib import pyplot
        from matplotlib.widgets import Button, Slider

        self.recogniser, self.test, self.index = recogniser, test, 0
        self.figure, self.axes = pyplot.subplots(figsize=(7, 7.6))
        self.figure.subplots_adjust(bottom=0.2)
        place, start = self.figure.add_axes, min(recogniser.gallery.threshold, 2.0)
        self.threshold = Slider(place((0.3, 0.1, 0.55, 0.03)), "known up to distance", 0.0, 2.0, valinit=start)
        self.next = Button(place((0.3, 0.02, 0.25, 0.05)), "next picture")
        self.threshold.on_changed(lambda _: self.update())
        self.next.on_clicked(lambda _: self.turn())
        self.update()

    def update(self):
        """Identify with the slider's threshold and redraw."""
        image, target = self.test[self.index]
        answers = self.recogniser.identify(image, self.threshold.val)
        self.axes.clear()
        draw_answers(self.axes, image, answers)
        self.known = sum(match.name is not None for _, match in answers)
        self.axes.set_title(f"{len(answers)} faces found of {len(target[0])}, {self.known} of them with a name")
        self.figure.canvas.draw_idle()

    def turn(self):
        """Show the next picture."""
        self.index = (self.index + 1) % len(self.test)
        self.update()

    def show(self):
        """Open the window and wait until it is closed."""
        from matplotlib import pyplot

        pyplot.show()
