#include "nms.hpp"

#include <algorithm>
#include <vector>

#include "isa.hpp"
#include "pool.hpp"
#include "stable_order.hpp"

namespace pyconvnet {
namespace {

// Best score first: the order of the floats upside down, in front of all of them 0 for NaN.
template <class T>
auto falling(T score) {
    using Bits = decltype(ordered_bits(score));
    return score != score ? Bits{0} : static_cast<Bits>(~ordered_bits(score));
}

template <class T>
struct Categories {
    const Kernels<T>& kernels;   // read once: another thread may switch the instruction set
    const T* boxes;
    T iou_threshold;
    const Index *order, *start;   // members of category c: order[start[c]] ... order[start[c + 1] - 1]
    Index* keep;                  // at the same places
    char* kept;                   // by number of the box

    void run(Index c) const {
        const Index n = start[c + 1] - start[c];
        Index* mine = keep + start[c];
        const Index found = kernels.nms(n, boxes, order + start[c], iou_threshold, mine);
        for (Index i = 0; i < found; i++) kept[mine[i]] = 1;
    }
};

}  // namespace

template <class T>
Index nms(Index n, const T* boxes, const T* scores, const Index* categories, T iou_threshold, Index* keep) {
    const std::vector<Index> order = stable_order(n, [scores](Index i) { return falling(scores[i]); });
    if (!categories) return kernels<T>().nms(n, boxes, order.data(), iou_threshold, keep);

    Index count = 0;
    for (Index i = 0; i < n; i++) count = std::max(count, categories[i] + 1);
    std::vector<Index> start(count + 1, 0), members(n);
    for (Index i = 0; i < n; i++) start[categories[i] + 1]++;
    std::partial_sum(start.begin(), start.end(), start.begin());
    std::vector<Index> next(start);
    for (Index i : order) members[next[categories[i]]++] = i;   // by category, within it still by score

    std::vector<char> kept(n, 0);
    Categories<T> all{kernels<T>(), boxes, iou_threshold, members.data(), start.data(), keep, kept.data()};
    const auto run = [](void* context, Index c) { static_cast<Categories<T>*>(context)->run(c); };
    if (n > 1000) parallel_for(count, run, &all);
    else
        for (Index c = 0; c < count; c++) run(&all, c);
    Index found = 0;
    for (Index i : order)
        if (kept[i]) keep[found++] = i;
    return found;
}

template Index nms<float>(Index, const float*, const float*, const Index*, float, Index*);
template Index nms<double>(Index, const double*, const double*, const Index*, double, Index*);

}  // namespace pyconvnet
