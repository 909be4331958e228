// 3x3 taps, stride 1: what the usual depthwise network asks for. A row of the band meets three taps of three
// output rows, so each vector is loaded once for all of them: 18 loads for 36 multiply-adds, where a tap at a
// time has 36.
#pragma once
#include "vec.hpp"

namespace pyconvnet::PYCONVNET_ISA {

// out[y][x] = sum over i, j of w[3 i + j] band[y + i][x + j]; rows of the band are `row` elements apart.
template <class T>
inline void sweep3x3(Index oh, Index ow, Index row, const T* band, const T* w, T* out) {
    using V = Vec<T>;
    constexpr int ROWS_AT_ONCE = 4;
    for (Index y = 0; y < oh; y += ROWS_AT_ONCE)
        for (Index x = 0; x < ow; x += V::lanes) {
            const T* from = band + y * row + x;
            const Index rows = least<Index>(ROWS_AT_ONCE, oh - y), n = least(V::lanes, ow - x);
            typename V::type sum[ROWS_AT_ONCE] = {};
#pragma GCC unroll 3
            for (int j = 0; j < 3; j++)
#pragma GCC unroll 6
                for (int r = 0; r < ROWS_AT_ONCE + 2; r++) {
                    if (r >= rows + 2) break;
                    const auto pixels = V::load(from + r * row + j);
#pragma GCC unroll 3
                    for (int i = 0; i < 3; i++)
                        if (r - i >= 0 && r - i < ROWS_AT_ONCE)
                            sum[r - i] += V::broadcast(w[3 * i + j]) * pixels;
                }
            for (Index r = 0; r < rows; r++)
                if (n == V::lanes) V::store(out + (y + r) * ow + x, sum[r]);
                else __builtin_memcpy(out + (y + r) * ow + x, &sum[r], n * sizeof(T));
        }
}

// sums[3 i + j][lane] += sum over y, x of g[y][x] band[y + i][x + j]
template <class T>
inline void correlate3x3(Index oh, Index ow, Index row, const T* band, const T* g, T* sums) {
    using V = Vec<T>;
    using Lanes = typename V::type;
    Lanes sum[3][3];
    for (int t = 0; t < 9; t++) sum[t / 3][t % 3] = V::load(sums + t * V::lanes);
    for (Index x = 0; x < ow; x += V::lanes) {
        const Index n = least(V::lanes, ow - x);
        Lanes above = {}, before = {};   // g two rows and one row up
        T valid[V::lanes] = {};
        for (Index lane = 0; lane < n; lane++) valid[lane] = 1;
        const auto inside = V::load(valid) > Lanes{};
        for (Index r = 0; r < oh + 2; r++) {
            Lanes now = {};
            if (r < oh) {
                if (n == V::lanes) now = V::load(g + r * ow + x);
                else __builtin_memcpy(&now, g + r * ow + x, n * sizeof(T));
            }
#pragma GCC unroll 3
            for (int j = 0; j < 3; j++) {
                Lanes pixels = V::load(band + r * row + x + j);
                if (n < V::lanes)
                    pixels = inside ? pixels : Lanes{};   // a lane that has no pixel meets no infinity
                if (r < oh) sum[0][j] += now * pixels;
                if (r > 0 && r <= oh) sum[1][j] += before * pixels;
                if (r > 1) sum[2][j] += above * pixels;
            }
            above = before, before = now;
        }
    }
    for (int t = 0; t < 9; t++) V::store(sums + t * V::lanes, sum[t / 3][t % 3]);
}

}  // namespace pyconvnet::PYCONVNET_ISA
