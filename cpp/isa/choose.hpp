// Which way a convolution goes.
#pragma once
#include "../winograd.hpp"
#include "vec.hpp"

namespace pyconvnet::PYCONVNET_ISA {

enum class Operation { forward, input, weight };
enum class Algorithm { depthwise, direct, winograd };

Algorithm choose(const ConvShape&, Operation, bool is_float);

}  // namespace pyconvnet::PYCONVNET_ISA
