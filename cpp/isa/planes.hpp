// Values picked by position out of the planes of pictures, and their way back.
#pragma once
#include "vec.hpp"

namespace pyconvnet::PYCONVNET_ISA {

// y[r, c, i] = x[image[r], c, chosen[r, c, i]]; false if a position or image lies outside. I: of 32 or 64 bits.
template <class T, class I>
bool gather_planes(const PlanesShape&, const Index* image, const I* chosen, const T* x, T* y);

// Its transpose: x = 0, x[image[r], c, chosen[r, c, i]] += g[r, c, i], in the order of r and i.
template <class T, class I>
bool scatter_planes(const PlanesShape&, const Index* image, const I* chosen, const T* g, T* x);

// chosen[r, c, i, j]: where row r's bin [top, bottom) x [left, right) has its largest value above `lowest`, as
// y width + x; the first of equal ones; -1 where there is none. bins [rows, 2 (bins_h + bins_w)]: all tops, all
// bottoms, all lefts, all rights, within the planes.
template <class T>
void roi_pool_indices(const PlanesShape&, Index width, Index bins_h, Index bins_w, const Index* image,
                      const Index* bins, const T* x, T lowest, Index* chosen);

}  // namespace pyconvnet::PYCONVNET_ISA
