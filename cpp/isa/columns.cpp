// cols[plane][i, j][oy, ox] = x[plane][oy sh - ph + i dh][ox sw - pw + j dw], 0 in the padding; row by row.
#include "columns.hpp"

#include "buffer.hpp"
#include "inside.hpp"

namespace pyconvnet::PYCONVNET_ISA {

template <class T>
void im2col(Index planes, const Window& k, const T* x, T* cols) {
    const Index taps = k.kh * k.kw, area = k.oh * k.ow;
    parallel(planes, planes * taps * area > 50000, [=](Index plane) {
        T* to = cols + plane * taps * area;
        for (Index i = 0; i < k.kh; i++)
            for (Index j = 0; j < k.kw; j++) {
                const Index offset = j * k.dw - k.pw;
                const Inside in(k.ow, k.sw, offset, k.w);
                for (Index oy = 0; oy < k.oh; oy++, to += k.ow) {
                    const Index y = oy * k.sh - k.ph + i * k.dh;
                    if (y < 0 || y >= k.h) {
                        zero(to, k.ow);
                        continue;
                    }
                    const T* from = x + (plane * k.h + y) * k.w;
                    zero(to, in.first);
                    if (k.sw == 1) copy(to + in.first, from + in.first + offset, in.last - in.first);
                    else
                        for (Index ox = in.first; ox < in.last; ox++) to[ox] = from[ox * k.sw + offset];
                    zero(to + in.last, k.ow - in.last);
                }
            }
    });
}

template <class T>
void col2im(Index planes, const Window& k, const T* cols, T* x) {
    const Index taps = k.kh * k.kw, area = k.oh * k.ow;
    parallel(planes, planes * taps * area > 50000, [=](Index plane) {
        const T* from = cols + plane * taps * area;
        T* to = x + plane * k.h * k.w;
        zero(to, k.h * k.w);
        for (Index i = 0; i < k.kh; i++)
            for (Index j = 0; j < k.kw; j++) {
                const Index offset = j * k.dw - k.pw;
                const Inside in(k.ow, k.sw, offset, k.w);
                for (Index oy = 0; oy < k.oh; oy++, from += k.ow) {
                    const Index y = oy * k.sh - k.ph + i * k.dh;
                    if (y < 0 || y >= k.h) continue;
                    T* row = to + y * k.w;
                    if (k.sw == 1)
                        for (Index ox = in.first; ox < in.last; ox++) row[ox + offset] += from[ox];
                    else
                        for (Index ox = in.first; ox < in.last; ox++) row[ox * k.sw + offset] += from[ox];
                }
            }
    });
}

template void im2col<float>(Index, const Window&, const float*, float*);
template void im2col<double>(Index, const Window&, const double*, double*);
template void col2im<float>(Index, const Window&, const float*, float*);
template void col2im<double>(Index, const Window&, const double*, double*);

}  // namespace pyconvnet::PYCONVNET_ISA
