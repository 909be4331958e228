// Two ways to sum a weight gradient over pixels: lanes over taps and channels (conv_weight.cpp), or over
// filters (conv_weight_few.cpp).
#pragma once
#include "vec.hpp"

namespace pyconvnet::PYCONVNET_ISA {

template <class T>
bool has_few_channels(const ConvShape&);   // the latter is faster
template <class T>
void conv_weight_few(const ConvShape&, const T* g, const T* x, T* dw);

}  // namespace pyconvnet::PYCONVNET_ISA
