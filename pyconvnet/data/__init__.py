"""Data sets, the batch loader, procedural scenes, folder loaders and augmentations.

A picture is float32 RGB in [0, 1], CHW. A detection target is (boxes, labels) or (boxes, labels, difficult):
boxes float32 (n, 4) x1 y1 x2 y2 in continuous pixels, labels int64 (n,) from 0, n may be 0.
"""

from .arrays import ArrayDetection
from .augment import (
    flip,
    flip_batch,
    random_brightness_contrast,
    random_flip,
    random_scale_shift,
)
from .cifar import Cifar10
from .coco import COCODetection
from .dataset import Dataset, Subset
from .digits import Digits
from .face_painting import (
    FaceIdentity,
    FacePose,
    age_pose,
    draw_identity,
    draw_pose,
    lay_face,
    paint_face,
)
from .face_scenes import FaceScenes
from .faces import Faces
from .ground_scenes import GroundScenes
from .identity_folder import IdentityFolder, read_pairs
from .image_folder import ImageFolder
from .landmark_file import read_landmarks
from .loader import DataLoader, default_collate
from .picture_folder import LandmarkFolder, PictureFolder
from .scenes import SCENE_VARIANTS, SceneVariant, ShapeScenes, draw_scene
from .splits import seeded_splits
from .textured_shapes import TexturedShapes, draw_texture
from .voc import VOCDetection, voc_splits

__all__ = [
    "SCENE_VARIANTS",
    "ArrayDetection",
    "COCODetection",
    "Cifar10",
    "DataLoader",
    "Dataset",
    "Digits",
    "FaceIdentity",
    "FacePose",
    "FaceScenes",
    "Faces",
    "GroundScenes",
    "IdentityFolder",
    "ImageFolder",
    "LandmarkFolder",
    "PictureFolder",
    "SceneVariant",
    "ShapeScenes",
    "Subset",
    "TexturedShapes",
    "VOCDetection",
    "age_pose",
    "default_collate",
    "draw_identity",
    "draw_pose",
    "draw_scene",
    "draw_texture",
    "flip",
    "flip_batch",
    "lay_face",
    "paint_face",
    "random_brightness_contrast",
    "random_flip",
    "random_scale_shift",
    "read_landmarks",
    "read_pairs",
    "seeded_splits",
    "voc_splits",
]
