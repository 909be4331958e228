// y[n, f, oy, ox] = sum over c, i, j of x[n, c, oy sh - ph + i dh, ox sw - pw + j dw] w[f, c, i, j]:
// one correlation for each group, whose taps are the kernel's.
#include "conv.hpp"

#include "buffer.hpp"
#include "correlate.hpp"
#include "depthwise.hpp"
#include "micro.hpp"
#include "transpose.hpp"

namespace pyconvnet::PYCONVNET_ISA {

template <class T>
void conv(const ConvShape& s, const T* x, const T* w, T* y) {
    if (is_depthwise(s)) return depthwise(s, x, w, y);
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
        correlate(Correlation<T>{x + group * c * k.h * k.w,
                                 s.n,
                                 c,
                                 k.h,
                                 k.w,
                                 s.c * k.h * k.w,
                                 y + group * f * k.oh * k.ow,
                                 f,
                                 k.oh,
                                 k.ow,
                                 s.f * k.oh * k.ow,
                                 k.oh,
                                 k.ow,
                                 1,
                                 1,
                                 0,
                                 0,
                                 k.sh,
                                 k.sw,
                                 taps,
                                 ty,
                                 tx,
                                 A});
    }
}

template void conv<float>(const ConvShape&, const float*, const float*, float*);
template void conv<double>(const ConvShape&, const double*, const double*, double*);

}  // namespace pyconvnet::PYCONVNET_ISA
