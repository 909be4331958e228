"""The walk-throughs run as scripts, modules and notebooks, and keep the form that makes them steppable."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lectures import course

ROOT = Path(__file__).resolve().parents[2]
WALKTHROUGHS = sorted((ROOT / "lectures" / "walkthroughs").glob("[!_]*.py"))
CODE_LINES = 25  # of a cell: what a student takes in at one glance

# What each walk-through explains: it may call these functions, and must not hold a second copy of them.
EXPLAINS = {
    "style_naive": (
        "lectures/style/style_naive.py",
        "lectures/style/foundation/objective.py",
        "lectures/style/drawing/style_figures.py",
    ),
    "style": (
        "lectures/style/style.py",
        "lectures/style/foundation/objective.py",
        "lectures/style/foundation/judging.py",
        "lectures/style/drawing/style_figures.py",
    ),
    "fast_style": (
        "lectures/style/fast_style.py",
        "lectures/style/foundation/transformation_network.py",
        "lectures/style/drawing/fast_figures.py",
    ),
    "fixed_n": ("lectures/detection/fixed_n.py", "lectures/detection/localization.py", "lectures/training.py"),
    "localization": (
        "lectures/detection/localization.py",
        "lectures/training.py",
    ),
    "claims": ("lectures/verdict.py", "lectures/claims.py", "lectures/evidence/speed.py"),
    "convolution": (
        "pyconvnet/kernels/naive.py",
        "pyconvnet/kernels/numpy.py",
        "pyconvnet/primitives/conv.py",
        "pyconvnet/functional/convolution.py",
        "pyconvnet/autograd.py",
    ),
    "proposals": (
        "lectures/detection/proposing/graph_segmentation.py",
        "lectures/detection/proposing/selective_search.py",
        "lectures/detection/proposing/edge_boxes.py",
        "lectures/detection/proposing/constant_proposals.py",
        "lectures/detection/proposals.py",
        "lectures/detection/drawing/proposal_figures.py",
    ),
    "fast_rcnn": (
        "lectures/detection/fast_rcnn.py",
        "lectures/detection/regions/region_head.py",
        "lectures/detection/proposing/carried_proposals.py",
        "lectures/detection/drawing/region_figures.py",
        "lectures/detection/regions/feature_sharing.py",
    ),
    "rcnn_minus_r": (
        "lectures/detection/rcnn_minus_r.py",
        "lectures/detection/fast_rcnn.py",
        "lectures/detection/proposing/constant_proposals.py",
        "lectures/detection/drawing/region_figures.py",
    ),
    "faster_rcnn": (
        "lectures/detection/faster_rcnn.py",
        "lectures/detection/proposing/rpn.py",
        "lectures/detection/drawing/rpn_figures.py",
        "lectures/detection/regions/region_head.py",
        "lectures/detection/foundation/matching.py",
    ),
    "rcnn": (
        "lectures/detection/rcnn.py",
        "lectures/detection/regions/post_hoc.py",
        "lectures/detection/regions/post_hoc_costs.py",
        "lectures/detection/regions/linear_svm.py",
        "lectures/detection/regions/box_regression.py",
        "lectures/detection/regions/warping.py",
    ),
    "spp_net": ("lectures/detection/spp_net.py", "lectures/detection/regions/post_hoc.py"),
    "sliding_window": (
        "lectures/detection/sliding_window.py",
        "lectures/detection/regions/windows.py",
        "lectures/detection/regions/warping.py",
        "lectures/detection/regions/hog_svm.py",
        "lectures/detection/drawing/window_figures.py",
    ),
    "overfeat": (
        "lectures/detection/overfeat.py",
        "lectures/detection/sliding_window.py",
        "lectures/detection/regions/windows.py",
        "lectures/detection/drawing/window_figures.py",
    ),
    "yolo9000": (
        "lectures/detection/yolo9000.py",
        "lectures/detection/foundation/label_tree.py",
        "lectures/detection/foundation/weak_labels.py",
        "lectures/detection/drawing/tree_figures.py",
    ),
    "yolo_v3": (
        "lectures/detection/yolo_v3.py",
        "lectures/detection/foundation/cell_anchors.py",
        "lectures/detection/drawing/scale_figures.py",
    ),
    "ssd": (
        "lectures/detection/ssd.py",
        "lectures/detection/drawing/anchor_figures.py",
        "lectures/detection/proposing/anchors.py",
        "lectures/detection/foundation/by_size.py",
    ),
    "retinanet": (
        "lectures/detection/retinanet.py",
        "lectures/detection/drawing/anchor_figures.py",
        "lectures/detection/drawing/pyramid_figures.py",
        "lectures/detection/proposing/anchors.py",
        "lectures/detection/foundation/pyramid.py",
    ),
    "detection_ladder": (
        "lectures/detection/detection_ladder.py",
        "lectures/detection/rungs.py",
        "lectures/detection/drawing/ladder_figures.py",
        "lectures/detection/foundation/stopwatch.py",
    ),
    "embedding_arithmetic": (
        "lectures/faces/embedding_arithmetic.py",
        "lectures/faces/foundation/word_vectors.py",
        "lectures/faces/foundation/face_questions.py",
        "lectures/faces/drawing/arithmetic_figures.py",
    ),
    "adversarial": (
        "lectures/insight/adversarial.py",
        "lectures/insight/foundation/attack.py",
        "lectures/insight/foundation/equal_norm.py",
        "lectures/insight/foundation/masked_gradients.py",
        "lectures/insight/drawing/adversarial_figures.py",
    ),
    "fooling": (
        "lectures/insight/fooling.py",
        "lectures/insight/foundation/encodings.py",
        "lectures/insight/foundation/map_elites.py",
        "lectures/insight/foundation/natural.py",
        "lectures/insight/drawing/fooling_figures.py",
    ),
    "aging": (
        "lectures/faces/aging.py",
        "lectures/faces/foundation/face_reader.py",
        "lectures/faces/drawing/aging_figures.py",
    ),
    "face_detection": (
        "lectures/faces/face_detection.py",
        "lectures/detection/ssd.py",
        "pyconvnet/data/face_scenes.py",
        "lectures/faces/foundation/pasted_faces.py",
    ),
    "face_alignment": (
        "lectures/faces/face_alignment.py",
        "lectures/faces/foundation/alignment.py",
        "lectures/faces/drawing/alignment_figures.py",
    ),
    "faces": (
        "lectures/faces/faces.py",
        "lectures/faces/foundation/recogniser.py",
        "lectures/faces/foundation/heads.py",
        "lectures/faces/drawing/identity_figures.py",
    ),
    "inversion": (
        "lectures/insight/inversion.py",
        "lectures/fixed_network/prior.py",
        "lectures/fixed_network/descent.py",
        "lectures/insight/drawing/inversion_figures.py",
    ),
    "activation_maximization": (
        "lectures/insight/activation_maximization.py",
        "lectures/insight/drawing/maximization_figures.py",
    ),
    "saliency": ("lectures/insight/saliency.py", "lectures/insight/drawing/saliency_figures.py"),
    "deep_dream": (
        "lectures/insight/deep_dream.py",
        "lectures/fixed_network/prior.py",
        "lectures/insight/drawing/dream_figures.py",
    ),
    "yolo": ("lectures/detection/yolo.py", "lectures/detection/drawing/figures.py", "lectures/training.py"),
    "pairwise": (
        "lectures/faces/pairwise.py",
        "lectures/faces/foundation/batches.py",
        "lectures/faces/drawing/recognition_figures.py",
    ),
    "triplet": (
        "lectures/faces/triplet.py",
        "lectures/faces/foundation/embedding.py",
        "lectures/faces/drawing/recognition_figures.py",
    ),
    "recognition": (
        "lectures/faces/recognition.py",
        "lectures/faces/foundation/verification.py",
        "lectures/faces/foundation/gallery.py",
        "lectures/faces/foundation/classifier.py",
    ),
    "yolo_v1": (
        "lectures/detection/yolo_v1.py",
        "lectures/detection/foundation/pretraining.py",
        "lectures/detection/drawing/yolo_figures.py",
        "lectures/training.py",
    ),
    "yolo_v2": (
        "lectures/detection/yolo_v2.py",
        "lectures/detection/foundation/cell_anchors.py",
        "lectures/detection/drawing/yolo_figures.py",
        "lectures/training.py",
    ),
}

each = pytest.mark.parametrize("path", WALKTHROUGHS, ids=lambda path: path.stem)


def environment():
    settings = {"MPLBACKEND": "agg", "PYCONVNET_QUICK": "1", "PYTHONWARNINGS": "error::RuntimeWarning"}
    return os.environ | settings


def run(*command, folder=ROOT):
    command = [sys.executable, *command]
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-4000:]
    assert "Traceback" not in done.stderr
    return done.stdout


def cells(path):
    """[(is it text?, source)] of a percent-format file."""
    parts = re.split(r"^# %%(.*)\n", path.read_text(), flags=re.MULTILINE)
    assert parts[0] == "", "a walk-through starts with its first cell"
    return [("[markdown]" in kind, source) for kind, source in zip(parts[1::2], parts[2::2])]


def functions(path):
    tree = ast.parse(path.read_text())
    return {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.ClassDef)}


def test_there_are_walkthroughs():
    assert {path.stem for path in WALKTHROUGHS} == set(EXPLAINS)


@each
def test_runs_as_a_script_from_the_root_of_the_checkout(path):
    assert len(run(path.relative_to(ROOT)).splitlines()) > 20


def test_runs_as_a_module():
    """One of them: only the search path differs from that of a script."""
    run("-m", "lectures.walkthroughs.convolution")


@each
def test_runs_as_a_notebook(path, monkeypatch):
    jupytext = pytest.importorskip("jupytext")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    for name, setting in environment().items():
        monkeypatch.setenv(name, setting)
    monkeypatch.delenv("MPLBACKEND")  # as Jupyter shows pictures: each figure in the output of its cell
    notebook = jupytext.read(path)
    text = [c for c in notebook.cells if c.cell_type == "markdown"]
    assert len(text) > 5 and "===" in text[0].source
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    where = {"metadata": {"path": str(path.parent)}}  # where Jupyter starts a notebook's kernel
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3", resources=where).execute()
    outputs = [o for c in notebook.cells if c.cell_type == "code" for o in c.outputs]
    assert not [o for o in outputs if o.output_type == "error"]
    assert sum("image/png" in o.get("data", {}) for o in outputs) >= 5


@each
def test_first_cell_is_a_docstring_with_an_underlined_title(path):
    is_text, source = cells(path)[0]
    assert is_text and source.startswith('r"""\n')
    title, line, blank, *_ = ast.get_docstring(ast.parse(path.read_text())).splitlines()
    assert line == "=" * len(title) and not blank


