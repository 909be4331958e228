"""The course: which lecture follows which slides of which deck, and where its code stands."""

from dataclasses import dataclass
from importlib import import_module

from .decks import DECKS, DEEP_CNN_2, FUN_WAYS, LOCALISATION, TITLES, VISION_16


@dataclass(frozen=True)
class Lecture:
    """One system: its name on the command line, the module that holds it, and the slides it follows."""

    name: str
    module: str
    deck: str
    slides: tuple[str, ...]
    summary: str
    walkthrough: str | None = None

    def __post_init__(self):
        if unknown := set(self.slides) - set(TITLES[self.deck]):
            raise ValueError(f'lecture {self.name}: no slide {sorted(unknown)} in the deck "{self.deck}", see decks.py')

    def load(self):
        """Import the module; its `run(options, report)` is the lecture."""
        return import_module(self.module)


COURSE = (
    Lecture(
        name="localization",
        module="lectures.detection.localization",
        deck=FUN_WAYS,
        slides=("Single-object Localization",),
        summary="one object a picture: extend the output vector by its box, J = J_class + alpha J_box",
        walkthrough="lectures/walkthroughs/localization.py",
    ),
    Lecture(
        name="fixed_n",
        module="lectures.detection.fixed_n",
        deck=LOCALISATION,
        slides=("Localization and Classification", "Object Detection"),
        summary="exactly N objects: N x 4 coordinates and N x K scores, and how that fails",
        walkthrough="lectures/walkthroughs/fixed_n.py",
    ),
    Lecture(
        name="sliding_window",
        module="lectures.detection.sliding_window",
        deck=FUN_WAYS,
        slides=("Object Detection: Sliding Window",),
        summary="crop and warp two thousand windows of a picture, and ask a ConvNet (or HoG + SVM) about each",
        walkthrough="lectures/walkthroughs/sliding_window.py",
    ),
    Lecture(
        name="overfeat",
        module="lectures.detection.overfeat",
        deck=LOCALISATION,
        slides=("Proposal comparison", "Convolutionize"),
        summary="the same windows in one pass, dense layers as convolutions, and a box for each",
        walkthrough="lectures/walkthroughs/overfeat.py",
    ),
    Lecture(
        name="proposals",
        module="lectures.detection.proposals",
        deck=LOCALISATION,
        slides=("R-CNN", "Proposal comparison"),
        summary="Selective Search, EdgeBoxes, k-means, random boxes, RPN: recall@N of all of them",
        walkthrough="lectures/walkthroughs/proposals.py",
    ),
    Lecture(
        name="rcnn",
        module="lectures.detection.rcnn",
        deck=VISION_16,
        slides=("Object Detection: R-CNN", "Classification", "Bounding Box Regressors", "Problems with R-CNN"),
        summary="warp every region, ConvNet features, linear SVMs, box regressors: three objectives, one by one",
        walkthrough="lectures/walkthroughs/rcnn.py",
    ),
    Lecture(
        name="spp_net",
        module="lectures.detection.spp_net",
        deck=DEEP_CNN_2,
        slides=("Do not run the entire CNN for each ROI", "Arbitrary size image => fixed-length representation"),
        summary="the ConvNet once per picture; a pyramid of bins makes every region equally long",
        walkthrough="lectures/walkthroughs/spp_net.py",
    ),
    Lecture(
        name="fast_rcnn",
        module="lectures.detection.fast_rcnn",
        deck=LOCALISATION,
        slides=("Fast R-CNN", "Fast R-CNN vs R-CNN"),
        summary="the ConvNet once per picture, RoI pooling of proposals, label and box in one loss",
        walkthrough="lectures/walkthroughs/fast_rcnn.py",
    ),
    Lecture(
        name="faster_rcnn",
        module="lectures.detection.faster_rcnn",
        deck=VISION_16,
        slides=("Region Proposal Networks (RPN)", "Faster R-CNN", "Faster R-CNN (based on ResNets)"),
        summary="proposals from the network's own features: anchors, four losses, joint and alternating training",
        walkthrough="lectures/walkthroughs/faster_rcnn.py",
    ),
    Lecture(
        name="rcnn_minus_r",
        module="lectures.detection.rcnn_minus_r",
        deck=DEEP_CNN_2,
        slides=("R-CNN minus R",),
        summary="the same boxes proposed for every picture, by k-means; regression recovers the place",
        walkthrough="lectures/walkthroughs/rcnn_minus_r.py",
    ),
    Lecture(
        name="yolo",
        module="lectures.detection.yolo",
        deck=FUN_WAYS,
        slides=("One-Shot Object Detection",),
        summary="S x S cells, B boxes each: detect every object in one pass of the ConvNet",
        walkthrough="lectures/walkthroughs/yolo.py",
    ),
    Lecture(
        name="yolo_v1",
        module="lectures.detection.yolo_v1",
        deck=LOCALISATION,
        slides=("YOLO",),
        summary="a cost of five terms, one class vector per cell; two heads; two-stage training",
        walkthrough="lectures/walkthroughs/yolo_v1.py",
    ),
    Lecture(
        name="yolo_v2",
        module="lectures.detection.yolo_v2",
        deck=DEEP_CNN_2,
        slides=("YOLOv2, YOLO 9000",),
        summary="batch norm, more pixels, 13 x 13 cells, anchors by k-means: what each step gains in a crowd",
        walkthrough="lectures/walkthroughs/yolo_v2.py",
    ),
    Lecture(
        name="yolo9000",
        module="lectures.detection.yolo9000",
        deck=DEEP_CNN_2,
        slides=("YOLOv2, YOLO 9000",),
        summary="labels that form a tree, and kinds learned from pictures without boxes",
        walkthrough="lectures/walkthroughs/yolo9000.py",
    ),
    Lecture(
        name="yolo_v3",
        module="lectures.detection.yolo_v3",
        deck=FUN_WAYS,
        slides=("One-Shot Object Detection",),
        summary="boxes from three maps, fine to coarse, for a mix of small and large objects",
        walkthrough="lectures/walkthroughs/yolo_v3.py",
    ),
    Lecture(
        name="ssd",
        module="lectures.detection.ssd",
        deck=FUN_WAYS,
        slides=("One-Shot Object Detection",),
        summary="default boxes on several maps, offsets from them, and three hard negatives to each positive",
        walkthrough="lectures/walkthroughs/ssd.py",
    ),
    Lecture(
        name="retinanet",
        module="lectures.detection.retinanet",
        deck=LOCALISATION,
        slides=("RetinaNet", "Proposal comparison"),
        summary="a feature pyramid, every anchor in the loss: focal loss and prior against the imbalance",
        walkthrough="lectures/walkthroughs/retinanet.py",
    ),
    Lecture(
        name="detection_ladder",
        module="lectures.detection.detection_ladder",
        deck=DEEP_CNN_2,
        slides=("Scanning window + CNN", "YOLO properties"),
        summary="all detectors on the same scenes: accuracy, boxes, multiply-accumulates, ms and where they go",
        walkthrough="lectures/walkthroughs/detection_ladder.py",
    ),
    Lecture(
        name="face_detection",
        module="lectures.faces.face_detection",
        deck=FUN_WAYS,
        slides=("Face Recognition/Verification",),
        summary="is there a face, and where? a detector of one class, among ovals that have no eyes",
        walkthrough="lectures/walkthroughs/face_detection.py",
    ),
    Lecture(
        name="face_alignment",
        module="lectures.faces.face_alignment",
        deck=FUN_WAYS,
        slides=("Face Recognition/Verification",),
        summary="find eyes, nose and mouth, map the face onto a standard face, and what that is worth",
        walkthrough="lectures/walkthroughs/face_alignment.py",
    ),
    Lecture(
        name="pairwise",
        module="lectures.faces.pairwise",
        deck=FUN_WAYS,
        slides=("Face Recognition/Verification",),
        summary="are two faces of one person? the logistic cost of what differs between their features",
        walkthrough="lectures/walkthroughs/pairwise.py",
    ),
    Lecture(
        name="triplet",
        module="lectures.faces.triplet",
        deck=FUN_WAYS,
        slides=("Face Recognition/Verification",),
        summary="a face nearer to those of the same person than to any other: which triplets, and how it collapses",
        walkthrough="lectures/walkthroughs/triplet.py",
    ),
    Lecture(
        name="recognition",
        module="lectures.faces.recognition",
        deck=FUN_WAYS,
        slides=("Face Recognition/Verification",),
        summary="1:1 and 1:N on people never seen; a gallery takes newcomers, a classifier must be trained again",
        walkthrough="lectures/walkthroughs/recognition.py",
    ),
    Lecture(
        name="faces",
        module="lectures.faces.faces",
        deck=FUN_WAYS,
        slides=("Face Recognition/Verification",),
        summary="who is in this picture? detect, align, embed and identify several people at once",
        walkthrough="lectures/walkthroughs/faces.py",
    ),
    Lecture(
        name="embedding_arithmetic",
        module="lectures.faces.embedding_arithmetic",
        deck=VISION_16,
        slides=("Vector Arithmetics in Embedding Space",),
        summary="king - man + woman, and a face with glasses: what sums of vectors keep, and what a loss erases",
        walkthrough="lectures/walkthroughs/embedding_arithmetic.py",
    ),
    Lecture(
        name="aging",
        module="lectures.faces.aging",
        deck=DEEP_CNN_2,
        slides=("Deep Aging",),
        summary="a network that reads ages draws them: min over PCA coefficients, judged by a second network",
        walkthrough="lectures/walkthroughs/aging.py",
    ),
    Lecture(
        name="adversarial",
        module="lectures.insight.adversarial",
        deck=DEEP_CNN_2,
        slides=("Deep Network Can Easily Be Fooled",),
        summary="r <- r - gamma dNN(I)/dI, literal and exact: small r that is not random, noise, saved files, defence",
        walkthrough="lectures/walkthroughs/adversarial.py",
    ),
    Lecture(
        name="fooling",
        module="lectures.insight.fooling",
        deck=DEEP_CNN_2,
        slides=("Deep Network Can Easily Be Fooled",),
        summary="pictures nobody recognises, from noise: evolved pixels, evolved painters (CPPN), gradient descent",
        walkthrough="lectures/walkthroughs/fooling.py",
    ),
    Lecture(
        name="style_naive",
        module="lectures.style.style_naive",
        deck=FUN_WAYS,
        slides=("Image Style Transfer",),
        summary="the slides' first idea: early layers as those of the style picture, position by position; it copies",
        walkthrough="lectures/walkthroughs/style_naive.py",
    ),
    Lecture(
        name="style",
        module="lectures.style.style",
        deck=FUN_WAYS,
        slides=("Image Style Transfer",),
        summary="Gatys et al.: Gram matrices of several layers, alpha, an honest judge; your photographs, too",
        walkthrough="lectures/walkthroughs/style.py",
    ),
    Lecture(
        name="fast_style",
        module="lectures.style.fast_style",
        deck=DEEP_CNN_2,
        slides=("Deep Art - Neural Style",),
        summary="a network that paints a style in one pass, taught with the same cost; and loading of a published one",
        walkthrough="lectures/walkthroughs/fast_style.py",
    ),
    Lecture(
        name="inversion",
        module="lectures.insight.inversion",
        deck=DEEP_CNN_2,
        slides=("Visualization the Deep Nets", "Visualizing the Deep Nets"),
        summary="a picture that looks the same to a layer as a given one, with the TV prior; it is not unique",
        walkthrough="lectures/walkthroughs/inversion.py",
    ),
    Lecture(
        name="activation_maximization",
        module="lectures.insight.activation_maximization",
        deck=DEEP_CNN_2,
        slides=("Visualizing the Deep Nets",),
        summary="what does a class, what does one neuron want to see? and does another network see it, too?",
        walkthrough="lectures/walkthroughs/activation_maximization.py",
    ),
    Lecture(
        name="deep_dream",
        module="lectures.insight.deep_dream",
        deck=DEEP_CNN_2,
        slides=("Deep Dream",),
        summary="change a picture so that all class scores, or a layer, respond more: octaves, jitter, TV",
        walkthrough="lectures/walkthroughs/deep_dream.py",
    ),
    Lecture(
        name="saliency",
        module="lectures.insight.saliency",
        deck=VISION_16,
        slides=("Recap: Effect of Multiple Convolution Layers",),
        summary="which pixels made it say so? gradient, Zeiler, occlusion, Grad-CAM, and whether to trust them",
        walkthrough="lectures/walkthroughs/saliency.py",
    ),
    Lecture(
        name="claims",
        module="lectures.claims",
        deck=DEEP_CNN_2,
        slides=("Detection CNN - summary",),
        summary="what all decks claim of these systems, sentence by sentence: what holds here, what does not",
        walkthrough="lectures/walkthroughs/claims.py",
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
