// Where a row of windows meets the picture and where it meets padding.
#pragma once
#include "vec.hpp"

namespace pyconvnet::PYCONVNET_ISA {

// Outputs [first, last) of `out` whose input pixel o stride + offset lies in [0, size).
struct Inside {
    Index first, last;
    Inside(Index out, Index stride, Index offset, Index size) {
        first = offset < 0 ? least(out, ceil_div(-offset, stride)) : 0;
        last = size > offset ? most(first, least(out, ceil_div(size - offset, stride))) : first;
    }
};

}  // namespace pyconvnet::PYCONVNET_ISA
