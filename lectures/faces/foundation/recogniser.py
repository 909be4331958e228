"""From a picture to names: detect, find landmarks, align, embed, look up. Everything that was learned is in here."""

from dataclasses import dataclass

import numpy as np

from lectures.detection.foundation.detector import read_images
from lectures.faces.foundation.alignment import aligned, box_maps, cut_out, in_one_place, moved

SIZE = 32  # pixels, the side of a face that is cut out


@dataclass(frozen=True)
class FoundFace:
    """A face in a picture: where it is (pixels of the picture), cut out as it is and aligned, and its embedding."""

    box: np.ndarray
    score: float
    landmarks: np.ndarray
    cut: np.ndarray
    aligned: np.ndarray
    embedding: np.ndarray


class Recogniser:
    """A detector, a LandmarkNet, an EmbeddingNet and a Gallery, one after the other.

    Deck "Fun Ways To Use ConvNets", slides "Face Recognition/Verification" (1, 2 and 4, in part: at test time).
    """

    def __init__(self, detector, landmarks, embedding, gallery):
        self.detector, self.landmarks, self.embedding, self.gallery = detector, landmarks, embedding, gallery

    def faces(self, image, confidence_threshold=None):
        """The FoundFaces in a picture (3, H, W) in [0, 1], surest first; there may be none. ValueError, TypeError."""
        (image,) = read_images("Recogniser", [image])
        boxes, scores, _ = self.detector.predict([image], confidence_threshold)[0]
        return self.look(image, boxes, scores) if len(boxes) else []

    def look(self, image, boxes, scores):
        """The FoundFaces in boxes (n, 4), n > 0, of a picture, whether there are faces or not.

        Left out is a box whose landmarks are all in one place: nothing there can be turned upright.
        """
        maps = box_maps(boxes, SIZE)
        cut = cut_out(image, maps, SIZE)
        points = moved(maps, self.landmarks.landmarks(cut))
        apart = np.flatnonzero(~in_one_place(points))
        if not len(apart):
            return []
        boxes, scores, points, cut = (np.asarray(part)[apart] for part in (boxes, scores, points, cut))
        straight, _ = aligned(np.broadcast_to(image, (len(boxes), *image.shape)), points, SIZE)
        vectors = self.embedding.embed(straight)
        return [FoundFace(*face) for face in zip(boxes, scores, points, cut, straight, vectors)]

    def the_face(self, image):
        """The one FoundFace of a picture. ValueError where there is none, or more than one."""
        found = self.faces(image)
        if not found:
            raise ValueError("there is no face in the picture, or none that the detector is sure of")
        if len(found) > 1:
            boxes = ", ".join(f"({', '.join(f'{v:.0f}' for v in face.box)})" for face in found)
            raise ValueError(f"there are {len(found)} faces in the picture, expected one: cut it out. Boxes: {boxes}")
        return found[0]

    def enrol(self, name, image, more=False):
        """Make the one person in the picture known by this name: `Gallery.enrol`, nothing is trained. ValueError."""
        self.gallery.enrol(name, self.the_face(image).embedding, more)

    def identify(self, image, threshold=None):
        """[(FoundFace, Match)] of a picture: who everybody is; Match.name is None for "nobody I know".

        ValueError for an empty gallery, even where there is no face.
        """
        if not len(self.gallery):
            raise ValueError("identify: the gallery is empty: enrol somebody first")
        return [(face, self.gallery.identify(face.embedding, threshold)) for face in self.faces(image)]

    def verify(self, name, image, threshold=None):
        """Whether the one person in the picture is the one enrolled by this name. ValueError."""
        return self.gallery.verify(name, self.the_face(image).embedding, threshold)
