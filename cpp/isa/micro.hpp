// The one hot loop of the library, a register tile of a matrix product whose second factor is never built:
//
//     tile[r][v] = sum over k < K of  a[k R + r] b[step[k] + start[v] + (0 .. lanes - 1)],   r < R, v < V
//
// with `row` elements from row to row of the tile.
//
// `step` and `start` are the two halves of im2col's index. For convolution, k is (channel, tap) and v a run
// of output pixels; for the weight gradient, k is an output pixel and v a run of (tap, channel).
#pragma once
#include "vec.hpp"

namespace pyconvnet::PYCONVNET_ISA {

template <class T>
constexpr Index TILE = VECTORS * Vec<T>::lanes;   // elements from row to row of a tile, unless said

template <class T, int R, int V>
inline void micro(Index K, const T* __restrict a, const T* __restrict b, const Index* __restrict step,
                  const Index* start, T* __restrict tile, Index row) {
    using L = Vec<T>;
    const T* from[V];
    typename L::type sum[R][V];
#pragma GCC unroll 4
    for (int v = 0; v < V; v++) from[v] = b + start[v];
#pragma GCC unroll 8
    for (int r = 0; r < R; r++)
#pragma GCC unroll 4
        for (int v = 0; v < V; v++) sum[r][v] = typename L::type{};
    for (Index k = 0; k < K; k++, a += R) {
        const Index offset = step[k];
        typename L::type x[V];
#pragma GCC unroll 4
        for (int v = 0; v < V; v++) x[v] = L::load(from[v] + offset);
#pragma GCC unroll 8
        for (int r = 0; r < R; r++) {
            const typename L::type s = L::broadcast(a[r]);
#pragma GCC unroll 4
            for (int v = 0; v < V; v++) sum[r][v] += s * x[v];
        }
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; r++)
#pragma GCC unroll 4
        for (int v = 0; v < V; v++) L::store(tile + r * row + v * L::lanes, sum[r][v]);
}

// Rows are cut into blocks of ROWS; a last block of at most ROWS / 2 rows uses the kernel of half the height.
inline Index block_rows(Index first, Index rows) { return rows - first <= ROWS / 2 ? ROWS / 2 : ROWS; }
inline Index padded_rows(Index rows) {
    const Index full = rows / ROWS * ROWS;
    return rows == full ? full : full + block_rows(full, rows);
}

template <class T>
inline void micro(Index height, Index width, Index K, const T* a, const T* b, const Index* step,
                  const Index* start, T* tile, Index row = TILE<T>) {
    constexpr int R = ROWS, H = ROWS / 2;
    if (height == R) {
        if (width == 3) micro<T, R, 3>(K, a, b, step, start, tile, row);
        else if (width == 2) micro<T, R, 2>(K, a, b, step, start, tile, row);
        else micro<T, R, 1>(K, a, b, step, start, tile, row);
    } else {
        if (width == 3) micro<T, H, 3>(K, a, b, step, start, tile, row);
        else if (width == 2) micro<T, H, 2>(K, a, b, step, start, tile, row);
        else micro<T, H, 1>(K, a, b, step, start, tile, row);
    }
}

// n vectors are cut into strips of at most VECTORS, avoiding a lone last one (4 = 2 + 2).
inline Index strip_width(Index left) { return left == VECTORS + 1 ? 2 : least(left, VECTORS); }

}  // namespace pyconvnet::PYCONVNET_ISA
