// The kernels of this instruction set, for isa.cpp to choose from.
#include "../kernels.hpp"
#include "batch_norm.hpp"
#include "columns.hpp"
#include "conv.hpp"
#include "leaky_relu.hpp"
#include "matmul.hpp"
#include "max_pool.hpp"
#include "nms.hpp"
#include "planes.hpp"

#define PYCONVNET_STRING_OF(name) #name
#define PYCONVNET_STRING(name) PYCONVNET_STRING_OF(name)

namespace pyconvnet::PYCONVNET_ISA {

#define KERNELS(T)                                      \
    {.conv = conv<T>,                                   \
     .conv_input = conv_input<T>,                       \
     .conv_weight = conv_weight<T>,                     \
     .matmul = matmul<T>,                               \
     .im2col = im2col<T>,                               \
     .col2im = col2im<T>,                               \
     .max_pool = max_pool<T>,                           \
     .max_pool_indices = max_pool_indices<T>,           \
     .gather_planes = gather_planes<T>,                 \
     .gather_planes_32 = gather_planes<T>,              \
     .scatter_planes = scatter_planes<T>,               \
     .scatter_planes_32 = scatter_planes<T>,            \
     .roi_pool_indices = roi_pool_indices<T>,           \
     .nms = nms<T>,                                     \
     .batch_norm_statistics = batch_norm_statistics<T>, \
     .batch_norm = batch_norm<T>,                       \
     .batch_norm_sums = batch_norm_sums<T>,             \
     .batch_norm_input = batch_norm_input<T>,           \
     .leaky_relu = leaky_relu<T>,                       \
     .leaky_relu_grad = leaky_relu_grad<T>}

extern const KernelTable table;
const KernelTable table{PYCONVNET_STRING(PYCONVNET_ISA) + sizeof("isa_") - 1, KERNELS(float),
                        KERNELS(double)};

}  // namespace pyconvnet::PYCONVNET_ISA
