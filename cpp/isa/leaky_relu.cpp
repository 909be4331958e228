// out = x <= 0 ? slope v : v, with v = x (forward) or g (gradient). NaN is not <= 0, so it passes.
// Slope 0 selects 0 instead of multiplying by it: 0 x -inf would be NaN.
#include "leaky_relu.hpp"

#include "buffer.hpp"

namespace pyconvnet::PYCONVNET_ISA {
namespace {

template <class T>
void select(Index n, const T* v, const T* x, T slope, T* out) {
    using V = Vec<T>;
    constexpr Index CHUNK = 32768;
    const typename V::type none = {}, factor = V::broadcast(slope);
    parallel(ceil_div(n, CHUNK), n > CHUNK, [=](Index task) {
        const Index last = least(n, (task + 1) * CHUNK);
        Index i = task * CHUNK;
        for (; i + V::lanes <= last; i += V::lanes) {
            const auto value = V::load(v + i);
            V::store(out + i, V::load(x + i) <= none ? (slope == 0 ? none : factor * value) : value);
        }
        for (; i < last; i++) out[i] = x[i] <= 0 ? (slope == 0 ? T(0) : slope * v[i]) : v[i];
    });
}

}  // namespace

template <class T>
void leaky_relu(Index n, const T* x, T slope, T* y) {
    select(n, x, x, slope, y);
}
template <class T>
void leaky_relu_grad(Index n, const T* g, const T* x, T slope, T* dx) {
    select(n, g, x, slope, dx);
}

template void leaky_relu<float>(Index, const float*, float, float*);
template void leaky_relu<double>(Index, const double*, double, double*);
template void leaky_relu_grad<float>(Index, const float*, const float*, float, float*);
template void leaky_relu_grad<double>(Index, const double*, const double*, double, double*);

}  // namespace pyconvnet::PYCONVNET_ISA
