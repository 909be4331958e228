// Where each pooling window has its maximum: index y w + x into the plane.
#pragma once
#include "vec.hpp"

namespace pyconvnet::PYCONVNET_ISA {

template <class T>
void max_pool_indices(Index planes, const Window&, const T* x, Index* indices);

}  // namespace pyconvnet::PYCONVNET_ISA
