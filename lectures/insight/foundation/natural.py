"""Does a picture look like those that a network learned from? Two numbers that real pictures agree in.

Deck "Deep Convolutional Neural Networks II", slide "Deep Network Can Easily Be Fooled" (2, in part): "the images found
do not have the natural image statistics".
"""

import numpy as np

from lectures.fixed_network.prior import roughness

NATURAL = 0.025, 0.975  # between these quantiles of the test pictures a number is natural


def nearest(images, training):
    """RMS distance of each picture to the nearest of `training`: [n]; one that is the same picture does not count."""
    many = training.reshape(len(training), -1).astype(np.float64)
    found = []
    for image in images:
        away = np.sqrt(((many - image.ravel()) ** 2).mean(1))
        found.append(away[away > 0].min())
    return np.array(found)


def statistics(images, training):
    """{"roughness", "distance"}, an array each."""
    return {"roughness": roughness(images), "distance": nearest(images, training)}


def unnatural(of, natural):
    """Share of pictures with a number outside the middle 95 % of natural ones; both {"roughness", "distance"}."""
    outside = np.zeros(len(of["roughness"]), bool)
    for name, values in of.items():
        low, high = np.quantile(natural[name], NATURAL)
        outside |= (values < low) | (values > high)
    return float(outside.mean())
