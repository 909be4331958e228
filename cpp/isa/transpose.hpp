// to[j * to_row + i] = from[i * from_row + j] for i < rows, j < columns; 4 x 4 at a time, by shuffles.
#pragma once
#include "vec.hpp"

namespace pyconvnet::PYCONVNET_ISA {

template <class T>
inline void transpose(const T* from, Index from_row, Index rows, Index columns, T* to, Index to_row) {
    Index i = 0;
#if defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
    typedef T Four __attribute__((vector_size(4 * sizeof(T))));
    for (; i + 4 <= rows; i += 4) {
        const T* s = from + i * from_row;
        T* d = to + i;
        Index j = 0;
        for (; j + 4 <= columns; j += 4, s += 4, d += 4 * to_row) {
            Four r[4];
            for (int k = 0; k < 4; k++) __builtin_memcpy(&r[k], s + k * from_row, sizeof(Four));
            const Four a = __builtin_shufflevector(r[0], r[1], 0, 4, 1, 5),
                       b = __builtin_shufflevector(r[0], r[1], 2, 6, 3, 7);
            const Four c = __builtin_shufflevector(r[2], r[3], 0, 4, 1, 5),
                       e = __builtin_shufflevector(r[2], r[3], 2, 6, 3, 7);
            r[0] = __builtin_shufflevector(a, c, 0, 1, 4, 5);
            r[1] = __builtin_shufflevector(a, c, 2, 3, 6, 7);
            r[2] = __builtin_shufflevector(b, e, 0, 1, 4, 5);
            r[3] = __builtin_shufflevector(b, e, 2, 3, 6, 7);
            for (int k = 0; k < 4; k++) __builtin_memcpy(d + k * to_row, &r[k], sizeof(Four));
        }
        for (; j < columns; j++, s++, d += to_row)
            for (int k = 0; k < 4; k++) d[k] = s[k * from_row];
    }
#endif
#endif
    for (; i < rows; i++)
        for (Index j = 0; j < columns; j++) to[j * to_row + i] = from[i * from_row + j];
}

}  // namespace pyconvnet::PYCONVNET_ISA
