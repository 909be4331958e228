// Sums are taken in double, a channel by one thread in a fixed order. Elementwise parts are cut into planes.
#include "batch_norm.hpp"

#include "buffer.hpp"

namespace pyconvnet::PYCONVNET_ISA {
namespace {

using D = Vec<double>;
constexpr Index LANES = D::lanes;

inline D::type widen(const double* p) { return D::load(p); }
inline D::type widen(const float* p) {
    typedef float Half __attribute__((vector_size(LANES * sizeof(float))));
    Half v;
    __builtin_memcpy(&v, p, sizeof v);
    return __builtin_convertvector(v, D::type);
}

inline double total(D::type v) {
    double sum = 0;
    for (Index i = 0; i < LANES; i++) sum += v[i];
    return sum;
}

// Two sums of two terms each would wait for the addition before: four vectors are under way at a time.
struct Sum {
    D::type part[4] = {};
    double rest = 0;
    double value() const { return total((part[0] + part[1]) + (part[2] + part[3])) + rest; }
};

// sum += term(vector or number at i), i < n
template <class Wide, class Narrow>
inline void add(Sum& sum, Index n, const Wide& wide, const Narrow& narrow) {
    Index i = 0;
    for (; i + 4 * LANES <= n; i += 4 * LANES)
        for (Index j = 0; j < 4; j++) sum.part[j] += wide(i + j * LANES);
    for (; i + LANES <= n; i += LANES) sum.part[0] += wide(i);
    for (; i < n; i++) sum.rest += narrow(i);
}

// body(plane, channel) for all planes, several small ones in a task.
template <class Body>
inline void planes(const ChannelShape& s, const Body& body) {
    const Index n = s.n * s.c, step = most<Index>(1, 16384 / s.plane);
    parallel(ceil_div(n, step), n * s.plane > 30000, [&](Index task) {
        for (Index p = task * step; p < least(n, (task + 1) * step); p++) body(p, p % s.c);
    });
}

}  // namespace

template <class T>
void batch_norm_statistics(const ChannelShape& s, const T* x, T* mean, T* var) {
    const double m = double(s.n) * s.plane;
    parallel(s.c, m * s.c > 30000, [&](Index c) {
        Sum sum, squares;
        for (Index n = 0; n < s.n; n++) {
            const T* p = x + (n * s.c + c) * s.plane;
            add(sum, s.plane, [p](Index i) { return widen(p + i); }, [p](Index i) { return double(p[i]); });
        }
        const double mu = sum.value() / m;
        const D::type mus = D::broadcast(mu);
        for (Index n = 0; n < s.n; n++) {   // a second pass: no cancellation, whatever the mean
            const T* p = x + (n * s.c + c) * s.plane;
            add(
                squares, s.plane,
                [p, mus](Index i) {
                    const auto d = widen(p + i) - mus;
                    return d * d;
                },
                [p, mu](Index i) {
                    const double d = p[i] - mu;
                    return d * d;
                });
        }
        mean[c] = static_cast<T>(mu);
        var[c] = static_cast<T>(squares.value() / m);
    });
}

template <class T>
void batch_norm(const ChannelShape& s, const T* x, const T* mean, const T* rstd, const T* weight,
                const T* bias, T* y) {
    planes(s, [&](Index p, Index c) {
        const T mu = mean[c], scale = rstd[c] * weight[c], shift = bias[c];
        const T* __restrict from = x + p * s.plane;
        T* __restrict to = y + p * s.plane;
        for (Index i = 0; i < s.plane; i++) to[i] = (from[i] - mu) * scale + shift;
    });
}

template <class T>
void batch_norm_sums(const ChannelShape& s, const T* g, const T* x, const T* mean, const T* rstd, T* sum_g,
                     T* sum_gx) {
    parallel(s.c, double(s.n) * s.plane * s.c > 30000, [&](Index c) {
        const double mu = mean[c];
        const D::type mus = D::broadcast(mu);
        Sum of_g, of_gx;
        for (Index n = 0; n < s.n; n++) {
            const T *gp = g + (n * s.c + c) * s.plane, *xp = x + (n * s.c + c) * s.plane;
            add(
                of_g, s.plane, [gp](Index i) { return widen(gp + i); },
                [gp](Index i) { return double(gp[i]); });
            add(
                of_gx, s.plane, [=](Index i) { return widen(gp + i) * (widen(xp + i) - mus); },
                [=](Index i) { return gp[i] * (xp[i] - mu); });
        }
        sum_g[c] = static_cast<T>(of_g.value());
        sum_gx[c] = static_cast<T>(of_gx.value() * rstd[c]);
    });
}

template <class T>
void batch_norm_input(const ChannelShape& s, const T* g, const T* x, const T* mean, const T* rstd,
                      const T* weight, const T* sum_g, const T* sum_gx, T* dx) {
    const T m = static_cast<T>(s.n * s.plane);
    planes(s, [&](Index p, Index c) {
        const T mu = mean[c], scale = weight[c] * rstd[c], a = sum_g[c] / m, b = rstd[c] * sum_gx[c] / m;
        const T* __restrict gp = g + p * s.plane;
        const T* __restrict xp = x + p * s.plane;
        T* __restrict to = dx + p * s.plane;
        for (Index i = 0; i < s.plane; i++) to[i] = scale * (gp[i] - a - (xp[i] - mu) * b);
    });
}

#define INSTANTIATE(T)                                                                                       \
    template void batch_norm_statistics<T>(const ChannelShape&, const T*, T*, T*);                           \
    template void batch_norm<T>(const ChannelShape&, const T*, const T*, const T*, const T*, const T*, T*);  \
    template void batch_norm_sums<T>(const ChannelShape&, const T*, const T*, const T*, const T*, T*, T*);   \
    template void batch_norm_input<T>(const ChannelShape&, const T*, const T*, const T*, const T*, const T*, \
                                      const T*, const T*, T*);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace pyconvnet::PYCONVNET_ISA
