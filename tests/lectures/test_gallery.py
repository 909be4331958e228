"""The gallery of known faces: enrol, identify, forget, save and load, and what it says of mistakes."""

import numpy as np
import pytest

from lectures.faces.foundation.embedding import EmbeddingNet, unit
from lectures.faces.foundation.gallery import Gallery
from pyconvnet.io import save


def embeddings(noise=0.6, seed=0):
    """Five of each of eight people."""
    rng = np.random.default_rng(seed)
    return unit(rng.normal(size=(8, 6)).repeat(5, 0) + noise * rng.normal(size=(40, 6)))


def test_a_gallery_enrols_identifies_and_forgets():
    v, gallery = embeddings(0.2), Gallery(threshold=0.8)
    for person, name in enumerate(("Ada", "Bo", "Cy")):
        gallery.enrol(name, v[5 * person])
    assert [gallery.identify(v[5 * p + 3]).name for p in range(3)] == ["Ada", "Bo", "Cy"]
    stranger = -unit(v[:15].sum(0)[None])[0]
    match = gallery.identify(stranger)
    assert match.name is None and match.nearest in gallery.names and match.distance > 0.8
    assert gallery.verify("Bo", v[6]) and not gallery.verify("Bo", v[1])
    gallery.forget("Bo")
    assert gallery.names == ("Ada", "Cy") and "Bo" not in gallery and gallery.identify(v[6]).nearest != "Bo"
    gallery.enrol("Bo", v[5:8])
    gallery.enrol("Bo", v[8], more=True)
    np.testing.assert_allclose(gallery.distances(v[9])[0, 2], ((v[9] - unit(v[5:9].sum(0)[None])[0]) ** 2).sum())


def test_a_gallery_is_saved_and_read_back(tmp_path):
    v, gallery = embeddings(), Gallery(0.7)
    gallery.enrol("Zoë ☂", v[0])
    gallery.enrol("Bo", v[5:7])
    gallery.save(tmp_path / "known.safetensors")
    again = Gallery.load(tmp_path / "known.safetensors")
    assert again.names == gallery.names and again.threshold == 0.7
    np.testing.assert_array_equal(again.distances(v), gallery.distances(v))
    again.enrol("Bo", v[7], more=True)
    Gallery().save(tmp_path / "nobody.safetensors")
    assert len(Gallery.load(tmp_path / "nobody.safetensors")) == 0


@pytest.mark.parametrize(
    ("do", "words"),
    [
        (lambda g, v: Gallery().identify(v[0]), "the gallery is empty: enrol somebody first"),
        (lambda g, v: g.enrol("Ada", v[1]), "'Ada' is enrolled already"),
        (lambda g, v: g.enrol("Bo", v[1], more=True), "nobody to add pictures to"),
        (lambda g, v: g.enrol(" ", v[1]), "needs a name"),
        (lambda g, v: g.enrol(7, v[1]), "needs a name"),
        (lambda g, v: g.enrol("Bo", v[:0]), "no face"),
        (lambda g, v: g.enrol("Bo", np.zeros(6)), "points nowhere"),
        (lambda g, v: g.enrol("Bo", v[0] * np.nan), "points nowhere"),
        (lambda g, v: g.enrol("Bo", v[0, :4]), "4 numbers, those enrolled 6"),
        (lambda g, v: g.identify(v[:2]), "one face at a time"),
        (lambda g, v: g.forget("Bo"), "nobody is enrolled as 'Bo'; there is Ada"),
        (lambda g, v: g.verify("Bo", v[0]), "nobody is enrolled as 'Bo'"),
        (lambda g, v: g.verify("Ada", v[:2]), "verify: one face at a time"),
        (lambda g, v: g.enrol("Bo", np.stack([v[0], -v[0]])), "opposite"),
        (lambda g, v: g.enrol("Ada", -v[0], more=True), "opposite"),
        (lambda g, v: Gallery(float("nan")), "threshold"),
        (lambda g, v: g.identify(v[0], float("nan")), "identify: threshold"),
        (lambda g, v: g.verify("Ada", v[0], -1), "verify: threshold"),
    ],
)
def test_mistakes_with_a_gallery_are_named(do, words):
    v, gallery = embeddings(), Gallery()
    gallery.enrol("Ada", v[0])
    with pytest.raises(ValueError, match=words):
        do(gallery, v)
    np.testing.assert_allclose(gallery.distances(v[0]), 0, atol=1e-12)  # and nothing has changed


def test_very_long_and_very_short_vectors_keep_their_direction():
    v, gallery = embeddings(), Gallery()
    gallery.enrol("Ada", 1e300 * v[0])
    gallery.enrol("Bo", 1e-300 * v[5])
    found = [gallery.identify(v[0]).distance, gallery.identify(1e300 * v[5]).distance]
    np.testing.assert_allclose(found, 0, atol=1e-12)


def test_the_gallery_of_another_network_is_refused(tmp_path):
    mine, other = EmbeddingNet((8, 8), (4,), 6), EmbeddingNet((8, 8), (4,), 6)
    gallery = Gallery(0.7, mine)
    gallery.enrol("Ada", embeddings()[0])
    gallery.save(tmp_path / "known.safetensors")
    assert Gallery.load(tmp_path / "known.safetensors", mine).names == ("Ada",)
    with pytest.raises(ValueError, match="another network sees them"):
        Gallery.load(tmp_path / "known.safetensors", other)
    Gallery.load(tmp_path / "known.safetensors").save(tmp_path / "again.safetensors")  # still knows whose they are
    with pytest.raises(ValueError, match="another network sees them"):
        Gallery.load(tmp_path / "again.safetensors", other)


@pytest.mark.parametrize(
    ("vectors", "metadata"),
    [
        (np.ones((2, 3)), {"kind": "gallery of faces", "names": '["a"]', "threshold": "1"}),
        (np.ones((2, 3)), {"kind": "gallery of faces", "names": '["a", "a"]', "threshold": "1"}),
        (np.ones((1, 3)), {"kind": "gallery of faces", "names": "[1]", "threshold": "1"}),
        (np.ones((1, 3)), {"kind": "gallery of faces", "names": "{", "threshold": "1"}),
        (np.ones((1, 3)), {"kind": "gallery of faces", "names": "[" * 100_000, "threshold": "1"}),
        (np.ones((1, 3)), {"kind": "gallery of faces", "names": '[" "]', "threshold": "1"}),
        (np.zeros((1, 3)), {"kind": "gallery of faces", "names": '["a"]', "threshold": "1"}),
        (np.ones((1, 3)), {"kind": "gallery of faces", "names": '["a"]', "threshold": "wide"}),
        (np.full((1, 3), np.nan), {"kind": "gallery of faces", "names": '["a"]', "threshold": "1"}),
        (np.ones((1, 3)), {"kind": "weights", "names": '["a"]', "threshold": "1"}),
        (np.ones((1, 3)), {}),
    ],
)
def test_a_file_that_holds_no_gallery_is_refused(tmp_path, vectors, metadata):
    save({"embeddings": vectors}, tmp_path / "x.safetensors", metadata)
    with pytest.raises(ValueError, match="holds no gallery"):
        Gallery.load(tmp_path / "x.safetensors")


def test_a_damaged_or_missing_gallery(tmp_path):
    (tmp_path / "x.safetensors").write_bytes(b"cut off")
    with pytest.raises(ValueError, match="not a whole safetensors file"):
        Gallery.load(tmp_path / "x.safetensors")
    with pytest.raises(FileNotFoundError):
        Gallery.load(tmp_path / "nowhere.safetensors")
