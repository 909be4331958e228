#include "choose.hpp"

#include "correlate_images.hpp"
#include "micro.hpp"
#include "winograd_tiling.hpp"

namespace pyconvnet::PYCONVNET_ISA {
namespace {

constexpr Index L = Vec<float>::lanes;

struct Cycles {
    double direct, winograd;
};

// Two multiply-adds of vectors a cycle; a transform of a vector of tiles takes about 200, reading, writing and shuffling
// included. The constants were fitted on the layers of benchmarks/conv.py and checked on others; estimates err by some
// percent, so Winograd must promise 15 % (0.85 below): it costs digits, too.

// n pictures of c channels to pictures [m, h, w].
Cycles correlation(Index n, Index c, Index m, Index h, Index w) {
    WinogradConv q{};
    q.n = n, q.c = c, q.m = m, q.oh = h, q.ow = w;
    const double weights = 10.0 * c * m, start = 2e4;
    const double direct = least(cycles_by_rows(L, n, 9 * c, c, m, h, w, 2),
                                cycles_by_images(L, n, 9 * c, c, m, h, w, h * w));
    return {direct, tiling::plan(q).cycles + weights + start};
}

Cycles weight_gradient(Index n, Index c, Index f, Index h, Index w) {
    const Index cv = ceil_div(c, L), fv = ceil_div(f, L);
    const double tiles = double(n) * ceil_div(h, 4) * ceil_div(w, 4), pixels = double(n) * h * w;
    const double twice = 2.0 * c * w / 65536;   // rows of many channels (in 64 KB none stay) are copied for each tap's row
    return {pixels * (1.5 * ceil_div(3 * c, L) * padded_rows(f) + 0.6 * (c * (1 + least(2.0, twice)) + f)),
            tiles * (18.0 * cv * ceil_div(f, ROWS) * ROWS + 230.0 * (cv + fv)) + 40.0 * cv * f};
}

}  // namespace

Algorithm choose(const ConvShape& s, Operation what, bool is_float) {
    const Window& k = s.at;
    const Index c = s.c / s.groups, f = s.f / s.groups;
    if (s.groups > 1 && c == 1) return Algorithm::depthwise;
    const bool possible =
        s.n > 0 && is_float && k.kh == 3 && k.kw == 3 && k.sh == 1 && k.sw == 1 && k.dh == 1 && k.dw == 1;
    // The tiles of a row are transformed at once: very wide pictures of many channels would take much memory.
    const bool bounded = double(c + f) * most(k.w, k.ow) <= (1 << 18);
    if (!possible || !bounded || winograd_use() == Winograd::never) return Algorithm::direct;
    if (winograd_use() == Winograd::always) return Algorithm::winograd;
    const Cycles cycles = what == Operation::forward ? correlation(s.n, c, f, k.oh, k.ow)
                          : what == Operation::input ? correlation(s.n, f, c, k.h, k.w)
                                                     : weight_gradient(s.n, c, f, k.oh, k.ow);
    // The error grows with the root of the number of channels: 4.8e-6 of the sums at 512.
    const bool accurate = (what == Operation::forward ? c : f) <= 512 || what == Operation::weight;
    return accurate && cycles.winograd < 0.85 * cycles.direct ? Algorithm::winograd : Algorithm::direct;
}

}  // namespace pyconvnet::PYCONVNET_ISA
