// A task is a channel of all pictures: whatever rows add to a plane, one task does it, in their order.
#include "planes.hpp"

#include "buffer.hpp"

namespace pyconvnet::PYCONVNET_ISA {
namespace {

constexpr double WORTHWHILE = 30000;   // values

// body(row, channel, position of its plane in x, of its first value among the rows') over all of a task, which is a
// channel, or where each picture is a row of its own a plane.
template <class Body>
bool all_rows(const PlanesShape& s, const Index* image, const Body& body) {
    bool outside = false;
    const bool own = s.own_rows;
    parallel(own ? s.n * s.c : s.c, double(s.rows) * s.c * s.points > WORTHWHILE, [&](Index task) {
        const Index c = own ? task % s.c : task, first = own ? task / s.c : 0, last = own ? first + 1 : s.rows;
        bool wrong = false;
        for (Index r = first; r < last; r++) {
            if (image[r] < 0 || image[r] >= s.n) {
                wrong = true;
                continue;
            }
            wrong |= body((image[r] * s.c + c) * s.plane, (r * s.c + c) * s.points);
        }
        if (wrong) __atomic_store_n(&outside, true, __ATOMIC_RELAXED);
    });
    return !outside;
}

}  // namespace

template <class T, class I>
bool gather_planes(const PlanesShape& s, const Index* image, const I* chosen, const T* x, T* y) {
    return all_rows(s, image, [=](Index plane, Index row) {
        bool wrong = false;
        for (Index i = row; i < row + s.points; i++) {
            const bool inside = static_cast<std::uint64_t>(chosen[i]) < static_cast<std::uint64_t>(s.plane);
            wrong |= !inside;
            y[i] = inside ? x[plane + chosen[i]] : T(0);
        }
        return wrong;
    });
}

template <class T, class I>
bool scatter_planes(const PlanesShape& s, const Index* image, const I* chosen, const T* g, T* x) {
    const Index planes = s.n * s.c;
    parallel(planes, double(planes) * s.plane > WORTHWHILE, [=](Index p) { zero(x + p * s.plane, s.plane); });
    return all_rows(s, image, [=](Index plane, Index row) {
        bool wrong = false;
        for (Index i = row; i < row + s.points; i++) {
            const bool inside = static_cast<std::uint64_t>(chosen[i]) < static_cast<std::uint64_t>(s.plane);
            wrong |= !inside;
            if (inside) x[plane + chosen[i]] += g[i];
        }
        return wrong;
    });
}

namespace {

template <class T>
struct Number {
    using type = std::int32_t;
};
template <>
struct Number<double> {
    using type = std::int64_t;
};

}  // namespace

// Lanes are channels, which lie side by side in a channels-last copy: a bin is one sweep over its pixels.
template <class T>
void roi_pool_indices(const PlanesShape& s, Index width, Index bins_h, Index bins_w, const Index* image,
                      const Index* bins, const T* x, T lowest, Index* chosen) {
    using V = Vec<T>;
    using I = typename Number<T>::type;   // as wide as T
    typedef I Positions __attribute__((vector_size(sizeof(typename V::type))));
    constexpr Index L = V::lanes;
    const Index groups = ceil_div(s.c, L), row = groups * L;
    Buffer<T> memory(s.n * s.plane * row);
    T* copy_of = memory;
    parallel(s.n, double(s.n) * s.plane * s.c > WORTHWHILE, [=](Index n) {
        for (Index p = 0; p < s.plane; p++)
            for (Index c = 0; c < row; c++)
                copy_of[(n * s.plane + p) * row + c] = c < s.c ? x[(n * s.c + c) * s.plane + p] : lowest;
    });
    parallel(s.rows, double(s.rows) * s.c * bins_h * bins_w > 3000, [=](Index r) {
        const Index *top = bins + r * 2 * (bins_h + bins_w), *bottom = top + bins_h, *left = bottom + bins_h,
                    *right = left + bins_w;
        const T* from = copy_of + image[r] * s.plane * row;
        Index* to = chosen + r * s.c * bins_h * bins_w;
        for (Index i = 0; i < bins_h; i++)
            for (Index j = 0; j < bins_w; j++)
                for (Index group = 0; group < groups; group++) {
                    typename V::type best = V::broadcast(lowest);
                    Positions at = Positions{} - 1;
                    for (Index y = top[i]; y < bottom[i]; y++)
                        for (Index p = y * width + left[j]; p < y * width + right[j]; p++) {
                            const auto value = V::load(from + p * row + group * L);
                            const auto better = value > best;   // of NaN: no
                            best = better ? value : best;
                            at = better ? Positions{} + static_cast<I>(p) : at;
                        }
                    for (Index lane = 0; lane < least(L, s.c - group * L); lane++)
                        to[((group * L + lane) * bins_h + i) * bins_w + j] = at[lane];
                }
    });
}

#define INSTANTIATE(T)                                                                                               \
    template bool gather_planes<T, Index>(const PlanesShape&, const Index*, const Index*, const T*, T*);             \
    template bool gather_planes<T, std::int32_t>(const PlanesShape&, const Index*, const std::int32_t*, const T*,    \
                                                 T*);                                                                \
    template bool scatter_planes<T, Index>(const PlanesShape&, const Index*, const Index*, const T*, T*);            \
    template bool scatter_planes<T, std::int32_t>(const PlanesShape&, const Index*, const std::int32_t*, const T*,   \
                                                  T*);                                                               \
    template void roi_pool_indices<T>(const PlanesShape&, Index, Index, Index, const Index*, const Index*, const T*, \
                                      T, Index*);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace pyconvnet::PYCONVNET_ISA
