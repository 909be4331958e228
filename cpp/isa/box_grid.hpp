// Where in the plane the kept boxes are, so that a candidate meets only those that can overlap it enough.
//
// IoU > t needs an overlap wider than t max(w, w'), and it is at most (w + w') / 2 - |c - c'| for centres c, c':
//
//     |c - c'| < (w + w') / 2 - t max(w, w')     and  w' < w / t,     so     |c - c'| < w max(1 - t, (1 / t - 1) / 2).
//
// Likewise for heights. A box stands in the cell of its centre; a candidate looks into the cells within that reach.
// The reach is widened by a hundredth of a box, more than all the roundings of a computed IoU amount to (at t = 1,
// boxes equal but for rounding), so nothing is missed.
#pragma once
#include "boxes.hpp"
#include "buffer.hpp"

namespace pyconvnet::PYCONVNET_ISA {

// A box that the estimate holds for: an area far from underflow, and finite.
template <class T>
inline bool is_ordinary(const Box<T>& b) {
    constexpr double LEAST = sizeof(T) == 4 ? 1e-30 : 1e-280, MOST = sizeof(T) == 4 ? 1e30 : 1e280;
    return b.x2 > b.x1 && b.y2 > b.y1 && b.area > LEAST && b.area < MOST;
}

// One axis of the grid: cells over the centres of the ordinary boxes, each about as long as a box.
struct Axis {
    Index cells;
    double first, per_cell;
    Axis(double low, double high, double mean, Index most_cells) : cells(1), first(low), per_cell(0) {
        const double length = high - low, wanted = length / mean;
        if (!(wanted >= 1)) return;
        cells = wanted < static_cast<double>(most_cells) ? static_cast<Index>(wanted) : most_cells;
        per_cell = static_cast<double>(cells) / length;
    }
    Index cell(double centre) const {   // grows with the centre, whatever the rounding
        const double at = (centre - first) * per_cell;
        return at > 0 ? (at < static_cast<double>(cells - 1) ? static_cast<Index>(at) : cells - 1) : 0;
    }
};

template <class T>
struct Span {   // a box along one axis
    double centre, length;
    Span(T a, T b) : centre(a + (double(b) - a) / 2), length(double(b) - a) {}
};

template <class T>
class BoxGrid {
  public:
    BoxGrid(Axis across, Axis down, double reach, Index n)
        : x_(across), y_(down), reach_(reach + 0.01), last_(x_.cells * y_.cells),
          blocks_(x_.cells * y_.cells + n / Block<T>::size + 1), before_(x_.cells * y_.cells + n / Block<T>::size + 1),
          taken_(x_.cells * y_.cells) {
        for (Index i = 0; i < x_.cells * y_.cells; i++) last_[i] = -1, taken_[i] = Block<T>::size;
    }

    void add(const Box<T>& b) {
        const Index cell = y_.cell(Span<T>(b.y1, b.y2).centre) * x_.cells + x_.cell(Span<T>(b.x1, b.x2).centre);
        if (taken_[cell] == Block<T>::size) {
            blocks_[used_].clear();
            before_[used_] = last_[cell];
            last_[cell] = used_++;
            taken_[cell] = 0;
        }
        blocks_[last_[cell]].set(taken_[cell]++, b);
    }

    // -1: the candidate would look into more than `most` cells.
    int meets(const Box<T>& b, const Candidate<T>& c, Index most) {
        Index left, right, top, bottom;
        range(x_, Span<T>(b.x1, b.x2), left, right);
        range(y_, Span<T>(b.y1, b.y2), top, bottom);
        if ((right - left + 1) * (bottom - top + 1) > most) return -1;
        for (Index y = top; y <= bottom; y++)
            for (Index x = left; x <= right; x++)
                for (Index k = last_[y * x_.cells + x]; k >= 0; k = before_[k])
                    if (c.meets(blocks_[k])) return 1;
        return 0;
    }

  private:
    void range(const Axis& axis, const Span<T>& s, Index& a, Index& b) const {
        const double away = s.centre < 0 ? -s.centre : s.centre;
        const double reach = reach_ * s.length + 1e-14 * (away + s.length);   // the rounding of two centres
        a = axis.cell(s.centre - reach), b = axis.cell(s.centre + reach);
    }

    Axis x_, y_;
    double reach_;
    Index used_ = 0;
    Buffer<Index> last_;   // of each cell: its last block, and behind that the one before
    Buffer<Block<T>> blocks_;
    Buffer<Index> before_, taken_;
};

}  // namespace pyconvnet::PYCONVNET_ISA
