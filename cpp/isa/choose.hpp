// Which way a convolution goes: one rule, from the shape alone (and from use_winograd).
#pragma once
#include "../winograd.hpp"
#include "vec.hpp"

namespace pyconvnet::PYCONVNET_ISA {

enum class Operation { forward, input, weight };
enum class Algorithm {
    depthwise,   // depthwise.hpp: one input channel in a group
    direct,      // correlate.hpp, conv_weight.cpp
    winograd     // winograd.hpp
};

Algorithm choose(const ConvShape&, Operation, bool is_float);

}  // namespace pyconvnet::PYCONVNET_ISA
