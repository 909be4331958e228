// With bindings_regions.cpp, matmul.cpp and array_memory.cpp the only file that knows of Python. Takes C-ordered arrays
// of the right dtype (no conversions), checks their shapes against each other, releases the GIL and runs the kernel. Words for people are in
// pyconvnet/kernels; the errors here only keep a wrong call from touching memory that is not its own.
#include "bindings.hpp"

#include <algorithm>

#include "array_memory.hpp"
#include "array_pool.hpp"
#include "isa.hpp"
#include "matmul.hpp"
#include "pool.hpp"
#include "winograd.hpp"

using namespace pyconvnet;

namespace {

constexpr Index HUGE_SIZE = Index{1} << 47;

// Also: all `channels` of a padded picture, and of a kernel, hold fewer numbers than HUGE_SIZE.
Window window(Index h, Index w, Index kh, Index kw, const Pair& stride, const Pair& padding,
              const Pair& dilation, Index channels = 1) {
    for (int i = 0; i < 2; i++)
        require(stride[i] > 0 && padding[i] >= 0 && dilation[i] > 0 && padding[i] < HUGE_SIZE &&
                    dilation[i] < HUGE_SIZE,
                "stride, padding or dilation out of range");
    require(h > 0 && w > 0 && kh > 0 && kw > 0, "an empty plane or kernel");
    const Index down = h + 2 * padding[0] - 1, right = w + 2 * padding[1] - 1;
    require((down + 1) < HUGE_SIZE / (right + 1) / std::max<Index>(channels, 1), "padded pictures are too large");
    // Steps beyond the padded picture are all alike.
    Window k{h, w, kh, kw, std::min(stride[0], down + 1), std::min(stride[1], right + 1), padding[0], padding[1],
             dilation[0], dilation[1], 0, 0};
    require(kh - 1 <= down / k.dh && kw - 1 <= right / k.dw, "the kernel is larger than the padded plane");
    k.oh = (down - k.dh * (kh - 1)) / k.sh + 1;
    k.ow = (right - k.dw * (kw - 1)) / k.sw + 1;
    return k;
}

template <class T>
ConvShape conv_shape(const Array<T>& x, const Array<T>& w, const Array<T>& y, const Pair& stride,
                     const Pair& padding, const Pair& dilation, Index groups) {
    require(x.ndim() == 4 && w.ndim() == 4 && y.ndim() == 4, "conv takes arrays of 4 axes");
    ConvShape s{x.shape(0), x.shape(1), w.shape(0), groups,
                window(x.shape(2), x.shape(3), w.shape(2), w.shape(3), stride, padding, dilation,
                       x.shape(1) + w.shape(0))};
    require(groups > 0 && s.c > 0 && s.f > 0 && s.f % groups == 0 && s.c % groups == 0 &&
                w.shape(1) == s.c / groups,
            "channels, filters and groups do not fit");
    require(y.shape(0) == s.n && y.shape(1) == s.f && y.shape(2) == s.at.oh && y.shape(3) == s.at.ow,
            "the output's shape is wrong");
    return s;
}

template <class T>
void conv(const Array<T>& x, const Array<T>& w, Array<T>& y, Pair stride, Pair padding, Pair dilation,
          Index groups) {
    const ConvShape s = conv_shape(x, w, y, stride, padding, dilation, groups);
    const T *xp = in(x), *wp = in(w);
    T* yp = out(y);
    py::gil_scoped_release release;
    kernels<T>().conv(s, xp, wp, yp);
}

template <class T>
void conv_input(const Array<T>& g, const Array<T>& w, Array<T>& dx, Pair stride, Pair padding, Pair dilation,
                Index groups) {
    const ConvShape s = conv_shape(dx, w, g, stride, padding, dilation, groups);
    const T *gp = in(g), *wp = in(w);
    T* dxp = out(dx);
    py::gil_scoped_release release;
    kernels<T>().conv_input(s, gp, wp, dxp);
}

template <class T>
void conv_weight(const Array<T>& g, const Array<T>& x, Array<T>& dw, Pair stride, Pair padding, Pair dilation,
                 Index groups) {
    const ConvShape s = conv_shape(x, dw, g, stride, padding, dilation, groups);
    const T *gp = in(g), *xp = in(x);
    T* dwp = out(dw);
    py::gil_scoped_release release;
    kernels<T>().conv_weight(s, gp, xp, dwp);
}

template <class T>
Window column_window(const Array<T>& x, const Array<T>& cols, Pair kernel, Pair stride, Pair padding,
                     Pair dilation) {
    require(x.ndim() == 4 && cols.ndim() == 3, "im2col takes x of 4 axes and columns of 3");
    const Window k = window(x.shape(2), x.shape(3), kernel[0], kernel[1], stride, padding, dilation, x.shape(1));
    require(k.kh < HUGE_SIZE / k.kw / std::max<Index>(x.shape(1), 1), "the kernel is too large");
    require(cols.shape(0) == x.shape(0) && cols.shape(1) == x.shape(1) * k.kh * k.kw &&
                cols.shape(2) == k.oh * k.ow,
            "the columns' shape is wrong");
    return k;
}

template <class T>
void im2col(const Array<T>& x, Array<T>& cols, Pair kernel, Pair stride, Pair padding, Pair dilation) {
    const Window k = column_window(x, cols, kernel, stride, padding, dilation);
    const Index planes = x.shape(0) * x.shape(1);
    const T* xp = in(x);
    T* cp = out(cols);
    py::gil_scoped_release release;
    kernels<T>().im2col(planes, k, xp, cp);
}

template <class T>
void col2im(const Array<T>& cols, Array<T>& x, Pair kernel, Pair stride, Pair padding, Pair dilation) {
    const Window k = column_window(x, cols, kernel, stride, padding, dilation);
    const Index planes = x.shape(0) * x.shape(1);
    const T* cp = in(cols);
    T* xp = out(x);
    py::gil_scoped_release release;
    kernels<T>().col2im(planes, k, cp, xp);
}

template <class T>
void max_pool_indices(const Array<T>& x, Array<Index>& indices, Pair kernel, Pair stride, Pair padding,
                      Pair dilation) {
    require(x.ndim() == 4 && indices.ndim() == 4, "pooling takes arrays of 4 axes");
    // Any output size is safe (a window outside the plane gives -1); ceil_mode makes it larger than window()
    // has it.
    Window k{x.shape(2), x.shape(3), kernel[0],   kernel[1],   stride[0],        stride[1],
             padding[0], padding[1], dilation[0], dilation[1], indices.shape(2), indices.shape(3)};
    for (Index v : {k.kh, k.kw, k.sh, k.sw, k.dh, k.dw})
        require(v > 0 && v < HUGE_SIZE, "a pooling option is out of range");
    require(k.ph >= 0 && k.pw >= 0 && k.ph < HUGE_SIZE && k.pw < HUGE_SIZE, "padding out of range");
    require(indices.shape(0) == x.shape(0) && indices.shape(1) == x.shape(1), "the output's shape is wrong");
    const Index planes = x.shape(0) * x.shape(1);
    const T* xp = in(x);
    Index* ip = out(indices);
    py::gil_scoped_release release;
    kernels<T>().max_pool_indices(planes, k, xp, ip);
}

template <class T>
void max_pool(const Array<T>& x, Array<T>& y, Array<std::int32_t>& indices, Pair kernel, Pair stride, Pair dilation) {
    require(x.ndim() == 4 && y.ndim() == 4 && indices.ndim() == 4, "pooling takes arrays of 4 axes");
    const Window k = window(x.shape(2), x.shape(3), kernel[0], kernel[1], stride, {0, 0}, dilation);
    require(k.h <= ((Index{1} << 31) - 1) / k.w, "a plane of 2^31 pixels or more");
    for (int i = 0; i < 4; i++) require(y.shape(i) == indices.shape(i), "values and positions differ in shape");
    require(y.shape(0) == x.shape(0) && y.shape(1) == x.shape(1) && y.shape(2) == k.oh && y.shape(3) == k.ow,
            "the output's shape is wrong");
    const Index planes = x.shape(0) * x.shape(1);
    const T* xp = in(x);
    T* yp = out(y);
    std::int32_t* ip = out(indices);
    py::gil_scoped_release release;
    kernels<T>().max_pool(planes, k, xp, yp, ip);
}

template <class T, class... Rows>
ChannelShape channel_shape(const Array<T>& x, const Rows&... rows) {
    require(x.ndim() >= 2 && x.size() > 0, "batch norm takes [n, c, ...], not empty");
    const ChannelShape s{x.shape(0), x.shape(1), x.size() / (x.shape(0) * x.shape(1))};
    for (const Array<T>* row : {&rows...})
        require(row->ndim() == 1 && row->shape(0) == s.c, "one number per channel");
    return s;
}

template <class T>
void same_size(const Array<T>& a, const Array<T>& b) {
    require(a.ndim() == b.ndim() && a.size() == b.size(), "two arrays that should have the same shape");
    for (py::ssize_t i = 0; i < a.ndim(); i++)
        require(a.shape(i) == b.shape(i), "two arrays that should have the same shape");
}

template <class T>
void batch_norm_statistics(const Array<T>& x, Array<T>& mean, Array<T>& var) {
    const ChannelShape s = channel_shape(x, mean, var);
    const T* xp = in(x);
    T *mp = out(mean), *vp = out(var);
    py::gil_scoped_release release;
    kernels<T>().batch_norm_statistics(s, xp, mp, vp);
}

template <class T>
void batch_norm(const Array<T>& x, const Array<T>& mean, const Array<T>& rstd, const Array<T>& weight,
                const Array<T>& bias, Array<T>& y) {
    const ChannelShape s = channel_shape(x, mean, rstd, weight, bias);
    same_size(x, y);
    const T *xp = in(x), *mp = in(mean), *rp = in(rstd), *wp = in(weight), *bp = in(bias);
    T* yp = out(y);
    py::gil_scoped_release release;
    kernels<T>().batch_norm(s, xp, mp, rp, wp, bp, yp);
}

template <class T>
void batch_norm_sums(const Array<T>& g, const Array<T>& x, const Array<T>& mean, const Array<T>& rstd,
                     Array<T>& sum_g, Array<T>& sum_gx) {
    const ChannelShape s = channel_shape(x, mean, rstd, sum_g, sum_gx);
    same_size(x, g);
    const T *gp = in(g), *xp = in(x), *mp = in(mean), *rp = in(rstd);
    T *a = out(sum_g), *b = out(sum_gx);
    py::gil_scoped_release release;
    kernels<T>().batch_norm_sums(s, gp, xp, mp, rp, a, b);
}

template <class T>
void batch_norm_input(const Array<T>& g, const Array<T>& x, const Array<T>& mean, const Array<T>& rstd,
                      const Array<T>& weight, const Array<T>& sum_g, const Array<T>& sum_gx, Array<T>& dx) {
    const ChannelShape s = channel_shape(x, mean, rstd, weight, sum_g, sum_gx);
    same_size(x, g);
    same_size(x, dx);
    const T *gp = in(g), *xp = in(x), *mp = in(mean), *rp = in(rstd), *wp = in(weight), *a = in(sum_g),
            *b = in(sum_gx);
    T* dxp = out(dx);
    py::gil_scoped_release release;
    kernels<T>().batch_norm_input(s, gp, xp, mp, rp, wp, a, b, dxp);
}

template <class T>
void leaky_relu(const Array<T>& x, double slope, Array<T>& y) {
    same_size(x, y);
    const T* xp = in(x);
    T* yp = out(y);
    const Index n = x.size();
    py::gil_scoped_release release;
    kernels<T>().leaky_relu(n, xp, static_cast<T>(slope), yp);
}

template <class T>
void leaky_relu_grad(const Array<T>& g, const Array<T>& x, double slope, Array<T>& dx) {
    same_size(x, g);
    same_size(x, dx);
    const T *gp = in(g), *xp = in(x);
    T* dxp = out(dx);
    const Index n = x.size();
    py::gil_scoped_release release;
    kernels<T>().leaky_relu_grad(n, gp, xp, static_cast<T>(slope), dxp);
}

template <class T>
void define(py::module_& m) {
    const auto a = [](const char* name) { return py::arg(name).noconvert(); };
    m.def("conv", conv<T>, a("x"), a("w"), a("y"), a("stride"), a("padding"), a("dilation"), a("groups"));
    m.def("conv_input", conv_input<T>, a("g"), a("w"), a("dx"), a("stride"), a("padding"), a("dilation"),
          a("groups"));
    m.def("conv_weight", conv_weight<T>, a("g"), a("x"), a("dw"), a("stride"), a("padding"), a("dilation"),
          a("groups"));
    m.def("im2col", im2col<T>, a("x"), a("cols"), a("kernel"), a("stride"), a("padding"), a("dilation"));
    m.def("col2im", col2im<T>, a("cols"), a("x"), a("kernel"), a("stride"), a("padding"), a("dilation"));
    m.def("max_pool", max_pool<T>, a("x"), a("y"), a("indices"), a("kernel"), a("stride"), a("dilation"));
    m.def("max_pool_indices", max_pool_indices<T>, a("x"), a("indices"), a("kernel"), a("stride"),
          a("padding"), a("dilation"));
    m.def("batch_norm_statistics", batch_norm_statistics<T>, a("x"), a("mean"), a("var"));
    m.def("batch_norm", batch_norm<T>, a("x"), a("mean"), a("rstd"), a("weight"), a("bias"), a("y"));
    m.def("batch_norm_sums", batch_norm_sums<T>, a("g"), a("x"), a("mean"), a("rstd"), a("sum_g"),
          a("sum_gx"));
    m.def("batch_norm_input", batch_norm_input<T>, a("g"), a("x"), a("mean"), a("rstd"), a("weight"),
          a("sum_g"), a("sum_gx"), a("dx"));
    m.def("leaky_relu", leaky_relu<T>, a("x"), py::arg("slope"), a("y"));
    m.def("leaky_relu_grad", leaky_relu_grad<T>, a("g"), a("x"), py::arg("slope"), a("dx"));
}

constexpr const char* WINOGRAD[] = {"never", "chosen", "always"};   // as the enum has them

}  // namespace

