// Vec<T>: as many T as one register of this instruction set holds (GNU vector extension: + - * / < ?: work on
// all lanes).
//
// Files of this folder are compiled once per instruction set, each time into a namespace of its own
// (PYCONVNET_ISA). They must not use inline functions or templates of the standard library: the linker keeps
// one copy of such a function for the whole library, and it may be the one with instructions that an older
// machine does not have.
#pragma once
#include "../shapes.hpp"

#if defined(__AVX512F__)
#define PYCONVNET_VECTOR_BYTES 64
#elif defined(__AVX__)
#define PYCONVNET_VECTOR_BYTES 32
#else
#define PYCONVNET_VECTOR_BYTES 16
#endif

namespace pyconvnet::PYCONVNET_ISA {

template <class T>
struct Vec {
    static constexpr Index lanes = PYCONVNET_VECTOR_BYTES / sizeof(T);
    typedef T type __attribute__((vector_size(PYCONVNET_VECTOR_BYTES)));
    static type load(const T* p) {
        type v;
        __builtin_memcpy(&v, p, sizeof v);
        return v;
    }
    static void store(T* p, type v) { __builtin_memcpy(p, &v, sizeof v); }
    // A number minus a vector is GNU C's way to fill a vector. - 0 changes no number, so no instruction is left of it;
    // + 0 would turn -0 into 0.
    static type broadcast(T x) { return x - type{}; }
};

// Register budget of the micro-kernel: ROWS x VECTORS sums + VECTORS inputs + 1 broadcast.
//   AVX-512, NEON, 32 registers: 8 x 3 + 3 + 1 = 28.   AVX2, 16 registers: 4 x 3 + 3 + 1 = 16.
//   SSE2, 16 registers and no fused multiply-add: 8 x 3 spills, and yet is a quarter faster than 4 x 3.
#if defined(__AVX__) && !defined(__AVX512F__)
constexpr Index ROWS = 4;
#else
constexpr Index ROWS = 8;
#endif
constexpr Index VECTORS = 3;

template <class A>
constexpr A least(A a, A b) {
    return b < a ? b : a;
}
template <class A>
constexpr A most(A a, A b) {
    return a < b ? b : a;
}
constexpr Index ceil_div(Index a, Index b) { return (a + b - 1) / b; }   // a >= 0

}  // namespace pyconvnet::PYCONVNET_ISA