@each
def test_text_has_underlined_titles_and_no_code(path):
    for is_text, source in cells(path)[1:]:
        if is_text:
            lines = source.strip().splitlines()
            assert all(line.startswith("#") for line in lines), "a text cell holds comments only"
            if len(lines) > 1 and set(lines[1]) <= set("# -"):
                assert len(lines[1]) == len(lines[0])


@each
def test_cells_are_short_and_begin_with_code(path):
    for is_text, source in cells(path):
        if not is_text:
            code = [line for line in source.splitlines() if line.strip() and not line.strip().startswith("#")]
            assert 1 <= len(code) <= CODE_LINES, source
            assert not source.startswith("#"), "gallery pages take a leading comment for text:\n" + source


@each
def test_ends_each_figure_with_show(path):
    for is_text, source in cells(path):
        if not is_text and "plt.subplot" in source:
            assert source.rstrip().endswith("plt.show()"), source


@each
def test_holds_no_second_copy_of_what_it_explains(path):
    explained = set().union(*(functions(ROOT / module) for module in EXPLAINS[path.stem]))
    assert not functions(path) & explained


def test_walkthroughs_of_the_course_exist():
    named = [lecture.walkthrough for lecture in course.COURSE if lecture.walkthrough]
    assert named and all((ROOT / name).is_file() for name in named)
