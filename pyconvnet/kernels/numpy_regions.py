"""Part of the NumPy backend: a graph's components and the merging of regions."""

import heapq

import numpy as np

from pyconvnet.kernels import naive_regions

# An edge's fate depends on all edges before it: there is nothing to vectorise, so the definition answers.
segment_graph = naive_regions.segment_graph


def merge_regions(sizes, boxes, colour, texture, pairs, image_size, weights):
    """One merge at a time, as there is no other way; similarities of all pairs that a merge creates at once.

    A heap holds the pairs; those of a region that was merged meanwhile are skipped.
    """
    r = len(sizes)

    def room(start):  # float64 holds whole numbers below 2**53 exactly
        return np.concatenate([start, np.zeros((r - 1, *start.shape[1:]), start.dtype)]).astype(np.float64)

    size, box, colour, texture = map(room, (sizes, boxes, colour, texture))
    total_colour, total_texture = colour.sum(1), texture.sum(1)

    def intersection(h, total, i, j):
        both = total[i] * total[j]
        common = np.minimum(h[i] * total[j, None], h[j] * total[i, None]).sum(1)
        return np.divide(common, both, out=np.zeros_like(both), where=both > 0)

    def similarity(i, j):
        both = size[i] + size[j]
        bound = np.prod(np.maximum(box[i, 2:], box[j, 2:]) - np.minimum(box[i, :2], box[j, :2]), axis=1)
        s = weights[0] * intersection(colour, total_colour, i, j)
        s += weights[1] * intersection(texture, total_texture, i, j)
        s += weights[2] * (1 - both / image_size)
        return s + weights[3] * (1 - (bound - both) / image_size)

    neighbours = [set() for _ in range(r)]
    heap = []

    def meet(i, j):
        for s, a, b in zip((-similarity(i, j)).tolist(), i.tolist(), j.tolist(), strict=True):
            heapq.heappush(heap, (s, a, b))
            neighbours[a].add(b)
            neighbours[b].add(a)

    meet(*pairs.T)
    merges, similarities = [], []
    while heap:
        s, i, j = heapq.heappop(heap)
        if neighbours[i] is None or neighbours[j] is None:
            continue
        new = r + len(merges)
        merges.append((i, j))
        similarities.append(-s)
        for a in (size, colour, texture, total_colour, total_texture):
            a[new] = a[i] + a[j]
        box[new, :2], box[new, 2:] = np.minimum(box[i, :2], box[j, :2]), np.maximum(box[i, 2:], box[j, 2:])
        around = sorted(n for n in (neighbours[i] | neighbours[j]) - {i, j} if neighbours[n] is not None)
        neighbours[i] = neighbours[j] = None
        neighbours.append(set())
        meet(np.array(around, np.int64), np.full(len(around), new))
    merges = np.array(merges, np.int64).reshape(-1, 2)
    return merges, np.array(similarities, np.float64), box[: r + len(merges)].astype(np.int64)
