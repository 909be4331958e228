// Which instruction sets this library was built for, which of them this machine has, and which one is in use.
#pragma once
#include "kernels.hpp"

namespace pyconvnet {

int supported_isas(const char** names);   // at most 3, best last; returns how many
bool use_isa(const char* name);           // false where it is not supported
const KernelTable& active_kernels();      // read once per call: another thread may switch

template <class T>
const Kernels<T>& kernels();
template <>
inline const Kernels<float>& kernels<float>() {
    return active_kernels().single;
}
template <>
inline const Kernels<double>& kernels<double>() {
    return active_kernels().twice;
}

}  // namespace pyconvnet
