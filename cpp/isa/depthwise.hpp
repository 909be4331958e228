// Convolution with one input channel in a group (f / groups filters each): no channel to sum over, so a
// vector of output pixels is kept in registers over the taps of one filter.
#pragma once
#include "vec.hpp"

namespace pyconvnet::PYCONVNET_ISA {

template <class T>
void depthwise(const ConvShape&, const T* x, const T* w, T* y);
template <class T>
void depthwise_input(const ConvShape&, const T* g, const T* w, T* dx);   // f == c, stride 1
template <class T>
void depthwise_weight(const ConvShape&, const T* g, const T* x, T* dw);

}  // namespace pyconvnet::PYCONVNET_ISA
