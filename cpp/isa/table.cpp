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

#define KERNELS(T)             \
    {conv<T>,                  \
     conv_input<T>,            \
     conv_weight<T>,           \
     matmul<T>,                \
     im2col<T>,                \
     col2im<T>,                \
     max_pool<T>,              \
     max_pool_indices<T>,      \
     gather_planes<T>,         \
     gather_planes<T>,         \
     scatter_planes<T>,        \
     scatter_planes<T>,        \
     roi_pool_indices<T>,      \
     nms<T>,                   \
     batch_norm_statistics<T>, \
     batch_norm<T>,            \
     batch_norm_sums<T>,       \
     batch_norm_input<T>,      \
     leaky_relu<T>,            \
     leaky_relu_grad<T>}

extern const KernelTable table;
const KernelTable table{PYCONVNET_STRING(PYCONVNET_ISA) + sizeof("isa_") - 1, KERNELS(float),
                        KERNELS(double)};

}  // namespace pyconvnet::PYCONVNET_ISA
