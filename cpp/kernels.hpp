// The table of kernels: one per instruction set, chosen at run time (isa.hpp).
#pragma once
#include "shapes.hpp"

namespace pyconvnet {

template <class T>
struct Kernels {
    void (*conv)(const ConvShape&, const T* x, const T* w, T* y);
    void (*conv_input)(const ConvShape&, const T* g, const T* w, T* dx);
    void (*conv_weight)(const ConvShape&, const T* g, const T* x, T* dw);
    void (*matmul)(const MatmulShape&, const T* a, const T* b, T* c);
    void (*im2col)(Index planes, const Window&, const T* x, T* cols);
    void (*col2im)(Index planes, const Window&, const T* cols, T* x);
    void (*max_pool)(Index planes, const Window&, const T* x, T* y, std::int32_t* indices);
    void (*max_pool_indices)(Index planes, const Window&, const T* x, Index* indices);
    bool (*gather_planes)(const PlanesShape&, const Index* image, const Index* chosen, const T* x, T* y);
    bool (*gather_planes_32)(const PlanesShape&, const Index* image, const std::int32_t* chosen, const T* x, T* y);
    bool (*scatter_planes)(const PlanesShape&, const Index* image, const Index* chosen, const T* g, T* x);
    bool (*scatter_planes_32)(const PlanesShape&, const Index* image, const std::int32_t* chosen, const T* g, T* x);
    void (*roi_pool_indices)(const PlanesShape&, Index width, Index bins_h, Index bins_w, const Index* image,
                             const Index* bins, const T* x, T lowest, Index* chosen);
    Index (*nms)(Index n, const T* boxes, const Index* order, T iou_threshold, Index* keep);
    void (*batch_norm_statistics)(const ChannelShape&, const T* x, T* mean, T* var);
    void (*batch_norm)(const ChannelShape&, const T* x, const T* mean, const T* rstd, const T* weight,
                       const T* bias, T* y);
    void (*batch_norm_sums)(const ChannelShape&, const T* g, const T* x, const T* mean, const T* rstd,
                            T* sum_g, T* sum_gx);
    void (*batch_norm_input)(const ChannelShape&, const T* g, const T* x, const T* mean, const T* rstd,
                             const T* weight, const T* sum_g, const T* sum_gx, T* dx);
    void (*leaky_relu)(Index n, const T* x, T slope, T* y);
    void (*leaky_relu_grad)(Index n, const T* g, const T* x, T slope, T* dx);
};

struct KernelTable {
    const char* isa;
    Kernels<float> single;
    Kernels<double> twice;
};

}  // namespace pyconvnet
