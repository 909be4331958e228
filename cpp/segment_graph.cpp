#include <numeric>
#include <utility>
#include <vector>

#include "regions.hpp"
#include "stable_order.hpp"

namespace pyconvnet {
namespace {

struct Forest {   // union-find; a root knows its component's size and the weight up to which it may be merged
    std::vector<Index> parent, size;
    std::vector<double> limit;

    Forest(Index nodes, double k) : parent(nodes), size(nodes, 1), limit(nodes, k) {
        std::iota(parent.begin(), parent.end(), Index{0});
    }
    Index find(Index a) {
        while (parent[a] != a) a = parent[a] = parent[parent[a]];
        return a;
    }
    Index join(Index a, Index b) {   // of two roots; the larger stays one
        if (size[a] < size[b]) std::swap(a, b);
        parent[b] = a;
        size[a] += size[b];
        return a;
    }
};

}  // namespace

template <class T>
void segment_graph(Index nodes, Index n, const Index* edges, const T* weights, double k, Index min_size,
                   Index* labels) {
    const std::vector<Index> order = stable_order(n, [weights](Index i) { return ordered_bits(weights[i]); });
    Forest forest(nodes, k);
    for (Index e : order) {
        const Index a = forest.find(edges[2 * e]), b = forest.find(edges[2 * e + 1]);
        const double w = weights[e];
        if (a == b || !(w <= forest.limit[a] && w <= forest.limit[b])) continue;   // a limit may be NaN: inf - inf
        const Index root = forest.join(a, b);
        forest.limit[root] = w + k / static_cast<double>(forest.size[root]);   // w: the largest edge inside
    }
    for (Index e : order) {
        const Index a = forest.find(edges[2 * e]), b = forest.find(edges[2 * e + 1]);
        if (a != b && (forest.size[a] < min_size || forest.size[b] < min_size)) forest.join(a, b);
    }
    std::vector<Index> number(nodes, -1);
    Index regions = 0;
    for (Index i = 0; i < nodes; i++) {
        Index& root = number[forest.find(i)];
        if (root < 0) root = regions++;
        labels[i] = root;
    }
}

template void segment_graph<float>(Index, Index, const Index*, const float*, double, Index, Index*);
template void segment_graph<double>(Index, Index, const Index*, const double*, double, Index, Index*);

}  // namespace pyconvnet
