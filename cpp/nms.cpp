#include "nms.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

#include "isa.hpp"

namespace pyconvnet {

template <class T>
Index nms(Index n, const T* boxes, const T* scores, T iou_threshold, Index* keep) {
    std::vector<Index> order(n);
    std::iota(order.begin(), order.end(), Index{0});
    std::stable_sort(order.begin(), order.end(), [scores](Index a, Index b) {
        const bool a_nan = scores[a] != scores[a], b_nan = scores[b] != scores[b];
        return a_nan || b_nan ? a_nan && !b_nan : scores[a] > scores[b];
    });
    return kernels<T>().nms(n, boxes, order.data(), iou_threshold, keep);
}

template Index nms<float>(Index, const float*, const float*, float, Index*);
template Index nms<double>(Index, const double*, const double*, double, Index*);

}  // namespace pyconvnet
