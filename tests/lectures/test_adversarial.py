"""Adversarial pictures: the slide's descent where its end is known, the controls, saved files, the run."""

import json
import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("tqdm")
pytest.importorskip("PIL")

import pyconvnet as pcn
from lectures.__main__ import main
from lectures.insight import adversarial as lecture
from lectures.insight.foundation import equal_norm
from lectures.insight.foundation.attack import Form, attack, cost, gradient, pushed, scores, update, wanted
from lectures.insight.foundation.masked_gradients import gradient_lengths, saturated, signs_of_masking
from pyconvnet import functional as F
from pyconvnet.testing import check_grads


class TwoLayers:
    """logits = A relu(I), weights by hand: pictures [n, 1, 2, 3] are above 0, so the ReLU lets everything pass."""

    channels, name = 1, "two layers"

    def __init__(self, sharpness=1.0, classes=3):
        self.classes = tuple("abcdef"[:classes])
        away = np.random.default_rng(0).normal(size=(classes, 6))
        self.A = ((away - away.mean(1, keepdims=True)) * sharpness).astype(np.float32)  # grey is no class's

    def logits(self, images):
        x = images if isinstance(images, pcn.Tensor) else pcn.tensor(images)
        return x.flatten(1).relu() @ pcn.tensor(self.A.T.copy())


@pytest.fixture
def network():
    return TwoLayers()


@pytest.fixture
def images():
    return np.random.default_rng(1).uniform(0.3, 0.7, (8, 1, 2, 3)).astype(np.float32)


@pytest.fixture
def labels(network, images):
    return scores(network, images).argmax(1)


# The slide's minimum and the slide's update


def test_exact_descent_ends_at_the_minimum(network, images):
    """||A(I + r) - S||^2 + lambda ||r||^2 is least at r = (A'A + lambda)^-1 A'(S - A I)."""
    form, A = Form("logits", lam=0.1), network.A.astype(np.float64)
    S = scores(network, images) + np.random.default_rng(2).uniform(-0.2, 0.2, (8, 3)).astype(np.float32)
    r = np.zeros_like(images)
    for _ in range(1500):
        r = update(r, gradient(network, images + r, S, form), 0.02, form.lam, normalised=False)
    I = images.reshape(8, 6).astype(np.float64)
    known = np.linalg.solve(A.T @ A + 0.1 * np.eye(6), A.T @ (S - I @ A.T).T).T
    assert ((images + r) > 0).all(), "the ReLU passes everything, as the formula supposes"
    np.testing.assert_allclose(r.reshape(8, 6), known, atol=2e-4)


@pytest.mark.parametrize("output", ["logits", "softmax", "cross-entropy"])
def test_exact_gradient_is_that_of_the_formula(output, network, images, labels):
    form = Form(output)
    S = wanted(scores(network, images), labels, None, form)
    x = pcn.tensor(images, requires_grad=True)
    z = network.logits(x)
    if output == "cross-entropy":
        J = F.cross_entropy(z, pcn.tensor(S.argmax(1)), reduction="sum")
    else:
        J = (((z if output == "logits" else z.softmax(1)) - pcn.tensor(S)) ** 2).sum()
    J.backward()
    np.testing.assert_allclose(gradient(network, images, S, form), x.grad.data, rtol=1e-4, atol=1e-6)
    check_grads(lambda z: cost(z, S.astype(np.float64), form), scores(network, images).astype(np.float64))


def test_literal_update_is_the_formula_by_hand(network, images, labels):
    """Gradient of its own score at I, wherever r is: row `label` of A, or y (A_label - sum_j y_j A_j) of softmax."""
    z = scores(network, images).astype(np.float64)
    y = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    own = network.A[labels]
    for output, slope in (("logits", own), ("softmax", (y.max(1) * (own - y @ network.A).T).T)):
        form = Form(output, exact=False)
        np.testing.assert_allclose(
            gradient(network, images, wanted(z, labels, None, form), form).reshape(8, 6), slope, rtol=1e-3, atol=1e-5
        )
    unit = own / np.sqrt((own**2).mean(1, keepdims=True))
    found = attack(network, images, labels, Form("logits", exact=False), 2.0, 3)
    expected = np.clip(images.reshape(8, 6) - found.steps[:, None] * 2.0 / 255 * unit, 0, 1)
    np.testing.assert_allclose(found.images.reshape(8, 6), expected, atol=1e-6)
    np.testing.assert_allclose(update(images, own.reshape(images.shape), 0.5, 0.25, normalised=False),
                               images - 0.5 * (own.reshape(images.shape) + 0.5 * images), rtol=1e-6)  # fmt: skip


