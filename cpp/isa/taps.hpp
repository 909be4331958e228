// The taps of a correlation in a zero-padded band of its input. A strided input is split into its residues modulo the
// stride, planes of their own, so that neighbours in ox are neighbours in memory; only those that a tap reads exist.
#pragma once
#include "buffer.hpp"
#include "correlate.hpp"

namespace pyconvnet::PYCONVNET_ISA {

template <class T>
class Taps {
  public:
    Index y0, x0, ey, ex;   // smallest tap; rows and columns of the band that the taps reach beyond the outputs
    Index planes = 0;       // of a channel

    explicit Taps(const Correlation<T>& q)
        : y0(q.ty[0]), x0(q.tx[0]), q_(q), across_(span(q.tx, q.taps, q.sx, x0, ex)),
          plane_of_(q.taps), residue_of_(q.taps) {
        span(q.ty, q.taps, q.sy, y0, ey);
        for (Index t = 0; t < q.taps; t++) {   // in order of first use
            Index& plane = plane_of_[t] = 0;
            while (plane < planes && residue_of_[plane] != residue(t)) plane++;
            if (plane == planes) residue_of_[planes++] = residue(t);
        }
    }

    // Pixel (r, x) of a plane is pixel (r sy + row(plane), x sx + column(plane)) of the picture.
    Index row(Index plane) const { return residue_of_[plane] / across_ + y0; }
    Index column(Index plane) const { return residue_of_[plane] % across_ + x0; }

    // koff[k = (channel, tap)]: where a band [channel][plane][row][column] has the tap of the first output.
    void offsets(Index plane_size, Index width, Index* koff) const {
        for (Index c = 0; c < q_.c; c++)
            for (Index t = 0; t < q_.taps; t++)
                *koff++ = (c * planes + plane_of_[t]) * plane_size +
                          (q_.ty[t] - y0) / q_.sy * width + (q_.tx[t] - x0) / q_.sx;
    }

  private:
    // Residues between the smallest tap, which it finds, and the largest, `reach` outputs away.
    static Index span(const Index* taps, Index n, Index stride, Index& first, Index& reach) {
        Index last = first = taps[0];
        for (Index t = 1; t < n; t++) first = least(first, taps[t]), last = most(last, taps[t]);
        reach = (last - first) / stride;
        return least(stride, last - first + 1);
    }
    Index residue(Index t) const { return (q_.ty[t] - y0) % q_.sy * across_ + (q_.tx[t] - x0) % q_.sx; }

    const Correlation<T>& q_;
    Index across_;                          // residues next to each other
    Buffer<Index> plane_of_, residue_of_;   // of a tap, of a plane
};

}  // namespace pyconvnet::PYCONVNET_ISA
