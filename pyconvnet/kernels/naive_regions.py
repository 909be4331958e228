"""Part of the naive backend: a graph's components and the merging of regions, as the papers have them."""

import numpy as np


def segment_graph(nodes, edges, weights, k, min_size):
    """Kruskal's order; a component remembers the weight up to which it may be merged, Int(C) + k / |C|."""
    parent, size, limit = list(range(nodes)), [1] * nodes, [k] * nodes
    weights = weights.tolist()
    ascending = sorted(zip(weights, edges.tolist(), strict=True), key=lambda edge: edge[0])

    def find(a):
        while parent[a] != a:
            parent[a] = a = parent[parent[a]]
        return a

    def join(a, b):
        parent[b] = a
        size[a] += size[b]

    for w, (i, j) in ascending:
        a, b = find(i), find(j)
        if a != b and w <= limit[a] and w <= limit[b]:
            join(a, b)
            limit[a] = w + k / size[a]
    for _, (i, j) in ascending:
        a, b = find(i), find(j)
        if a != b and (size[a] < min_size or size[b] < min_size):
            join(a, b)
    number = {}
    return np.array([number.setdefault(find(i), len(number)) for i in range(nodes)], np.int64)


def _intersection(a, b):
    """sum_k min(a_k / |a|, b_k / |b|) of two histograms of counts, over one denominator: exact but for the last
    division. 0 where a histogram is empty."""
    total_a, total_b = sum(a), sum(b)
    if not total_a or not total_b:
        return 0.0
    return sum(min(x * total_b, y * total_a) for x, y in zip(a, b, strict=True)) / (total_a * total_b)


def _bound(a, b):
    """The box around two boxes."""
    return [min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])]


def merge_regions(sizes, boxes, colour, texture, pairs, image_size, weights):
    """The paper's algorithm 1: a set S of similarities of all neighbouring pairs, the greatest merged first."""
    size, box, colour, texture = (a.tolist() for a in (sizes, boxes, colour, texture))

    def similarity(i, j):
        both = size[i] + size[j]
        x1, y1, x2, y2 = _bound(box[i], box[j])
        terms = (
            _intersection(colour[i], colour[j]),
            _intersection(texture[i], texture[j]),
            1 - both / image_size,
            1 - ((x2 - x1) * (y2 - y1) - both) / image_size,
        )
        c, t, s, f = (w * term for w, term in zip(weights, terms, strict=True))
        return c + t + s + f

    S = {(i, j): similarity(i, j) for i, j in pairs.tolist()}
    merges, similarities = [], []
    while S:
        i, j = max(S, key=lambda pair: (S[pair], -pair[0], -pair[1]))
        merges.append((i, j))
        similarities.append(S[i, j])
        neighbours = {n for pair in S for n in pair if i in pair or j in pair} - {i, j}
        S = {pair: s for pair, s in S.items() if i not in pair and j not in pair}
        new = len(size)
        size.append(size[i] + size[j])
        box.append(_bound(box[i], box[j]))
        for histograms in (colour, texture):
            histograms.append([x + y for x, y in zip(histograms[i], histograms[j], strict=True)])
        for n in neighbours:
            S[n, new] = similarity(n, new)
    merges = np.array(merges, np.int64).reshape(-1, 2)
    return merges, np.array(similarities, np.float64), np.array(box, np.int64).reshape(-1, 4)
