"""The slides of the five decks that this course follows: their titles, in order, one entry for each slide.

Two of the five are one deck in two conversions, "Fun Ways To Use ConvNets"; so there are four. A title that stands on
several slides stands here as often; the n-th of them is called TITLE (n).

"Deep Convolutional Neural Networks II" came with little markup of titles: between the fifth slide and the summary of
detection each goes by the words of its text that say what it is about. The page numbers that are left (4, 6, 23, 25)
agree with this count. It misspells one title, "Visualization the Deep Nets"; that is kept.
"""

from typing import NamedTuple

FUN_WAYS = "Fun Ways To Use ConvNets"
DEEP_CNN_2 = "Deep Convolutional Neural Networks II"
VISION_16 = "Computer Vision - Lecture 16: Deep Learning Applications"
LOCALISATION = "Localization, Object Detection, Segmentation (Labwork 7)"

TITLES = {
    FUN_WAYS: (
        FUN_WAYS,
        "Object Detection",
        "Single-object Localization",
        "Object Detection",
        "Object Detection: Sliding Window",
        *2 * ("Object Detection: Region Proposals",),
        *5 * ("One-Shot Object Detection",),
        *4 * ("Face Recognition/Verification",),
        *5 * ("Image Style Transfer",),
        "Summary",
    ),
    DEEP_CNN_2: (
        DEEP_CNN_2,
        "Lecture Outline",
        "Deep Convolutional Networks for Object Detection",
        "Convolutional Networks for Object Detection",
        "Scanning window + CNN",
        "Region proposals (category independent)",
        "R-CNN",
        "Do not run the entire CNN for each ROI",
        "Arbitrary size image => fixed-length representation",
        "Fast R-CNN",
        "Faster R-CNN",
        "R-CNN minus R",
        "YOLO",
        "YOLO properties",
        "YOLOv2, YOLO 9000",
        "Detection CNN - summary",
        "Some Insight into the Deep Nets",
        *2 * ("Deep Network Can Easily Be Fooled",),
        "Visualization the Deep Nets",
        "Visualizing the Deep Nets",
        *2 * ("Deep Dream",),
        "Deep Aging",
        *2 * ("Deep Art - Neural Style",),
        "Summary",
        *3 * ("What was not mentioned...",),
        "Conclusions",
    ),
    VISION_16: (
        VISION_16,
        "Announcements",
        "Course Outline",
        "Recap: Convolutional Neural Networks",
        "Recap: CNN Structure",
        "Recap: Intuition of CNNs",
        "Recap: Convolution Layers",
        "Recap: Activation Maps",
        "Recap: Pooling Layers",
        "Recap: Effect of Multiple Convolution Layers",
        "Recap: AlexNet (2012)",
        "Recap: VGGNet (2014/15)",
        "Recap: GoogLeNet (2014)",
        "Recap: Residual Networks",
        *2 * ("Transfer Learning with CNNs",),
        "Topics of This Lecture",
        "The Learned Features are Generic",
        "Object Detection Performance",
        "Object Detection: R-CNN",
        *6 * ("R-CNN Pipeline",),
        "Classification",
        "Bounding Box Regressors",
        "Problems with R-CNN",
        *3 * ("Fast R-CNN",),
        "Fast R-CNN Training",
        "Region Proposal Networks (RPN)",
        "Faster R-CNN",
        *2 * ("Faster R-CNN (based on ResNets)",),
        "Summary",
        "Topics of This Lecture",
        "Semantic Image Segmentation",
        "CNNs vs. FCNs",
        "Semantic Image Segmentation",
        "Other Tasks: Semantic Segmentation",
        "Semantic Segmentation",
        "Topics of This Lecture",
        "FCNs for Human Pose Estimation",
        "Heat Map Predictions from FCN",
        "Example Results: Human Pose Estimation",
        "Topics of This Lecture",
        "Other Tasks: Face Verification",
        "Discriminative Face Embeddings",
        "Vector Arithmetics in Embedding Space",
        *2 * ("Commercial Recognition Services",),
        "References and Further Reading",
    ),
    LOCALISATION: (
        "Introduction",
        "Problem of Image Classification",
        *2 * ("Localization and Classification",),
        *3 * ("Object Detection",),
        *2 * ("Faster R-CNN",),
        *6 * ("R-CNN",),
        *2 * ("Fast R-CNN",),
        "Fast R-CNN vs R-CNN",
        *4 * ("Faster R-CNN",),
        "Faster R-CNN NMS",
        *3 * ("Faster R-CNN",),
        *5 * ("YOLO",),
        "RetinaNet",
        "Proposal comparison",  # a second heading on a slide titled "RetinaNet", which is not counted as one of those
        *2 * ("RetinaNet",),
        "Segmentation",
        "Instance Segmentation",
        *2 * ("Object detection vs. Image segmentation",),
        "Convolutionize",
        *3 * ("Convolutional - Deconvolutional",),
        "Mask R-CNN for semantic segmentation",
        "Labwork 7: License Plate Detection and Digit Segmentation",
        "Labwork 7: Neural Network",
    ),
}  # fmt: skip
DECKS = tuple(TITLES)

# Slides that hold nothing to run: titles, tables of contents, dividers, lists of what was said or is to be read, and
# what one can only look at on somebody else's server. A number: that one of the slides with this title; None: all.
NOTHING_TO_RUN = {
    FUN_WAYS: {FUN_WAYS: 1},
    DEEP_CNN_2: {
        DEEP_CNN_2: 1,
        "Lecture Outline": 1,
        "Deep Convolutional Networks for Object Detection": 1,  # a divider
        "Some Insight into the Deep Nets": 1,  # a divider
        "Summary": 1,  # of the second part: a list of its topics
        "What was not mentioned...": 1,  # a divider; the other two say what
        "Conclusions": 1,
    },
    VISION_16: {
        VISION_16: 1,
        "Announcements": 1,
        "Course Outline": 1,
        "Topics of This Lecture": None,
        "Commercial Recognition Services": 2,  # the first warns of test pictures that were seen in training
        "References and Further Reading": 1,
    },
    LOCALISATION: {"Introduction": 1},
}


class Slide(NamedTuple):
    """The `nth` of `of` slides with this title in its deck, counted from 1."""

    deck: str
    title: str
    nth: int
    of: int

    @property
    def name(self):
        """The title, with its number where the deck has several."""
        return self.title if self.of == 1 else f"{self.title} ({self.nth})"

    @property
    def runs(self):
        """Whether there is anything on it that could be run."""
        marked = NOTHING_TO_RUN[self.deck]
        return self.title not in marked or marked[self.title] not in (None, self.nth)


def slides(deck):
    """The Slides of a deck, in order."""
    titles = TITLES[deck]
    return [Slide(deck, t, titles[: i + 1].count(t), titles.count(t)) for i, t in enumerate(titles)]
