// Input pixel y is met by output row oy through tap i where  y = oy sh - ph + i dh.  So for the pixels y = q
// sh + r of one residue r, the taps with (r + ph - i dh) divisible by sh contribute, from oy = q + (r + ph -
// i dh) / sh: one correlation of g with stride 1 for each pair of residues, written to every sh-th row and
// sw-th column.
#include "buffer.hpp"
#include "choose.hpp"
#include "conv.hpp"
#include "correlate.hpp"
#include "depthwise.hpp"
#include "micro.hpp"
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

template <class T>
void zero_residue(const Correlation<T>& q) {
    for (Index n = 0; n < q.n; n++)
        for (Index m = 0; m < q.m; m++)
            for (Index y = 0; y < q.oh; y++) {
                T* row =
                    q.out + n * q.out_image + (m * q.out_h + y * q.out_sy + q.out_y0) * q.out_w + q.out_x0;
                for (Index x = 0; x < q.ow; x++) row[x * q.out_sx] = 0;
            }
}

// With stride 1 the transpose of a correlation is the correlation of g with the turned kernel, padded by the
// kernel's size less one less the padding.
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
    Buffer<Index> ty(kernel), tx(kernel), tap(kernel);
    Buffer<T> A(padded_rows(c) * f * kernel);
    for (Index group = 0; group < s.groups; group++)
        for (Index ry = 0; ry < least(k.sh, k.h); ry++)
            for (Index rx = 0; rx < least(k.sw, k.w); rx++) {
                Index taps = 0;
                for (Index i = 0; i < k.kh; i++)
                    for (Index j = 0; j < k.kw; j++) {
                        const Index y = ry + k.ph - i * k.dh, x = rx + k.pw - j * k.dw;
                        if (y % k.sh || x % k.sw) continue;
                        ty[taps] = y / k.sh, tx[taps] = x / k.sw, tap[taps] = i * k.kw + j;
                        taps++;
                    }
                const Correlation<T> q{g + group * f * k.oh * k.ow,
                                       s.n,
                                       f,
                                       k.oh,
                                       k.ow,
                                       s.f * k.oh * k.ow,
                                       dx + group * c * k.h * k.w,
                                       c,
                                       k.h,
                                       k.w,
                                       s.c * k.h * k.w,
                                       ceil_div(k.h - ry, k.sh),
                                       ceil_div(k.w - rx, k.sw),
                                       k.sh,
                                       k.sw,
                                       ry,
                                       rx,
                                       1,
                                       1,
                                       taps,
                                       ty,
                                       tx,
                                       A};
                if (taps == 0) {   // no tap reaches these pixels
                    zero_residue(q);
                    continue;
                }
                pack<T>(w + group * f * c * kernel, f, c, kernel, tap, taps, A);
                correlate(q);
            }
}

template void conv_input<float>(const ConvShape&, const float*, const float*, float*);
template void conv_input<double>(const ConvShape&, const double*, const double*, double*);

}  // namespace pyconvnet::PYCONVNET_ISA
