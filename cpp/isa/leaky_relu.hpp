// Leaky ReLU; slope 0 is ReLU.
#pragma once
#include "vec.hpp"

namespace pyconvnet::PYCONVNET_ISA {

template <class T>
void leaky_relu(Index n, const T* x, T slope, T* y);
template <class T>
void leaky_relu_grad(Index n, const T* g, const T* x, T slope, T* dx);

}  // namespace pyconvnet::PYCONVNET_ISA
