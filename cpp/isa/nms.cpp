// A box is kept if no box kept before it has IoU > threshold with it. A candidate meets the kept boxes a vector at
// a time: all of them, or for many boxes those of the cells around it (box_grid.hpp). Compiled without fused
// multiply-add, so that the rounding is that of the definition.
#include "nms.hpp"

#include "box_grid.hpp"

namespace pyconvnet::PYCONVNET_ISA {
namespace {

constexpr Index MANY = 400;               // boxes from which on a grid is worth its making
constexpr double LOOSE = 0.05;            // below this threshold a candidate's reach is most of the plane
constexpr Index MOST_CELLS = 256;         // along an axis

template <class T>
class Kept {   // all kept boxes, in their order
  public:
    explicit Kept(Index n) : blocks_(n / Block<T>::size + 1) {}
    void add(const Box<T>& b) {
        constexpr Index L = Block<T>::size;
        if (n_ % L == 0) blocks_[n_ / L].clear();
        blocks_[n_ / L].set(n_ % L, b);
        n_++;
    }
    bool meets(const Candidate<T>& c, bool apart) { return c.meets(blocks_, blocks(), apart); }
    Index blocks() const { return ceil_div(n_, Block<T>::size); }

  private:
    Buffer<Block<T>> blocks_;
    Index n_ = 0;
};

template <class T>
Index sweep(Index n, const T* boxes, const Index* order, T iou_threshold, Index* keep) {
    Kept<T> kept(n);
    Index found = 0;
    for (Index o = 0; o < n; o++) {
        const Box<T> box(boxes + 4 * order[o]);
        if (kept.meets(Candidate<T>(box, iou_threshold), iou_threshold >= 0)) continue;
        kept.add(box);
        keep[found++] = order[o];
    }
    return found;
}

// The same with a grid. Boxes that its estimate does not hold for, of hardly any or of infinite area, are met by all.
template <class T>
Index sweep_cells(Index n, const T* boxes, const Index* order, T iou_threshold, Index* keep, BoxGrid<T>& grid) {
    Kept<T> kept(n), odd(n);
    Index found = 0;
    for (Index o = 0; o < n; o++) {
        const Box<T> box(boxes + 4 * order[o]);
        const Candidate<T> candidate(box, iou_threshold);
        const bool ordinary = is_ordinary(box);
        const int met = ordinary ? grid.meets(box, candidate, kept.blocks() + 1) : -1;
        if (met > 0 || (met < 0 ? kept : odd).meets(candidate, true)) continue;
        kept.add(box);
        if (ordinary) grid.add(box);
        else odd.add(box);
        keep[found++] = order[o];
    }
    return found;
}

}  // namespace

template <class T>
Index nms(Index n, const T* boxes, const Index* order, T iou_threshold, Index* keep) {
    const double t = iou_threshold;
    if (n < MANY || !(t >= LOOSE && t <= 1)) return sweep(n, boxes, order, iou_threshold, keep);
    double low[2] = {}, high[2] = {}, sum[2] = {};
    Index count = 0;
    for (Index o = 0; o < n; o++) {
        const Box<T> b(boxes + 4 * order[o]);
        if (!is_ordinary(b)) continue;
        const Span<T> spans[2] = {{b.x1, b.x2}, {b.y1, b.y2}};
        for (int i = 0; i < 2; i++) {
            low[i] = count ? least(low[i], spans[i].centre) : spans[i].centre;
            high[i] = count ? most(high[i], spans[i].centre) : spans[i].centre;
            sum[i] += spans[i].length;
        }
        count++;
    }
    Index cells = 1;
    while (cells < MOST_CELLS && cells * cells < n) cells *= 2;
    const Axis across(low[0], high[0], sum[0] / double(count), cells), down(low[1], high[1], sum[1] / double(count), cells);
    BoxGrid<T> grid(across, down, most(1 - t, (1 / t - 1) / 2), n);
    return sweep_cells(n, boxes, order, iou_threshold, keep, grid);
}

template Index nms<float>(Index, const float*, const Index*, float, Index*);
template Index nms<double>(Index, const double*, const Index*, double, Index*);

}  // namespace pyconvnet::PYCONVNET_ISA
