"""A folder in the layout of Pascal VOC, of light blocks on dark ground, for any lecture's `--data voc:`."""

import numpy as np
import pytest


def write_voc(folder, count=12):
    """`count` pictures of 48 x 64 pixels, one block in each; the folder."""
    image_module = pytest.importorskip("PIL.Image")
    for part in ("Annotations", "JPEGImages"):
        (folder / part).mkdir(parents=True)
    rng = np.random.default_rng(0)
    for i in range(count):
        pixels = rng.integers(0, 60, (48, 64, 3), dtype=np.uint8)
        pixels[10:30, 20:44] = 200
        image_module.fromarray(pixels).save(folder / "JPEGImages" / f"p{i}.png")
        (folder / "Annotations" / f"p{i}.xml").write_text(
            f"<annotation><filename>p{i}.png</filename><size><width>64</width><height>48</height><depth>3</depth></size>"
            "<object><name>block</name><bndbox><xmin>21</xmin><ymin>11</ymin><xmax>44</xmax><ymax>30</ymax></bndbox>"
            "</object></annotation>"
        )
    return folder
