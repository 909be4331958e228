"""A window with a slider: from which distance on a face is nobody's."""

from lectures.demo_window import DemoWindow
from lectures.faces.drawing.identity_figures import draw_answers


class IdentityDemo(DemoWindow):
    """Who is in an unseen picture. `recogniser` has people enrolled; `test` holds pictures, and has people in each."""

    def __init__(self, recogniser, test):
        self.recogniser, self.test = recogniser, test
        start = min(recogniser.gallery.threshold, 2.0)
        super().__init__(len(test), {"threshold": ("known up to distance", 0.0, 2.0, start)}, (7, 7.6))

    def update(self):
        """Identify with the slider's threshold and draw the answers."""
        image, target = self.test[self.index]
        answers = self.recogniser.identify(image, self.threshold.val)
        draw_answers(self.axes, image, answers)
        self.known = sum(match.name is not None for _, match in answers)
        self.axes.set_title(f"{len(answers)} faces found of {len(target[0])}, {self.known} of them with a name")
