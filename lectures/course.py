"""The course: which lecture follows which slides of which deck, and where its code stands."""

from dataclasses import dataclass
from importlib import import_module

FUN_WAYS = "Fun Ways To Use ConvNets"
DEEP_CNN_2 = "Deep Convolutional Neural Networks II"
VISION_16 = "Computer Vision - Lecture 16: Deep Learning Applications"
LOCALISATION = "Localization, Object Detection, Segmentation (Labwork 7)"
DECKS = (FUN_WAYS, DEEP_CNN_2, VISION_16, LOCALISATION)


@dataclass(frozen=True)
class Lecture:
    """One system: its name on the command line, the module that holds it, and the slides it follows."""

    name: str
    module: str
    deck: str
    slides: tuple[str, ...]
    summary: str
    walkthrough: str | None = None

    def load(self):
        """Import the module; its `run(options, report)` is the lecture."""
        return import_module(self.module)


COURSE = (
    Lecture(
        name="yolo",
        module="lectures.detection.yolo",
        deck=FUN_WAYS,
        slides=("One-Shot Object Detection",),
        summary="S x S cells, B boxes each: detect every object in one pass of the ConvNet",
        walkthrough="lectures/walkthroughs/yolo.py",
    ),
)


# Walk-throughs of what all lectures stand on: (file, deck, slides).
FOUNDATIONS = (
    ("lectures/walkthroughs/convolution.py", VISION_16, ("Recap: Convolution Layers", "Recap: Activation Maps")),
)


def find(name):
    """The Lecture of that name; ValueError lists what there is."""
    for lecture in COURSE:
        if lecture.name == name:
            return lecture
    raise ValueError(f"no lecture named {name!r}; there is: {', '.join(lecture.name for lecture in COURSE)}")


def listing():
    """The lectures by deck and slide, as text."""
    lines = []
    for deck in DECKS:
        found = [lecture for lecture in COURSE if lecture.deck == deck]
        steps = [(path, slides) for path, of, slides in FOUNDATIONS if of == deck]
        if not found and not steps:
            continue
        lines.append(deck)
        for path, slides in steps:
            lines.append(f"  {'(walk-through)':<20} slides: {'; '.join(slides)}")
            lines.append(f"  {'':<20} step by step: {path}")
        for lecture in found:
            lines.append(f"  {lecture.name:<20} {lecture.summary}")
            lines.append(f"  {'':<20} slides: {'; '.join(lecture.slides)}")
            lines.append(f"  {'':<20} code: {lecture.module.replace('.', '/')}.py" + (
                f", step by step: {lecture.walkthrough}" if lecture.walkthrough else ""))  # fmt: skip
    return "\n".join(lines)
