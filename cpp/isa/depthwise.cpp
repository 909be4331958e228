#include "depthwise.hpp"

#include "buffer.hpp"
#include "depthwise3x3.hpp"
#include "inside.hpp"

namespace pyconvnet::PYCONVNET_ISA {
namespace {

// A zero-padded copy of one plane; each row is split into its sw residues, so that neighbours in ox lie side
// by side: input pixel (y, x) of the padded plane is at row y, residue x % sw, column x / sw.
template <class T>
struct Padded {
    Index rows, residues, segment,
        row;   // segment: columns of a residue, rounded up so that a whole vector may be read
    explicit Padded(const Window& k) {
        rows = (k.oh - 1) * k.sh + (k.kh - 1) * k.dh + 1;
        residues = least(k.sw, (k.kw - 1) * k.dw + 1);   // of those that a tap reads
        segment = k.ow + (k.kw - 1) * k.dw / k.sw + Vec<T>::lanes;
        row = residues * segment;
    }
    Index size() const { return rows * row + Vec<T>::lanes; }
    Index tap(const Window& k, Index i, Index j) const {
        return i * k.dh * row + j * k.dw % k.sw * segment + j * k.dw / k.sw;
    }
    // The border is cleared once and stays clear from plane to plane.
    void clear(T* to) const { zero(to, size()); }
    void fill(const Window& k, const T* x, T* to) const {
        for (Index r = most<Index>(0, k.ph); r < least(rows, k.h + k.ph); r++)
            for (Index residue = 0; residue < residues; residue++) {
                const Index x0 = residue - k.pw;   // column q holds pixel q sw + x0
                const Inside in(segment, k.sw, x0, k.w);
                T* row_of_residue = to + r * row + residue * segment;
                const T* from = x + (r - k.ph) * k.w + x0;
                if (k.sw == 1) copy(row_of_residue + in.first, from + in.first, in.last - in.first);
                else
                    for (Index q = in.first; q < in.last; q++) row_of_residue[q] = from[q * k.sw];
            }
    }
};

// out[y][x] = sum over taps of w[tap] band[y sh row + x + offset[tap]]
template <class T>
void sweep(const Window& k, const Padded<T>& shape, const T* band, const Index* offset, const T* w, T* out) {
    using V = Vec<T>;
    const Index taps = k.kh * k.kw, down = k.sh * shape.row;
    for (Index y = 0; y < k.oh; y += 4) {
        const Index rows = least<Index>(4, k.oh - y);
        for (Index x = 0; x < k.ow; x += V::lanes) {
            const T* from = band + y * down + x;
            typename V::type sum[4] = {};
            if (rows == 4) {
                for (Index t = 0; t < taps; t++) {
                    const auto weight = V::broadcast(w[t]);
                    for (Index i = 0; i < 4; i++) sum[i] += weight * V::load(from + offset[t] + i * down);
                }
            } else {
                for (Index t = 0; t < taps; t++)
                    for (Index i = 0; i < rows; i++)
                        sum[i] += V::broadcast(w[t]) * V::load(from + offset[t] + i * down);
            }
            const Index n = least(V::lanes, k.ow - x);
            for (Index i = 0; i < rows; i++) {
                T* to = out + (y + i) * k.ow + x;
                if (n == V::lanes) V::store(to, sum[i]);
                else __builtin_memcpy(to, &sum[i], n * sizeof(T));
            }
        }
    }
}

bool is_3x3(const Window& k) {
    return k.kh == 3 && k.kw == 3 && k.sh == 1 && k.sw == 1 && k.dh == 1 && k.dw == 1;
}
bool worthwhile(const ConvShape& s) { return 2.0 * s.n * s.f * s.at.oh * s.at.ow * s.at.kh * s.at.kw > 5e5; }

}  // namespace

template <class T>
void depthwise(const ConvShape& s, const T* x, const T* w, T* y) {
    const Window& k = s.at;
    const Index per = s.f / s.c, taps = k.kh * k.kw;
    const Padded<T> shape(k);
    Buffer<Index> offset(taps);
    for (Index t = 0; t < taps; t++) offset[t] = shape.tap(k, t / k.kw, t % k.kw);
    const Index* offsets = offset;
    const Index planes = s.n * s.c, step = most<Index>(1, 16384 / (k.oh * k.ow));
    parallel(ceil_div(planes, step), worthwhile(s), [&](Index task) {
        Buffer<T> band(shape.size());
        shape.clear(band);
        for (Index nc = task * step; nc < least(planes, (task + 1) * step); nc++) {
            shape.fill(k, x + nc * k.h * k.w, band);
            for (Index m = 0; m < per; m++) {
                const Index f = nc % s.c * per + m;
                T* to = y + (nc / s.c * s.f + f) * k.oh * k.ow;
                if (is_3x3(k)) sweep3x3<T>(k.oh, k.ow, shape.row, band, w + f * taps, to);
                else sweep<T>(k, shape, band, offsets, w + f * taps, to);
            }
        }
    });
}

// With stride 1 the transpose of a correlation is the correlation of g with the flipped filter,
// padded by the kernel's extent less the padding (negative: g is cropped, which Padded::fill does as well).
template <class T>
void depthwise_input(const ConvShape& s, const T* g, const T* w, T* dx) {
    const Window& k = s.at;
    const Index taps = k.kh * k.kw;
    Buffer<T> flipped(s.c * taps);
    for (Index c = 0; c < s.c; c++)
        for (Index t = 0; t < taps; t++) flipped[c * taps + t] = w[c * taps + taps - 1 - t];
    ConvShape back = s;
    back.at = {k.oh, k.ow, k.kh, k.kw, 1, 1, (k.kh - 1) * k.dh - k.ph, (k.kw - 1) * k.dw - k.pw,
               k.dh, k.dw, k.h,  k.w};
    depthwise<T>(back, g, flipped, dx);
}

template <class T>
void depthwise_weight(const ConvShape& s, const T* g, const T* x, T* dw) {
    using V = Vec<T>;
    const Window& k = s.at;
    const Index per = s.f / s.c, taps = k.kh * k.kw, whole = k.ow / V::lanes * V::lanes, rest = k.ow - whole;
    const Padded<T> shape(k);
    parallel(s.c, worthwhile(s), [&](Index c) {
        Buffer<T> band(shape.size()), sums(per * taps * V::lanes);
        shape.clear(band);
        zero<T>(sums, per * taps * V::lanes);
        for (Index n = 0; n < s.n; n++) {
            shape.fill(k, x + (n * s.c + c) * k.h * k.w, band);
            for (Index m = 0; m < per; m++) {
                if (is_3x3(k)) {
                    correlate3x3<T>(k.oh, k.ow, shape.row, band, g + (n * s.f + c * per + m) * k.oh * k.ow,
                                    sums + m * taps * V::lanes);
                    continue;
                }
                for (Index t = 0; t < taps; t++) {
                    const T* gradient = g + (n * s.f + c * per + m) * k.oh * k.ow;
                    const T* from = band + shape.tap(k, t / k.kw, t % k.kw);
                    T* sum = sums + (m * taps + t) * V::lanes;
                    auto a = V::load(sum), b = typename V::type{};
                    for (Index y = 0; y < k.oh; y++, gradient += k.ow, from += k.sh * shape.row) {
                        Index at = 0;
                        for (; at + 2 * V::lanes <= whole; at += 2 * V::lanes) {
                            a += V::load(gradient + at) * V::load(from + at);
                            b += V::load(gradient + at + V::lanes) * V::load(from + at + V::lanes);
                        }
                        if (at < whole) a += V::load(gradient + at) * V::load(from + at);
                        if (rest) {   // by way of zeros: a lane that has no pixel must not meet an infinity
                            T left[V::lanes] = {}, right[V::lanes] = {};
                            copy<T>(left, gradient + whole, rest);
                            copy<T>(right, from + whole, rest);
                            b += V::load(left) * V::load(right);
                        }
                    }
                    V::store(sum, a + b);
                }
            }
        }
        for (Index e = 0; e < per * taps; e++) {
            T sum = 0;
            for (Index lane = 0; lane < V::lanes; lane++) sum += sums[e * V::lanes + lane];
            dw[c * per * taps + e] = sum;
        }
    });
}

template void depthwise<float>(const ConvShape&, const float*, const float*, float*);
template void depthwise<double>(const ConvShape&, const double*, const double*, double*);
template void depthwise_input<float>(const ConvShape&, const float*, const float*, float*);
template void depthwise_input<double>(const ConvShape&, const double*, const double*, double*);
template void depthwise_weight<float>(const ConvShape&, const float*, const float*, float*);
template void depthwise_weight<double>(const ConvShape&, const double*, const double*, double*);

}  // namespace pyconvnet::PYCONVNET_ISA
