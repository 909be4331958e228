// y[i] = sum_k a[i, k] x[k]: every number of the matrix is used once, so nothing is packed; lanes run along whichever
// axis of the matrix lies in memory.
#pragma once
#include "buffer.hpp"

namespace pyconvnet::PYCONVNET_ISA {

// Rows lie in memory: R dot products at a time, two vectors of each under way.
template <class T, int R>
inline void dot_rows(Index K, const T* a, Index row, const T* x, T* y, Index y_step) {
    using V = Vec<T>;
    typename V::type even[R] = {}, odd[R] = {};
    T rest[R] = {};
    Index k = 0;
    for (; k + 2 * V::lanes <= K; k += 2 * V::lanes)
        for (int r = 0; r < R; r++) {
            even[r] += V::load(a + r * row + k) * V::load(x + k);
            odd[r] += V::load(a + r * row + k + V::lanes) * V::load(x + k + V::lanes);
        }
    for (; k < K; k++)
        for (int r = 0; r < R; r++) rest[r] += a[r * row + k] * x[k];
    for (int r = 0; r < R; r++) {
        const auto both = even[r] + odd[r];
        T sum = rest[r];
        for (Index i = 0; i < V::lanes; i++) sum += both[i];
        y[r * y_step] = sum;
    }
}

// Columns lie in memory: V vectors of y at a time, summed over all k in registers.
template <class T, int N>
inline void sum_columns(Index K, const T* a, Index column, const T* x, T* y) {
    using V = Vec<T>;
    typename V::type sum[N] = {};
    for (Index k = 0; k < K; k++) {
        const auto factor = V::broadcast(x[k]);
        for (int v = 0; v < N; v++) sum[v] += factor * V::load(a + k * column + v * V::lanes);
    }
    for (int v = 0; v < N; v++) V::store(y + v * V::lanes, sum[v]);
}

// False where neither rows nor columns lie in memory.
template <class T>
bool matrix_vector(Index m, Index K, const T* a, Index row, Index column, const T* x, Index x_step, T* y, Index y_step) {
    constexpr Index L = Vec<T>::lanes, WIDE = 8 * L, ROWS_OF_A_TASK = 64;
    if (column != 1 && (row != 1 || y_step != 1)) return false;
    Buffer<T> copied(x_step == 1 ? 0 : K);
    for (Index k = 0; x_step != 1 && k < K; k++) copied[k] = x[k * x_step];
    const T* factors = x_step == 1 ? x : static_cast<const T*>(copied);
    const bool threads = double(m) * K > 2e5;
    if (column == 1) {
        parallel(ceil_div(m, ROWS_OF_A_TASK), threads, [=](Index task) {
            Index i = task * ROWS_OF_A_TASK;
            const Index last = least(m, i + ROWS_OF_A_TASK);
            for (; i + 4 <= last; i += 4) dot_rows<T, 4>(K, a + i * row, row, factors, y + i * y_step, y_step);
            for (; i < last; i++) dot_rows<T, 1>(K, a + i * row, row, factors, y + i * y_step, y_step);
        });
    } else {
        parallel(ceil_div(m, WIDE), threads, [=](Index task) {
            Index i = task * WIDE;
            const Index last = least(m, i + WIDE);
            if (i + WIDE == last) return sum_columns<T, 8>(K, a + i, column, factors, y + i);
            for (; i + L <= last; i += L) sum_columns<T, 1>(K, a + i, column, factors, y + i);
            for (; i < last; i++) {
                T sum = 0;
                for (Index k = 0; k < K; k++) sum += a[i + k * column] * factors[k];
                y[i] = sum;
            }
        });
    }
    return true;
}

}  // namespace pyconvnet::PYCONVNET_ISA
