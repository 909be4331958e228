// A correlation with any taps, read from one band of the input at a time:
//
//   out[n, m, oy, ox] = sum over c, t of A[m][c, t] in[n, c, oy sy + ty[t], ox sx + tx[t]]
//
// The forward convolution is one of these, the input gradient one for each residue of the pixel modulo the
// stride.
//
// im2col is a sum of two offsets: in a zero-padded copy `buf` of a band of the input, column[k][p] =
// buf[koff[k] + poff[p]]. So the column matrix never has to exist. Strided inputs are split into their
// residues modulo the stride first, so that neighbours in ox are neighbours in memory.
#pragma once
#include "vec.hpp"

namespace pyconvnet::PYCONVNET_ISA {

template <class T>
struct Correlation {
    const T* in;
    Index n, c, h, w, in_image;   // in_image: elements from image to image
    T* out;
    Index m, oh, ow, out_image;
    Index sy, sx, taps;
    const Index *ty, *tx;
    const T* A;   // in blocks of rows: [block][k = (c, t)][row], padded_rows(m) * c * taps
};

constexpr Index LONGEST = 640;   // products summed in registers before the sum is written

template <class T>
void correlate(const Correlation<T>& q);

}  // namespace pyconvnet::PYCONVNET_ISA
