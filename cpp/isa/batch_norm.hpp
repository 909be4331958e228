// Batch normalisation of x [n, c, plane], m = n plane values per channel, and the sums its gradients need.
#pragma once
#include "vec.hpp"

namespace pyconvnet::PYCONVNET_ISA {

template <class T>
void batch_norm_statistics(const ChannelShape&, const T* x, T* mean, T* var);
template <class T>
void batch_norm(const ChannelShape&, const T* x, const T* mean, const T* rstd, const T* weight, const T* bias,
                T* y);
template <class T>
void batch_norm_sums(const ChannelShape&, const T* g, const T* x, const T* mean, const T* rstd, T* sum_g,
                     T* sum_gx);
template <class T>
void batch_norm_input(const ChannelShape&, const T* g, const T* x, const T* mean, const T* rstd,
                      const T* weight, const T* sum_g, const T* sum_gx, T* dx);

}  // namespace pyconvnet::PYCONVNET_ISA
