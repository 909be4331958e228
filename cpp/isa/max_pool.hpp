// Where each pooling window has its maximum: index y w + x into the plane.
#pragma once
#include "vec.hpp"

namespace pyconvnet::PYCONVNET_ISA {

// The maxima themselves, too, of planes with less than 2^31 pixels and windows that each meet one.
template <class T>
void max_pool(Index planes, const Window&, const T* x, T* y, std::int32_t* indices);
template <class T>
void max_pool_indices(Index planes, const Window&, const T* x, Index* indices);

}  // namespace pyconvnet::PYCONVNET_ISA
