#include <cstring>
#include <numeric>
#include <type_traits>
#include <utility>
#include <vector>

#include "regions.hpp"

namespace pyconvnet {
namespace {

// Unsigned numbers in the order of the floats (no NaN): the sign bit is flipped, of negative floats all bits.
template <class T>
auto ordered_bits(T x) {
    using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
    constexpr Bits SIGN = Bits{1} << (8 * sizeof(T) - 1);
    x += T(0);   // -0 and 0 are equal
    Bits bits;
    std::memcpy(&bits, &x, sizeof(T));
    return static_cast<Bits>(bits & SIGN ? ~bits : bits | SIGN);
}

// Positions by ascending weight, ties in input order: a radix sort, 11 bits at a time, several times as fast as
// comparing.
template <class T>
std::vector<Index> ascending(Index n, const T* weights) {
    using Bits = decltype(ordered_bits(T(0)));
    constexpr int DIGIT = 11, BITS = 8 * sizeof(T);
    std::vector<std::pair<Bits, Index>> from(n), to(n);
    for (Index i = 0; i < n; i++) from[i] = {ordered_bits(weights[i]), i};
    for (int shift = 0; shift < BITS; shift += DIGIT) {
        std::vector<Index> start((1 << DIGIT) + 1, 0);
        const Bits mask = (1 << DIGIT) - 1;
        for (const auto& item : from) start[(item.first >> shift & mask) + 1]++;
        std::partial_sum(start.begin(), start.end(), start.begin());
        for (const auto& item : from) to[start[item.first >> shift & mask]++] = item;
        from.swap(to);
    }
    std::vector<Index> order(n);
    for (Index i = 0; i < n; i++) order[i] = from[i].second;
    return order;
}

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
    const std::vector<Index> order = ascending(n, weights);
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
