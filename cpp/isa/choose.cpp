#include "choose.hpp"

namespace pyconvnet::PYCONVNET_ISA {

Algorithm choose(const ConvShape& s, Operation what, bool is_float) {
    const Window& k = s.at;
    const Index c = s.c / s.groups, f = s.f / s.groups;
    if (s.groups > 1 && c == 1) return Algorithm::depthwise;
    const bool possible = is_float && k.kh == 3 && k.kw == 3 && k.sh == 1 && k.sw == 1 && k.dh == 1 && k.dw == 1 && s.n > 0;
    if (!possible || winograd_use() == Winograd::never) return Algorithm::direct;
    if (winograd_use() == Winograd::always) return Algorithm::winograd;
    (void)what; (void)f;
    return Algorithm::direct;
}

}  // namespace pyconvnet::PYCONVNET_ISA
