// Greedy non-maximum suppression: order by score here, then the sweep of the instruction set in use
// (isa/nms.cpp), once for each category.
#pragma once
#include "shapes.hpp"

namespace pyconvnet {

// Highest score first, ties in input order, NaN before any number. `categories` (or null: all are one) lie in
// [0, n): boxes of different categories do not meet. Returns how many indices were written to keep.
template <class T>
Index nms(Index n, const T* boxes, const T* scores, const Index* categories, T iou_threshold, Index* keep);

}  // namespace pyconvnet