def test_literal_gradient_stays_that_at_I():
    """Of a softmax of five classes, whose slope turns on the way."""
    network, images = TwoLayers(3.0, 5), np.random.default_rng(1).uniform(0.4, 0.6, (8, 1, 2, 3)).astype(np.float32)
    labels, form = scores(network, images).argmax(1), Form("softmax", exact=False)
    S = wanted(scores(network, images), labels, None, form)
    slope = gradient(network, images, S, form)
    unit = slope / np.sqrt((slope**2).mean((1, 2, 3), keepdims=True))
    found = attack(network, images, labels, form, 3.0, 20)
    assert (found.steps > 2).sum() > 2
    np.testing.assert_allclose(found.r, -found.steps.reshape(-1, 1, 1, 1) * 3.0 / 255 * unit, atol=1e-5)
    turned = gradient(network, found.images, S, form)
    turned /= np.sqrt((turned**2).mean((1, 2, 3), keepdims=True))
    assert np.abs(turned - unit).max() > 0.1, "elsewhere it is another"


def test_a_target_is_reached_past_other_classes():
    network, rng = TwoLayers(3.0, 5), np.random.default_rng(1)
    images = rng.uniform(0.3, 0.7, (40, 1, 2, 3)).astype(np.float32)
    labels = scores(network, images).argmax(1)
    targets = lecture.other_classes(labels, 5, rng)
    full = attack(network, images, labels, Form("cross-entropy", targeted=True), 2.0, 60, targets)
    np.testing.assert_array_equal(scores(network, full.images).argmax(1)[full.flipped], targets[full.flipped])
    assert full.flipped.mean() > 0.5
    part = attack(network, images, labels, Form("cross-entropy", targeted=True), 2.0, 8, targets)
    assert (part.other & ~part.flipped).any(), "another label, and not yet the wanted one, is not enough"
    np.testing.assert_array_equal(part.flipped, scores(network, part.images).argmax(1) == targets)


def test_a_targeted_literal_step_raises_the_wanted_score(network, images, labels):
    targets, form = (labels + 1) % 3, Form("logits", exact=False, targeted=True)
    found = attack(network, images, labels, form, 1.0, 1, targets)
    before, after = (scores(network, x)[np.arange(8), targets] for x in (images, found.images))
    assert (after > before).all()


@pytest.mark.parametrize("form", lecture.FORMS, ids=lambda form: form.name)
def test_no_step_no_change(form, network, images, labels):
    for gamma, steps in ((0.0, 5), (1.0, 0)):
        found = attack(network, images, labels, form, gamma, steps, (labels + 1) % 3)
        np.testing.assert_array_equal(found.images, images)
        assert not found.flipped.any() and not found.r.any()


@pytest.mark.parametrize("form", lecture.FORMS, ids=lambda form: form.name)
def test_what_an_attack_leaves(form, network, images, labels):
    found = attack(network, images, labels, form, 5.0, 60, (labels + 1) % 3)
    assert found.images.min() >= 0 and found.images.max() <= 1
    np.testing.assert_array_equal(found.r, found.images - images)
    said = scores(network, found.images).argmax(1)
    np.testing.assert_array_equal(found.flipped, said == (labels + 1) % 3 if form.targeted else said != labels)
    np.testing.assert_array_equal(found.other, said != labels)
    assert found.flipped.any() and (found.steps[found.flipped] <= 60).all() and found.steps.min() > 0
    alone = attack(network, images[2:3], labels[2:3], form, 5.0, 60, (labels[2:3] + 1) % 3)
    if form.output != "logits":  # there S is as high as the highest of all pictures
        np.testing.assert_allclose(alone.images[0], found.images[2], atol=1e-5)


def test_it_stops_at_the_flip(network, images, labels):
    wrong = (labels + 1) % 3  # named so already: nothing is left to do
    found = attack(network, images, wrong, Form("logits"), 1.0, 10)
    assert found.flipped.all() and not found.steps.any() and not found.r.any()
    far = attack(network, images, labels, Form("logits"), 5.0, 60)
    one_less = attack(network, images, labels, Form("logits"), 5.0, int(far.steps.max()) - 1)
    assert one_less.flipped.sum() == (far.steps < far.steps.max()).sum()


