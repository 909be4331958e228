// Regions of a picture: components of a graph by Kruskal's order, and their greedy merging by similarity.
#pragma once
#include "shapes.hpp"

namespace pyconvnet {

// Felzenszwalb & Huttenlocher 2004: labels[node], numbered by first appearance. Every edge lies in [0, nodes).
template <class T>
void segment_graph(Index nodes, Index n, const Index* edges, const T* weights, double k, Index min_size,
                   Index* labels);

// The `r` regions that hierarchical grouping starts from: histograms are counts, [r, colours] and
// [r, textures].
struct Regions {
    Index r, colours, textures;
    const Index *sizes, *boxes, *colour, *texture;
    Index image_size;
    double weights[4];   // of the similarities of colour, texture, size and fill
};

// Uijlings et al. 2013: merges the most similar neighbours until none are left. `pairs` [p, 2] lie in [0, r).
// Writes at most r - 1 rows of merges [., 2] and similarities, and a box for each merged region behind the r
// given ones in boxes [2 r - 1, 4]; returns how many.
Index merge_regions(const Regions& start, Index p, const Index* pairs, Index* merges, double* similarities,
                    Index* boxes);

}  // namespace pyconvnet
