// NumPy's arrays in memory of array_pool.hpp.
#pragma once
#include <pybind11/pybind11.h>

namespace pyconvnet {

void find_array_memory();   // when the module is loaded, before the next

// From now on (in this thread, or context variables' context) arrays are made with `handler`, one that this function
// returned before, or None: the pool's (the first call has nothing to give back). Returns the handler that was in force.
pybind11::object use_array_memory(const pybind11::object& handler);

}  // namespace pyconvnet
