"""A window with two sliders: what the confidence and the suppression threshold do to the detections."""

import pyconvnet as pcn
from lectures.training import OtherSettings


def demonstrate(trained, options, report, data):
    """Open the window on the detector of the last run; on one trained now, if there was none with these settings.

    `trained(options, report, data)` returns the detector first.
    """
    options.resume = True
    try:
        model = trained(options, report, data)[0]
    except OtherSettings:
        print("the last run had other settings: training anew")
        options.resume = False
        model = trained(options, report, data)[0]
    window = ThresholdDemo(model, data.test)
    window.show()
    return window


class ThresholdDemo:
    """The detections on one unseen picture, redrawn when a slider moves; a button shows the next picture.

    Works on any `Detector`; the sliders start at its own thresholds.
    """

    def __init__(self, model, test):
        from matplotlib import pyplot
        from matplotlib.widgets import Button, Slider

        self.model, self.test, self.index = model, test, 0
        self.figure, self.axes = pyplot.subplots(figsize=(6, 7))
        self.figure.subplots_adjust(bottom=0.25)
        place = self.figure.add_axes
        confidence, overlap = place((0.3, 0.14, 0.55, 0.03)), place((0.3, 0.09, 0.55, 0.03))
        self.confidence = Slider(confidence, "confidence above", 0.01, 0.99, valinit=model.confidence)
        self.overlap = Slider(overlap, "suppress above IoU", 0.0, 1.0, valinit=model.nms)
        self.next = Button(place((0.3, 0.02, 0.25, 0.05)), "next picture")
        self.confidence.on_changed(lambda _: self.update())
        self.overlap.on_changed(lambda _: self.update())
        self.next.on_clicked(lambda _: self.turn())
        self.update()

    def update(self):
        """Detect with the sliders' thresholds and redraw."""
        image, target = self.test[self.index]
        boxes, scores, labels = self.model.predict(image[None], self.confidence.val, self.overlap.val)[0]
        self.axes.clear()
        pcn.viz.draw_boxes(image, boxes, labels, scores, classes=self.model.classes, ax=self.axes)
        self.shown = len(boxes)
        self.axes.set_title(f"{self.shown} boxes shown, {len(target[0])} objects in the picture")
        self.figure.canvas.draw_idle()

    def turn(self):
        """Show the next picture."""
        self.index = (self.index + 1) % len(self.test)
        self.update()

    def show(self):
        """Open the window and wait until it is closed."""
        from matplotlib import pyplot

        pyplot.show()
