// im2col and its transpose: planes of x [planes, h, w] against cols [planes, kh, kw, oh, ow].
#pragma once
#include "vec.hpp"

namespace pyconvnet::PYCONVNET_ISA {

template <class T>
void im2col(Index planes, const Window&, const T* x, T* cols);
template <class T>
void col2im(Index planes, const Window&, const T* cols, T* x);

}  // namespace pyconvnet::PYCONVNET_ISA
