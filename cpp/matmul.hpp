// The matrix product of NumPy arrays of any strides: what bindings.cpp gives to Python as `matmul`.
#pragma once
#include <pybind11/numpy.h>

namespace pyconvnet {

// a [..., m, k], b [..., k, n], the axes before broadcast, to a new array [..., m, n]; None for arrays that are not
// aligned, native and both float32 or both float64. std::invalid_argument where the shapes do not fit.
pybind11::object matmul(const pybind11::array& a, const pybind11::array& b);

}  // namespace pyconvnet
