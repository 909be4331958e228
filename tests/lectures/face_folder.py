"""A small folder of people, painted: what `--data faces:DIR` takes."""

import numpy as np
from PIL import Image

from pyconvnet.data import Faces


def write_people(folder, people=8, pictures=4):
    """People s1, s2 ... with pictures 1.png, 2.png ...; returns the folder."""
    faces = Faces(people, pictures, "val", size=56)
    for i in range(len(faces)):
        image, person = faces[i]
        path = folder / f"s{person + 1}" / f"{i % pictures + 1}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray((255 * image[:, :, 4:52].transpose(1, 2, 0)).astype(np.uint8)).save(path)
    return folder
