// Input pixel y is met by output row oy through tap i where
//
//     y = oy sh - ph + i dh.
//
// So for the pixels y = q sh + r of one residue r, the taps with (r + ph - i dh) divisible by sh contribute, from
//
//     oy = q + (r + ph - i dh) / sh:
//
// one correlation of g with stride 1 for each pair of residues; then their pictures are interleaved.
#include "buffer.hpp"
#include "choose.hpp"
#include "conv.hpp"
#include "correlate.hpp"
#include "depthwise.hpp"
#include "micro.hpp"
#include "pairs.hpp"
#include "transpose.hpp"
#include "winograd.hpp"

namespace pyconvnet::PYCONVNET_ISA {
namespace {

// A[m = c][k = (o, tap)] = w[o][c][tap], in blocks of rows.
template <class T>
void pack(const T* w, Index outs, Index c, Index kernel, const Index* tap, Index taps, T* A) {
    const Index K = outs * taps;
    parallel(ceil_div(c, ROWS), K * c > 20000, [=](Index block) {
        const Index m0 = block * ROWS, height = block_rows(m0, c), rows = least(height, c - m0);
        T* a = A + m0 * K;
        if (rows < height) zero(a, K * height);
        for (Index o = 0; o < outs; o++, a += taps * height) {
            const T* from = w + (o * c + m0) * kernel;
            if (taps == kernel) {
                transpose(from, kernel, rows, kernel, a, height);
            } else {
                for (Index r = 0; r < rows; r++)
                    for (Index t = 0; t < taps; t++) a[t * height + r] = from[r * kernel + tap[t]];
            }
        }
    });
}

constexpr Index TOGETHER = 8 << 20;   // bytes of pictures of residues held at a time

// The pictures [n, c, height(ry), width(rx)] of all residues of a few images, one after the other.
struct Residues {
    Index sh, sw, h, w, planes;   // planes: n c
    Index height(Index ry) const { return ceil_div(h - ry, sh); }
    Index width(Index rx) const { return ceil_div(w - rx, sw); }
    Index at(Index ry, Index rx) const {
        const Index rows = h / sh * ry + least(h % sh, ry), columns = w / sw * rx + least(w % sw, rx);
        return planes * (rows * w + height(ry) * columns);   // all rows, and columns, of the residues before
    }
};

// to[y][x] = residue (y % sh, x % sw) [y / sh][x / sw], plane by plane.
template <class T>
void join(const Residues& s, const T* from, T* to) {
    parallel(s.planes, s.planes * s.h * s.w > 50000, [=](Index plane) {
        for (Index y = 0; y < s.h; y++) {
            const Index ry = y % s.sh, row = plane * s.height(ry) + y / s.sh;
            T* line = to + (plane * s.h + y) * s.w;
            if (s.sw == 1) copy(line, from + s.at(ry, 0) + row * s.w, s.w);
            else if (s.sw == 2 && s.w > 1)
                interleave(from + s.at(ry, 0) + row * s.width(0), from + s.at(ry, 1) + row * s.width(1), s.w,
                           line);
            else
                for (Index rx = 0; rx < least(s.sw, s.w); rx++) {
                    const T* r = from + s.at(ry, rx) + row * s.width(rx);
                    for (Index x = rx; x < s.w; x += s.sw) line[x] = *r++;
                }
        }
    });
}

// With stride 1 the transpose of a correlation is the correlation of g with the turned kernel, padded by the kernel's
// size less one less the padding.
bool by_winograd(const ConvShape& s, const float* g, const float* w, float* dx) {
    const Window& k = s.at;
    const Index c = s.c / s.groups, f = s.f / s.groups;
    bool finite = true;
    for (Index group = 0; finite && group < s.groups; group++)
        finite = winograd_conv({g + group * f * k.oh * k.ow, s.n, f, k.oh, k.ow, s.f * k.oh * k.ow,
                                dx + group * c * k.h * k.w, c, k.h, k.w, s.c * k.h * k.w, 2 - k.ph, 2 - k.pw,
                                w + group * f * c * 9, 9, c * 9, true});
    return finite;
}
bool by_winograd(const ConvShape&, const double*, const double*, double*) { return false; }

}  // namespace

template <class T>
void conv_input(const ConvShape& s, const T* g, const T* w, T* dx) {
    const Algorithm algorithm = choose(s, Operation::input, sizeof(T) == sizeof(float));
    if (algorithm == Algorithm::depthwise && s.f == s.c && s.at.sh == 1 && s.at.sw == 1)
        return depthwise_input(s, g, w, dx);
    if (algorithm == Algorithm::winograd && by_winograd(s, g, w, dx)) return;
    const Window& k = s.at;
    const Index c = s.c / s.groups, f = s.f / s.groups, kernel = k.kh * k.kw;
    const bool strided = k.sh > 1 || k.sw > 1;
    const Index together =
        strided ? most<Index>(1, least(s.n, TOGETHER / (s.c * k.h * k.w * Index(sizeof(T))))) : s.n;
    Buffer<Index> ty(kernel), tx(kernel), tap(kernel);
    Buffer<T> A(padded_rows(c) * f * kernel), pictures(strided ? together * s.c * k.h * k.w : 0);
    for (Index n0 = 0; n0 < s.n; n0 += together) {
        const Index n = least(together, s.n - n0);
        const Residues residues{k.sh, k.sw, k.h, k.w, n * s.c};
        T* to = dx + n0 * s.c * k.h * k.w;
        for (Index ry = 0; ry < least(k.sh, k.h); ry++)
            for (Index rx = 0; rx < least(k.sw, k.w); rx++) {
                const Index oh = residues.height(ry), ow = residues.width(rx);
                T* out = strided ? pictures + residues.at(ry, rx) : to;
                Index taps = 0;
                for (Index i = 0; i < k.kh; i++)
                    for (Index j = 0; j < k.kw; j++) {
                        const Index y = ry + k.ph - i * k.dh, x = rx + k.pw - j * k.dw;
                        if (y % k.sh || x % k.sw) continue;
                        ty[taps] = y / k.sh, tx[taps] = x / k.sw, tap[taps] = i * k.kw + j;
                        taps++;
                    }
                if (taps == 0) zero(out, n * s.c * oh * ow);   // no tap reaches these pixels
                for (Index group = 0; taps && group < s.groups; group++) {
                    pack<T>(w + group * f * c * kernel, f, c, kernel, tap, taps, A);
                    correlate(Correlation<T>{g + (n0 * s.f + group * f) * k.oh * k.ow, n, f, k.oh, k.ow,
                                             s.f * k.oh * k.ow, out + group * c * oh * ow, c, oh, ow,
                                             s.c * oh * ow, 1, 1, taps, ty, tx, A});
                }
            }
        if (strided) join<T>(residues, pictures, to);
    }
}

template void conv_input<float>(const ConvShape&, const float*, const float*, float*);
template void conv_input<double>(const ConvShape&, const double*, const double*, double*);

}  // namespace pyconvnet::PYCONVNET_ISA
