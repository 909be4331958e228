// Rows of stride 2: every second element of a row, and two rows into one; 4 at a time, by shuffles.
#pragma once
#include "vec.hpp"

namespace pyconvnet::PYCONVNET_ISA {

#if defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define PYCONVNET_SHUFFLES
#endif
#endif

// to[i] = from[2 i] for i < n; reads no element beyond from[2 n - 2 + left], `left` elements that follow the
// last.
template <class T>
inline void every_second(const T* from, Index n, Index left, T* to) {
    Index i = 0;
#ifdef PYCONVNET_SHUFFLES
    typedef T Four __attribute__((vector_size(4 * sizeof(T))));
    for (; i + 4 + (left < 1) <= n; i += 4) {
        Four a, b;
        __builtin_memcpy(&a, from + 2 * i, sizeof a);
        __builtin_memcpy(&b, from + 2 * i + 4, sizeof b);
        a = __builtin_shufflevector(a, b, 0, 2, 4, 6);
        __builtin_memcpy(to + i, &a, sizeof a);
    }
#endif
    for (; i < n; i++) to[i] = from[2 * i];
}

// to[2 i] = even[i], to[2 i + 1] = odd[i], for the first n elements of `to`.
template <class T>
inline void interleave(const T* even, const T* odd, Index n, T* to) {
    Index i = 0;
#ifdef PYCONVNET_SHUFFLES
    typedef T Four __attribute__((vector_size(4 * sizeof(T))));
    for (; 2 * i + 8 <= n; i += 4) {
        Four a, b;
        __builtin_memcpy(&a, even + i, sizeof a);
        __builtin_memcpy(&b, odd + i, sizeof b);
        const Four low = __builtin_shufflevector(a, b, 0, 4, 1, 5),
                   high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
        __builtin_memcpy(to + 2 * i, &low, sizeof low);
        __builtin_memcpy(to + 2 * i + 4, &high, sizeof high);
    }
#endif
    for (; 2 * i < n; i++) {
        to[2 * i] = even[i];
        if (2 * i + 1 < n) to[2 * i + 1] = odd[i];
    }
}

}  // namespace pyconvnet::PYCONVNET_ISA
