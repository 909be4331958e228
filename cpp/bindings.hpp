// What the bindings share: arrays as they come from Python, and the cheap checks before their memory is touched. Arrays
// are C-ordered, of the right dtype (no conversions), and aligned.
#pragma once
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <array>
#include <stdexcept>
#include <string>

#include "shapes.hpp"

namespace pyconvnet {

namespace py = pybind11;

template <class T>
using Array = py::array_t<T, py::array::c_style>;
using Pair = std::array<Index, 2>;

inline void require(bool condition, const char* what) {
    if (!condition) throw std::invalid_argument(std::string("pyconvnet kernels: ") + what);
}

template <class T>
const T* in(const Array<T>& a) {
    require(reinterpret_cast<std::uintptr_t>(a.data()) % alignof(T) == 0, "an input is not aligned");
    return a.data();
}
template <class T>
T* out(Array<T>& a) {
    require(reinterpret_cast<std::uintptr_t>(a.data()) % alignof(T) == 0, "an output is not aligned");
    return a.mutable_data();   // throws where it is read-only
}

void bind_regions(py::module_& m);   // bindings_regions.cpp

}  // namespace pyconvnet