def test_wrong_targets_and_forms_in_words(network, images, labels):
    with pytest.raises(ValueError, match="needs targets, a class for each picture that is not its own"):
        attack(network, images, labels, Form("logits", targeted=True), 1.0, 1)
    with pytest.raises(ValueError, match="not its own"):
        attack(network, images, labels, Form("logits", targeted=True), 1.0, 1, labels)
    with pytest.raises(ValueError, match="output must be one of"):
        attack(network, images, labels, Form("probits"), 1.0, 1)


# A softmax that is sure


def test_a_masked_gradient_moves_nothing_and_is_named(images):
    sure = TwoLayers(sharpness=1e4)
    labels = scores(sure, images).argmax(1)
    found = attack(sure, images, labels, Form("softmax"), 1.0, 3)
    assert found.blind.all() and not found.r.any() and not found.flipped.any()
    assert attack(sure, images, labels, Form("logits"), 5.0, 60).flipped.all(), "it can be fooled all the same"
    lengths = gradient_lengths(sure, images, labels)
    assert lengths["softmax"]["none"] == 1 and lengths["logits"]["none"] == 0
    assert saturated(lengths).startswith("masked") and "attack the logits" in saturated(lengths)


def test_signs_of_masking(network, images, labels):
    curve = {"attacked": [1, 0.4], "transferred": [1, 0.3], "noise": [1, 0.9]}
    said = signs_of_masking(network, images, labels, curve, 1, 20)
    assert [words.split(":")[0] for words in said] == ["ok", "ok", "masked", "ok"]


# Controls


@pytest.mark.parametrize("ground", [0.0, 0.02, 0.5, 1.0])
def test_noise_is_exactly_as_long_as_r(ground, images):
    pictures = np.full((4, 3, 8, 8), ground, np.float32)
    wanted_rms = np.array([0.0, 0.3, 5.0, 40.0])
    noisy = equal_norm.gaussian(pictures, wanted_rms, np.random.default_rng(0))
    np.testing.assert_allclose(equal_norm.rms(noisy - pictures), wanted_rms, rtol=1e-3)
    assert noisy.min() >= 0 and noisy.max() <= 1


def test_permuted_r_has_its_values_and_its_length():
    rng, pictures = np.random.default_rng(0), np.full((3, 3, 8, 8), 0.5, np.float32)
    r = rng.normal(0, 0.02, pictures.shape).astype(np.float32)
    moved = equal_norm.permuted(pictures, r, rng) - pictures
    np.testing.assert_allclose(equal_norm.rms(moved), equal_norm.rms(r), rtol=1e-4)
    np.testing.assert_allclose(np.sort(moved.reshape(3, 3, -1), -1), np.sort(r.reshape(3, 3, -1), -1), atol=1e-6)
    assert np.abs(moved - r).max() > 0.02


def test_permuted_r_is_as_long_on_a_black_ground():
    rng, pictures = np.random.default_rng(0), np.zeros((3, 1, 8, 8), np.float32)
    pictures[:, :, :4] = 0.5
    r = np.where(pictures > 0, rng.normal(0, 0.05, pictures.shape), 0.01).astype(np.float32)
    np.testing.assert_allclose(equal_norm.rms(equal_norm.permuted(pictures, r, rng) - pictures), equal_norm.rms(r),
                               rtol=1e-4)  # fmt: skip


def test_a_direction_of_nothing_is_refused(images):
    with pytest.raises(RuntimeError, match=r"picture 0 cannot be moved by 3 grey levels .* only by 0"):
        equal_norm.moved(images, np.zeros_like(images), 3)
    with pytest.raises(RuntimeError, match="all pixels at their bounds"):
        equal_norm.moved(np.ones_like(images), np.ones_like(images), 3)


def test_saved_pictures_are_named_as_before_saving(network, images, labels, tmp_path):
    shown = lecture.Shown(equal_norm.eight_bits(images), labels, ["of two folders"] * 8, network.classes)
    r = attack(network, shown.images, labels, lecture.LITERAL, 1.0, 60).r
    found = lecture.after_saving(network, shown, r, lecture.Budget(1.0), tmp_path, (0.2, 20))
    assert found["read_back"] == 1 and found["rounded"][0] <= found["floats"][0] and found["floats"][1] == 1
    kept = equal_norm.read_pictures(sorted(tmp_path.glob("*.png")), 1)
    assert len(kept) == 8, "the same name twice is two pictures"
    np.testing.assert_array_equal(kept, equal_norm.eight_bits(kept))
    assert lecture.flips(network, kept, labels) == 1


def test_pictures_survive_a_file(tmp_path):
    for channels in (1, 3):
        pictures = np.random.default_rng(0).random((2, channels, 5, 7)).astype(np.float32)
        paths = equal_norm.save_pictures(tmp_path / "sub", ["a", "b"], pictures)
        np.testing.assert_array_equal(equal_norm.read_pictures(paths, channels), equal_norm.eight_bits(pictures))


