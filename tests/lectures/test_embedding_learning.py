"""How every embedding learns: varied pictures, a checkpoint that resumes to the same end, and is no other run's."""

from argparse import Namespace

import numpy as np
import pytest

pytest.importorskip("tqdm")
pytest.importorskip("matplotlib")

import pyconvnet as pcn
from lectures.faces import triplet
from lectures.faces.foundation.classifier import FaceClassifier, classification_loss
from lectures.faces.foundation.embedding import EmbeddingNet
from lectures.faces.foundation.learning import Settings, learn
from lectures.faces.foundation.portraits import FaceData, Portraits
from lectures.report import Report
from lectures.training import OtherSettings

OPTIONS = Namespace(seed=0, quick=False, data=None, resume=False, skip_bad=False)


def test_learning_varies_its_pictures_and_resumes_to_the_same_end(tmp_path):
    faces, varied = pcn.data.Faces(4, 4, "val"), []
    portraits = Portraits(faces, faces.labels)

    def vary(images, rng):
        varied.append(rng.random())
        return images + np.float32(varied[-1]) * images**2

    def once(options, stop=None):
        pcn.manual_seed(0)
        model, data = FaceClassifier(EmbeddingNet(), 4), FaceData(portraits, portraits, vary)

        def loss(model, images, people, rng):
            if len(varied) == stop:
                raise InterruptedError
            return classification_loss(model, images, people) * float(rng.uniform(0.5, 1))

        settings = Settings(steps=6, people=4, pictures=2)
        return learn(model, loss, data, settings, options, Report("recognition", tmp_path), margin=0.2).losses

    whole, draws = once(OPTIONS), varied.copy()
    assert len(set(draws)) == 6
    (tmp_path / "recognition" / "checkpoint.safetensors").unlink()
    varied.clear()
    with pytest.raises(InterruptedError):
        once(OPTIONS, stop=5)  # the checkpoint is that of step 4
    varied.clear()
    assert once(Namespace(**{**vars(OPTIONS), "resume": True})) == whole
    assert varied == draws[4:]


def test_a_checkpoint_of_another_loss_is_refused(tmp_path, monkeypatch):
    faces = pcn.data.Faces(3, 3, "val")
    data = FaceData(Portraits(faces, faces.labels), Portraits(faces, faces.labels))
    learned = lambda options, mining: triplet.trained(options, Report("triplet", tmp_path), data, Settings(2), mining)
    learned(OPTIONS, "all")
    resumed = Namespace(**{**vars(OPTIONS), "resume": True})
    learned(resumed, "all")
    with pytest.raises(OtherSettings, match="mining"):
        learned(resumed, "hard")
    monkeypatch.setattr(triplet, "MARGIN", 0.9)
    with pytest.raises(OtherSettings, match="margin"):
        learned(resumed, "all")
