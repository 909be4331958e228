// y[n, f, oy, ox] = sum over c, i, j of x[n, c, oy sh - ph + i dh, ox sw - pw + j dw] w[f, c, i, j]:
// one correlation for each group, whose taps are the kernel's.
#include "conv.hpp"

#include "buffer.hpp"
#include "choose.hpp"
#include "correlate.hpp"
#include "depthwise.hpp"
#include "micro.hpp"
#include "transpose.hpp"
#include "winograd.hpp"

namespace pyconvnet::PYCONVNET_ISA {
namespace {

bool by_winograd(const ConvShape& s, const float* x, const float* w, float* y) {
    const Window& k = s.at;
    const Index c = s.c / s.groups, f = s.f / s.groups;
    bool finite = true;
    for (Index group = 0; finite && group < s.groups; group++)
        finite = winograd_conv({x + group * c * k.h * k.w, s.n, c, k.h, k.w, s.c * k.h * k.w,
                                y + group * f * k.oh * k.ow, f, k.oh, k.ow, s.f * k.oh * k.ow, k.ph, k.pw,
                                w + group * f * c * 9, c * 9, 9, false});
    return finite;
}
bool by_winograd(const ConvShape&, const double*, const double*, double*) { return false; }

}  // namespace

template <class T>
void conv(const ConvShape& s, const T* x, const T* w, T* y) {
    const Algorithm algorithm = choose(s, Operation::forward, sizeof(T) == sizeof(float));
    if (algorithm == Algorithm::depthwise) return depthwise(s, x, w, y);
    if (algorithm == Algorithm::winograd && by_winograd(s, x, w, y)) return;
    const Window& k = s.at;
    const Index c = s.c / s.groups, f = s.f / s.groups, taps = k.kh * k.kw, K = c * taps;
    Buffer<Index> ty(taps), tx(taps);
    for (Index i = 0, t = 0; i < k.kh; i++)
        for (Index j = 0; j < k.kw; j++, t++) ty[t] = i * k.dh - k.ph, tx[t] = j * k.dw - k.pw;
    Buffer<T> A(padded_rows(f) * K);
    for (Index group = 0; group < s.groups; group++) {
        const T* wg = w + group * f * K;
        T* packed = A;
        parallel(ceil_div(f, ROWS), f * K > 20000, [=](Index block) {
            const Index m0 = block * ROWS, height = block_rows(m0, f), rows = least(height, f - m0);
            if (rows < height) zero(packed + m0 * K, K * height);
            transpose(wg + m0 * K, K, rows, K, packed + m0 * K, height);
        });
        correlate(Correlation<T>{x + group * c * k.h * k.w, s.n, c, k.h, k.w, s.c * k.h * k.w,
                                 y + group * f * k.oh * k.ow, f, k.oh, k.ow, s.f * k.oh * k.ow, k.sh, k.sw,
                                 taps, ty, tx, A});
    }
}

template void conv<float>(const ConvShape&, const float*, const float*, float*);
template void conv<double>(const ConvShape&, const double*, const double*, double*);

}  // namespace pyconvnet::PYCONVNET_ISA