def test_pushed_goes_up_the_loss_and_no_further_than_allowed(network, images, labels):
    there = pushed(network, images, labels, 10.0, 6)
    assert (equal_norm.rms(there - images) <= 10.001).all() and there.min() >= 0 and there.max() <= 1
    before, after = (scores(network, x)[np.arange(8), labels] for x in (images, there))
    assert (after < before).all()
    np.testing.assert_array_equal(pushed(network, images, labels, 0.0, 3), images)


def test_half_of_the_labels():
    assert lecture.half_at((1, 10, 100), (0.0, 0.5, 1.0)) == pytest.approx(10)
    assert lecture.half_at((1, 10, 100), (0.0, 0.25, 0.75)) == pytest.approx(10**1.5)
    assert lecture.half_at((1, 10), (0.6, 1.0)) == 1 and np.isnan(lecture.half_at((1, 10), (0.0, 0.4)))


def test_only_what_is_named_rightly_is_attacked(network, images, labels):
    truth = np.array([*labels[:4], *(labels[4:6] + 1) % 3, -1, -1])
    pictures = SimpleNamespace(images=list(images), labels=truth, names=list("abcdefgh"), classes=network.classes)
    shown = lecture.rightly_named(network, pictures, 5)
    assert shown.names == ["a", "b", "c", "d", "g"]
    pictures.labels = (labels + 1) % 3
    with pytest.raises(ValueError, match="names none of the 8 pictures rightly"):
        lecture.rightly_named(network, pictures, 5)


def test_the_wanted_class_is_never_its_own():
    labels = np.arange(1000) % 3
    targets = lecture.other_classes(labels, 3, np.random.default_rng(0))
    assert (targets != labels).all() and set(targets) == {0, 1, 2}


# The run


def test_a_quick_run_leaves_result_and_pictures(tmp_path, capsys):
    assert main(["adversarial", "--quick", "--out", str(tmp_path)]) == 0
    found = json.loads((tmp_path / "adversarial" / "result.json").read_text())
    names = {form.name for form in lecture.FORMS}
    assert set(found["metrics"]["flip_rate"]) == set(found["baselines"]["flip_rate"]) == names
    assert found["baselines"]["flip_rate"] == found["metrics"]["noise_flip_rate"]
    assert {"trained on attacks", "another seed", *names} <= set(found["variants"])
    for name in ("fooled", "forms", "robustness", "defence"):
        assert (tmp_path / "adversarial" / f"{name}.png").stat().st_size > 5000
    assert list((tmp_path / "adversarial" / "pictures").glob("*.png"))
    assert "flip_rate literal, logits" in capsys.readouterr().out


def test_real_pictures_are_fooled_after_saving(tmp_path):
    data = os.environ.get("PYCONVNET_DATA")
    weights = data and Path(data, "weights", "squeezenet", "squeezenet_v1.0_decoded.npz")
    if not weights or not weights.is_file():
        pytest.skip("PYCONVNET_DATA with weights/squeezenet and imagenet40 is not set")
    from lectures.fixed_network.pictures import photographs
    from lectures.fixed_network.real_weights import real_network

    network = real_network(weights)
    options = SimpleNamespace(data=f"images:{Path(data, 'imagenet40')}", seed=0, quick=False, weights=weights)
    shown = lecture.rightly_named(network, photographs(options, network, 8), 4)
    found = attack(network, shown.images, shown.labels, lecture.LITERAL, 0.2, 20, saved=True)
    paths = equal_norm.save_pictures(tmp_path, shown.names, found.images)
    assert lecture.flips(network, equal_norm.read_pictures(paths, 3), shown.labels) == 1
    noisy = equal_norm.gaussian(shown.images, found.rms, np.random.default_rng(0))
    assert lecture.flips(network, noisy, shown.labels) == 0 and found.rms.max() < 3


def test_photographs_are_not_for_a_network_that_reads_digits(tmp_path, capsys):
    (tmp_path / "p").mkdir()
    equal_norm.save_pictures(tmp_path / "p", ["a", "b"], np.full((2, 3, 30, 30), 0.5))
    for name in ("adversarial", "fooling"):
        asked = [name, "--quick", "--data", f"images:{tmp_path / 'p'}", "--out", str(tmp_path)]
        assert main(asked) == 2
        assert "reads digits; give it --weights FILE" in capsys.readouterr().err
