// The sweep of greedy non-maximum suppression over boxes [n, 4] (x1, y1, x2, y2) in the given order.
#pragma once
#include "vec.hpp"

namespace pyconvnet::PYCONVNET_ISA {

// Writes the kept boxes' indices to keep and returns how many there are.
template <class T>
Index nms(Index n, const T* boxes, const Index* order, T iou_threshold, Index* keep);

}  // namespace pyconvnet::PYCONVNET_ISA
