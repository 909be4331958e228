# %% [markdown]
r"""
Who is in this picture?
=======================

The deck "Fun Ways To Use ConvNets", slides "Face Recognition/Verification" (1 to 4), one after the other:
detect every face, find its landmarks, align it, map it to a vector, and look the vector up among those of
the people who are enrolled. Nothing is trained for a new face. Here: the five steps on one picture,
enrolling, strangers, and pictures that do not fit.

Step through it cell by cell, change a number, look again. As a script, from the root of the checkout:
``python lectures/walkthroughs/faces.py``. It goes on with the networks of ``python -m lectures faces``;
if that has not been run, it trains them first, about a minute.

The code it explains, and calls: ``lectures/faces/faces.py`` and ``lectures/faces/foundation/recogniser.py``.
"""

# %%
import inspect
import os
import sys
import tempfile
from argparse import Namespace

sys.path.extend([".", "../.."])  # the checkout, seen from its root (script) or from here (notebook)

import matplotlib.pyplot as plt
import numpy as np

from lectures.faces import faces
from lectures.faces.drawing import alignment_figures, identity_figures
from lectures.faces.foundation.alignment import box_maps, cut_out, moved
from lectures.faces.foundation.gallery import Gallery
from lectures.faces.foundation.recogniser import Recogniser
from lectures.finished import OUT
from lectures.report import Report
from pyconvnet.viz import draw_boxes

QUICK = os.environ.get("PYCONVNET_QUICK") == "1"  # a shorter training, for a test of this file

# %% [markdown]
# Slide "Face Recognition/Verification" (2): train a ConvNet once
# ---------------------------------------------------------------
# Three networks: a detector, one that finds landmarks, one that embeds. The second and the third learn
# from what they will get: small faces, cut out along boxes that are a little off, and aligned by
# landmarks that are a little off.

# %%
options = Namespace(data=None, seed=0, quick=QUICK, skip_bad=False, resume=not QUICK)
recogniser = faces.trained(options, Report("faces", tempfile.mkdtemp() if QUICK else OUT))
for part in (recogniser.detector, recogniser.landmarks, recogniser.embedding):
    print(f"{type(part).__name__:12} {sum(p.data.size for p in part.parameters()):7,} numbers learned")

# %% [markdown]
# Slide "Face Recognition/Verification" (1): face detection
# ---------------------------------------------------------
# A picture with several people, and with ovals that are none.

# %%
scenes = faces.scenes_of(options, "test", 40, faces.KNOWN + faces.STRANGERS)
i = max(range(len(scenes)), key=lambda i: len(scenes[i][1][0]))
image, (truth, _) = scenes[i]
boxes, scores, _ = recogniser.detector.predict([image])[0]
boxes, scores = (boxes, scores) if len(boxes) else (truth, np.ones(len(truth)))  # after --quick it knows nothing
figure, ax = plt.subplots(figsize=(6, 6), layout="constrained")
draw_boxes(image, boxes, scores=scores, ax=ax, linewidth=2, fontsize=9)
ax.set_title(f"{len(boxes)} boxes, {len(truth)} faces")
plt.show()

# %% [markdown]
# Slide "Face Recognition/Verification" (4): crop, landmarks, align
# -----------------------------------------------------------------
# Each box is cut out as a square, a quarter larger than the head; the landmarks are found in the cut-out,
# and taken back to the pixels of the picture; from there the aligned face is sampled in one go.

# %%
maps = box_maps(boxes, 32)
cuts = cut_out(image, maps, 32)
points = recogniser.landmarks.landmarks(cuts)
found = recogniser.look(image, boxes, scores)
columns = max(len(boxes), 2)
figure, axes = plt.subplots(2, columns, figsize=(2.4 * columns, 5), layout="constrained", squeeze=False)
for upper, lower, cut, p, face in zip(*axes, cuts, points, found):
    alignment_figures.show(upper, cut, p)
    alignment_figures.show(lower, face.aligned)
axes[0, 0].set_title("cut out", loc="left")
axes[1, 0].set_title("aligned", loc="left")
plt.show()

# %%
print("the left eye of the first face, in its cut-out", points[0, 0].round(1), "and in the picture",
      moved(maps, points)[0, 0].round(1))  # fmt: skip

