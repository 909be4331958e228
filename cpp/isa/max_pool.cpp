// One row of windows at a time: a running maximum and its index over the taps, in the order of the taps, so
// that > keeps the first maximum. NaN takes over whatever it meets; an index still < 0 takes any pixel (-inf
// as well).
#include "max_pool.hpp"

#include "buffer.hpp"
#include "inside.hpp"

namespace pyconvnet::PYCONVNET_ISA {
namespace {

template <class T>
struct Number;
template <>
struct Number<float> {
    using type = std::int32_t;
};   // as wide as T: the loop below then vectorises
template <>
struct Number<double> {
    using type = std::int64_t;
};

template <class T, class I>
inline void take(T value, I index, T& best, I& at) {
    const bool better = (value > best) | (value != value) | (at < 0);
    best = better ? value : best;
    at = better ? index : at;
}

// The usual pool, windows of 2 x 2 side by side: no border, all four taps in registers.
template <class T, class I>
void row_of_pairs(const T* __restrict x, Index w, Index n, I first, T* __restrict value, I* __restrict at) {
    for (Index o = 0; o < n; o++) {
        const T a = x[2 * o], b = x[2 * o + 1], c = x[2 * o + w], d = x[2 * o + w + 1];
        const I where = first + static_cast<I>(2 * o);
        T best = a;
        I k = where;
        const bool second = (b > best) | (b != b);
        best = second ? b : best, k = second ? where + 1 : k;
        const bool third = (c > best) | (c != c);
        best = third ? c : best, k = third ? where + static_cast<I>(w) : k;
        const bool fourth = (d > best) | (d != d);
        value[o] = fourth ? d : best;
        at[o] = fourth ? where + static_cast<I>(w) + 1 : k;
    }
}

template <class T, class I>
void row_of_windows(const Window& k, const T* plane, Index oy, T* __restrict best, I* __restrict at) {
    for (Index o = 0; o < k.ow; o++) best[o] = 0, at[o] = -1;
    for (Index i = 0; i < k.kh; i++) {
        const Index y = oy * k.sh - k.ph + i * k.dh;
        if (y < 0 || y >= k.h) continue;
        for (Index j = 0; j < k.kw; j++) {
            const Index offset = j * k.dw - k.pw;
            const Inside in(k.ow, k.sw, offset, k.w);
            const T* row = plane + y * k.w + offset;
            const I first = static_cast<I>(y * k.w + offset);
            if (k.sw == 1)
                for (Index o = in.first; o < in.last; o++) take(row[o], first + I(o), best[o], at[o]);
            else
                for (Index o = in.first; o < in.last; o++)
                    take(row[o * k.sw], first + I(o * k.sw), best[o], at[o]);
        }
    }
}

// row(first, find) for every row of outputs, the first of them numbered `first`: find(values, positions) writes them.
template <class T, class I, class Row>
void pool(Index planes, const Window& k, const T* x, const Row& row) {
    const bool pairs = k.kh == 2 && k.kw == 2 && k.sh == 2 && k.sw == 2 && k.dh == 1 && k.dw == 1 &&
                       k.ph == 0 && k.pw == 0 && 2 * k.oh <= k.h && 2 * k.ow <= k.w;
    parallel(planes, planes * k.oh * k.ow * k.kh * k.kw > 50000, [&](Index p) {
        const T* plane = x + p * k.h * k.w;
        for (Index oy = 0; oy < k.oh; oy++)
            row((p * k.oh + oy) * k.ow, [&](T* best, I* at) {
                if (pairs) row_of_pairs<T, I>(plane + 2 * oy * k.w, k.w, k.ow, static_cast<I>(2 * oy * k.w), best, at);
                else row_of_windows<T, I>(k, plane, oy, best, at);
            });
    });
}

template <class T, class I>
void indices_of(Index planes, const Window& k, const T* x, Index* indices) {
    pool<T, I>(planes, k, x, [&](Index first, const auto& find) {
        Buffer<T> best(k.ow);
        Buffer<I> at(k.ow);
        find(best, at);
        for (Index o = 0; o < k.ow; o++) indices[first + o] = at[o];
    });
}

}  // namespace

template <class T>
void max_pool_indices(Index planes, const Window& k, const T* x, Index* indices) {
    if (k.h * k.w < (Index(1) << 31) - 1) indices_of<T, typename Number<T>::type>(planes, k, x, indices);
    else indices_of<T, Index>(planes, k, x, indices);
}

template <class T>
void max_pool(Index planes, const Window& k, const T* x, T* y, std::int32_t* indices) {
    pool<T, std::int32_t>(planes, k, x,
                          [&](Index first, const auto& find) { find(y + first, indices + first); });
}

template void max_pool<float>(Index, const Window&, const float*, float*, std::int32_t*);
template void max_pool<double>(Index, const Window&, const double*, double*, std::int32_t*);
template void max_pool_indices<float>(Index, const Window&, const float*, Index*);
template void max_pool_indices<double>(Index, const Window&, const double*, Index*);

}  // namespace pyconvnet::PYCONVNET_ISA