PYBIND11_MODULE(_cpp, m) {
    m.doc() = "The compiled kernels; use pyconvnet.kernels.";
    define<float>(m);
    define<double>(m);
    bind_regions(m);
    const auto a = [](const char* name) { return py::arg(name).noconvert(); };
    m.def("matmul", pyconvnet::matmul, a("a"), a("b"));
    m.def("supported_isas", [] {
        const char* names[3];
        py::tuple result(supported_isas(names));
        for (std::size_t i = 0; i < result.size(); i++) result[i] = names[i];
        return result;
    });
    m.def("active_isa", [] { return active_kernels().isa; });
    m.def("use_isa", [](const std::string& name) {
        require(use_isa(name.c_str()), "this machine does not support that ISA");
    });
    m.def("use_winograd", [](const std::string& when) {
        for (int i = 0; i < 3; i++)
            if (when == WINOGRAD[i]) return use_winograd(static_cast<Winograd>(i));
        require(false, "winograd: never, chosen or always");
    });
    m.def("winograd", [] { return WINOGRAD[static_cast<int>(winograd_use())]; });
    m.def("set_num_threads", [](int n) {
        require(n >= 1, "the number of threads must be positive");
        set_num_threads(n);
    });
    m.def("get_num_threads", [] { return get_num_threads(); });
    find_array_memory();
    m.def("use_array_memory", use_array_memory);
    m.def("set_pool_limit", [](std::size_t bytes) { set_pool_limit(bytes); });
    m.def("pool_usage", [] { return py::make_tuple(get_pool_limit(), pool_held()); });
    m.def("tasks_of_longest", tasks_of_longest);
}
