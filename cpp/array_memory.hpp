// NumPy's arrays in memory of array_pool.hpp.
#pragma once
#include <pybind11/pybind11.h>

namespace pyconvnet {

// From now on (in this thread, or context variables' context) arrays are made with `handler`, one that this function
// returned before, or None: those of the pool. Returns the handler that was in force.
pybind11::object use_array_memory(const pybind11::object& handler);

}  // namespace pyconvnet
