// C[i, j] = sum_k A[i, k] B[k, j], of any strides: A B, A^T B and A B^T alike.
#pragma once
#include "vec.hpp"

namespace pyconvnet::PYCONVNET_ISA {

template <class T>
void matmul(const MatmulShape&, const T* a, const T* b, T* c);

}  // namespace pyconvnet::PYCONVNET_ISA
