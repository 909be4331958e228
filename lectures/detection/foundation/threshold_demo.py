"""A window with two sliders: what the confidence and the suppression threshold do to the detections."""

import pyconvnet as pcn
from lectures.demo_window import DemoWindow, of_the_last_run


def demonstrate(trained, options, report, data):
    """Open the window on the detector of the last run; on one trained now, if there was none with these settings.

    `trained(options, report, data)` returns the detector first.
    """
    window = ThresholdDemo(of_the_last_run(lambda: trained(options, report, data)[0], options), data.test)
    window.show()
    return window


class ThresholdDemo(DemoWindow):
    """The detections on one unseen picture, of any `Detector`; the sliders start at its own thresholds."""

    def __init__(self, model, test):
        self.model, self.test = model, test
        confidence = "confidence above", 0.01, 0.99, model.confidence
        overlap = "suppress above IoU", 0.0, 1.0, model.nms
        super().__init__(len(test), {"confidence": confidence, "overlap": overlap}, (6, 7))

    def update(self):
        """Detect with the sliders' thresholds and draw the boxes."""
        image, target = self.test[self.index]
        boxes, scores, labels = self.model.predict(image[None], self.confidence.val, self.overlap.val)[0]
        pcn.viz.draw_boxes(image, boxes, labels, scores, classes=self.model.classes, ax=self.axes)
        self.shown = len(boxes)
        self.axes.set_title(f"{self.shown} boxes shown, {len(target[0])} objects in the picture")