# %% [markdown]
# Enrol: one portrait a person
# ----------------------------
# Twenty people whom no network has seen. The picture one enrols with must hold exactly one face. What is
# kept is a vector of 64 numbers and a name; nothing is trained.

# %%
report = Report("faces", tempfile.mkdtemp())
known = faces.enrol_people(recogniser, options, report)
figure, axes = plt.subplots(2, 10, figsize=(14, 3.4), layout="constrained")
for ax, (name, face) in zip(axes.flat, known.items()):
    alignment_figures.show(ax, face)
    ax.set_title(name)
plt.show()

# %% [markdown]
# Slide "Face Recognition/Verification" (1): face recognition
# -----------------------------------------------------------
# Who is nearest? Squared distances of a unit sphere, 0 to 4. Beyond the threshold it is "nobody I know".

# %%
print(inspect.getsource(Recogniser.identify))
answers = [(face, recogniser.gallery.identify(face.embedding)) for face in found]
for _, match in answers:
    print(f"nearest {match.nearest:6} at {match.distance:.2f}: {match.name or 'nobody I know'}")
figure = plt.figure(figsize=(2.2 * max(len(answers), 3), 11), layout="constrained")
identity_figures.draw_steps(figure, image, answers, known, max(len(answers), 3))
plt.show()

# %% [markdown]
# From which distance on?
# -----------------------
# For a pair, 1:1, the best threshold parts pairs of one person from pairs of two. Among N enrolled people
# a stranger has N chances to look like somebody, so that the threshold must be shorter. Both are chosen
# on people who are neither in the training pictures nor in the gallery.

# %%
print(inspect.getsource(faces.threshold_among_many))
everything = faces.judge(recogniser, scenes)
for name, share in everything.items():
    print(f"{name:20} {share:.3f}")

# %%
own = recogniser.gallery.threshold
for threshold in (0.2, 0.4, own, 0.8, 4.0):
    recogniser.gallery.threshold = threshold
    answer = faces.judge(recogniser, scenes)
    print(f"up to {threshold:.2f}: right {answer['accuracy']:.2f} of all; "
          f"strangers called by a name {answer['strangers_named']:.2f}")  # fmt: skip
recogniser.gallery.threshold = own

# %% [markdown]
# Several pictures
# ----------------
# Green is a name, orange nobody I know.

# %%
figure, axes = plt.subplots(2, 3, figsize=(12, 8), layout="constrained")
for ax, k in zip(axes.flat, range(6)):
    identity_figures.draw_answers(ax, scenes[k][0], recogniser.identify(scenes[k][0]))
plt.show()

# %% [markdown]
# Pictures that do not fit
# ------------------------
# No face, several faces where one is asked for, a name that is taken, an empty gallery: each says so.

# %%
attempts = {
    "a picture of nothing": lambda: recogniser.enrol("Zoe", np.full((3, 64, 64), 0.5, np.float32)),
    "a name that is taken": lambda: recogniser.gallery.enrol("Ada", found[0].embedding),
    "an empty gallery": lambda: Gallery().identify(found[0].embedding),
    "pixels up to 255": lambda: recogniser.identify(image * 255),
    "somebody unknown": lambda: recogniser.gallery.forget("Zoe"),
}
for what, attempt in attempts.items():
    try:
        attempt()
        print(f"{what}: went well")
    except ValueError as error:
        print(f"{what}: {error}")

# %% [markdown]
# A gallery is a file of numbers
# ------------------------------
# Names and vectors as safetensors: no code in it, so that a gallery from a stranger is safe to load.

# %%
path = report.folder / "gallery.safetensors"
recogniser.gallery.save(path)
again = Gallery.load(path, recogniser.embedding)  # the network whose vectors they are
print(f"{path.stat().st_size} bytes, {len(again)} people, threshold {again.threshold:.2f}")
recogniser.gallery.forget("Ada")
print("Ada" in recogniser.gallery, "Ada" in again)

# %% [markdown]
# Where to go on
# --------------
# - ``python -m lectures faces``: 200 pictures, the figures in ``out/faces/``; with ``--demo`` a slider for
#   the distance from which on a face is nobody's.
# - Two portraits a person: ``recogniser.gallery.enrol(name, embedding, more=True)``. How much does it help?
# - ``python -m lectures recognition --data faces:DIR``: real faces, 1:1 and 1:N.
