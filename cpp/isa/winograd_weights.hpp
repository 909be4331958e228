// G g G^T: the weights of a convolution by Winograd, transformed a block of output channels at a time.
#pragma once
#include "buffer.hpp"
#include "micro.hpp"
#include "transpose.hpp"
#include "winograd.hpp"

namespace pyconvnet::PYCONVNET_ISA {

typedef float Block __attribute__((vector_size(ROWS * sizeof(float))));
typedef float HalfBlock __attribute__((vector_size(ROWS / 2 * sizeof(float))));

// Weights of rows [m0, m0 + R): to[place][c][row].
template <class Row>
inline void transform_weights(const WinogradConv& q, Index m0, Index last, Index place, float* to) {
    constexpr Index R = sizeof(Row) / sizeof(float), RUN = 8;   // RUN: channels at a time
    Row taps[RUN * 9] = {};
    float* packed = reinterpret_cast<float*>(taps);
    const Index rows = least<Index>(R, last - m0);
    for (Index c0 = 0; c0 < q.c; c0 += RUN) {
        const Index channels = least(RUN, q.c - c0);
        const float* from = q.weight + m0 * q.of_m + c0 * q.of_c;
        if (q.of_c == 9) transpose(from, q.of_m, rows, channels * 9, packed, R);
        else
            for (Index c = 0; c < channels; c++)
                transpose(from + c * q.of_c, q.of_m, rows, 9, packed + 9 * c * R, R);
        for (Index c = 0; c < channels; c++, to += R) {
            Row half[6][3];
#pragma GCC unroll 3
            for (int j = 0; j < 3; j++) {
                Row g[3], o[6];
#pragma GCC unroll 3
                for (int i = 0; i < 3; i++) g[i] = taps[9 * c + (q.turned ? 8 - 3 * i - j : 3 * i + j)];
                weight_transform(g, o);
#pragma GCC unroll 6
                for (int i = 0; i < 6; i++) half[i][j] = o[i];
            }
#pragma GCC unroll 6
            for (int i = 0; i < 6; i++) {
                Row o[6];
                weight_transform(half[i], o);
#pragma GCC unroll 6
                for (int j = 0; j < 6; j++) __builtin_memcpy(to + (6 * i + j) * place, &o[j], sizeof(Row));
            }
        }
    }
}

inline void transform_weights(const WinogradConv& q, Index first, Index last, Index place, float* to) {
    for (Index m0 = first; m0 < last; m0 += ROWS, to += ROWS * q.c)
        if (block_rows(m0, last) == ROWS) transform_weights<Block>(q, m0, last, place, to);
        else transform_weights<HalfBlock>(q, m0, last, place, to);
}

}  // namespace pyconvnet::PYCONVNET_ISA
