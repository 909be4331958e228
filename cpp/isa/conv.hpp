// The three partial derivatives of <g, conv(x, w)>.
#pragma once
#include "vec.hpp"

namespace pyconvnet::PYCONVNET_ISA {

template <class T>
void conv(const ConvShape&, const T* x, const T* w, T* y);
template <class T>
void conv_input(const ConvShape&, const T* g, const T* w, T* dx);
template <class T>
void conv_weight(const ConvShape&, const T* g, const T* x, T* dw);

}  // namespace pyconvnet::PYCONVNET_ISA
