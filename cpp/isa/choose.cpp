#include "choose.hpp"

#include "micro.hpp"

namespace pyconvnet::PYCONVNET_ISA {
namespace {

constexpr Index L = Vec<float>::lanes;

struct Cycles {
    double direct, winograd;
};

// Two multiply-adds of vectors a cycle; a transform of a vector of tiles takes about 200, reading, writing
// and shuffling included. The constants were fitted on the layers of benchmarks/conv.py.

// n pictures of c channels to pictures [m, h, w].
Cycles correlation(Index n, Index c, Index m, Index h, Index w) {
    const Index ty = ceil_div(h, 4), tx = ceil_div(w, 4), rows = padded_rows(m);
    const auto by = [&](Index transformed, Index multiplied) {   // vectors of tiles
        return 18.0 * c * rows * multiplied + 200.0 * c * transformed + 220.0 * m * multiplied;
    };
    const double tiles = by(n * ty * ceil_div(tx, L), ceil_div(n * ty * tx, L));   // lanes are tiles of a row
    const Index images = ceil_div(n, L) * ty * tx;                                 // lanes are images
    const double weights = 10.0 * c * m, start = 2e4;
    // Rows that are no whole vectors: their columns are packed, or padding columns are computed too
    // (correlate.cpp).
    const double packed = rows / 2.0 + 2.5 * (w >= L ? 1.5 : double(L) / w + 0.5),
                 wide = rows / 2.0 * (w + 2) / w;
    const double vector = w % L ? least(packed, wide) : rows / 2.0;
    return {9.0 * c * n * h * w / L * vector, least(tiles, by(images, images)) + weights + start};
}

Cycles weight_gradient(Index n, Index c, Index f, Index h, Index w) {
    const Index cv = ceil_div(c, L), fv = ceil_div(f, L), rows = padded_rows(f);
    const double tiles = double(n) * ceil_div(h, 4) * ceil_div(w, 4), pixels = double(n) * h * w;
    return {pixels * (3.0 * ceil_div(3 * c, L) * rows / 2 + 0.6 * (c + f)),
            tiles * (18.0 * cv * ceil_div(f, ROWS) * ROWS + 230.0 * (cv + fv)) + 40.0 * cv * f};
}

}  // namespace

Algorithm choose(const ConvShape& s, Operation what, bool is_float) {
    const Window& k = s.at;
    const Index c = s.c / s.groups, f = s.f / s.groups;
    if (s.groups > 1 && c == 1) return Algorithm::depthwise;
    const bool possible =
        is_float && k.kh == 3 && k.kw == 3 && k.sh == 1 && k.sw == 1 && k.dh == 1 && k.dw == 1;
    // The tiles of a row are transformed at once: very wide pictures of many channels would take much memory.
    const bool bounded = double(c + f) * most(k.w, k.ow) <= (1 << 18);
    if (!possible || !bounded || winograd_use() == Winograd::never) return Algorithm::direct;
    if (winograd_use() == Winograd::always) return Algorithm::winograd;
    const Cycles cycles = what == Operation::forward ? correlation(s.n, c, f, k.oh, k.ow)
                          : what == Operation::input ? correlation(s.n, f, c, k.h, k.w)
                                                     : weight_gradient(s.n, c, f, k.oh, k.ow);
    const bool accurate =
        (what == Operation::forward ? c : f) <= 640 || what == Operation::weight;   // short sums
    return accurate && cycles.winograd < 0.85 * cycles.direct ? Algorithm::winograd : Algorithm::direct;
}

}  // namespace pyconvnet::PYCONVNET_ISA
