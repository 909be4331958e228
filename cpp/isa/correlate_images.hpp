// correlate.hpp for many small pictures: lanes are pictures.
#pragma once
#include "correlate.hpp"
#include "micro.hpp"

namespace pyconvnet::PYCONVNET_ISA {

// Cycles of a correlation whose lanes are pixels of a row, at two multiply-adds of vectors a cycle. Rows that are no
// whole vectors: their columns are packed, or padding columns are computed too (strips.hpp). Bands are copied and
// outputs written row by row.
inline double cycles_by_rows(Index lanes, Index n, Index K, Index c, Index m, Index oh, Index ow, Index ex) {
    const double half = padded_rows(m) / 2.0, L = lanes;
    const double packed = half + 2.5 * (ow >= lanes ? 1.5 : L / ow + 0.5), wide = half * (ow + ex) / ow;
    const double vector = ow % lanes ? least(packed, wide) : half;
    return double(K) * n * oh * ow / L * vector + 20.0 * c * n * (oh + 2) + 5.0 * m * n * oh * ceil_div(ow, lanes);
}

// The same if they are pictures: no lane is idle but behind the last picture, and all numbers are transposed.
inline double cycles_by_images(Index lanes, Index n, Index K, Index c, Index m, Index oh, Index ow, Index read) {
    return double(ceil_div(n, lanes)) *
           (double(oh) * ow * (K * padded_rows(m) / 2.0 + 8.0 * m) + 8.0 * c * read + 2000);
}

template <class T>
bool by_images(const Correlation<T>& q);
template <class T>
void correlate_images(const Correlation<T>& q);

}  // namespace pyconvnet::PYCONVNET_ISA
