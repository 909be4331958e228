// The only file that knows of Python. Takes C-ordered arrays of the right dtype (no conversions), checks
// their shapes against each other, releases the GIL and runs the kernel. Words for people are in
// pyconvnet/kernels; the errors here only keep a wrong call from touching memory that is not its own.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <array>
#include <stdexcept>
#include <string>

#include "isa.hpp"
#include "nms.hpp"
#include "pool.hpp"
#include "regions.hpp"
#include "winograd.hpp"

namespace py = pybind11;
using namespace pyconvnet;

namespace {

template <class T>
using Array = py::array_t<T, py::array::c_style>;
using Pair = std::array<Index, 2>;

void require(bool condition, const char* what) {
    if (!condition) throw std::invalid_argument(std::string("pyconvnet kernels: ") + what);
}

template <class T>
const T* in(const Array<T>& a) {
    require(reinterpret_cast<std::uintptr_t>(a.data()) % alignof(T) == 0, "an input is not aligned");
    return a.data();
}
template <class T>
T* out(Array<T>& a) {
    require(reinterpret_cast<std::uintptr_t>(a.data()) % alignof(T) == 0, "an output is not aligned");
    return a.mutable_data();   // throws where it is read-only
}

Window window(Index h, Index w, Index kh, Index kw, const Pair& stride, const Pair& padding,
              const Pair& dilation) {
    constexpr Index HUGE_SIZE = Index{1} << 47;
    for (int i = 0; i < 2; i++)
        require(stride[i] > 0 && padding[i] >= 0 && dilation[i] > 0 && padding[i] < HUGE_SIZE &&
                    dilation[i] < HUGE_SIZE,
                "stride, padding or dilation out of range");
    require(h > 0 && w > 0 && kh > 0 && kw > 0, "an empty plane or kernel");
    Window k{h, w, kh, kw, stride[0], stride[1], padding[0], padding[1], dilation[0], dilation[1], 0, 0};
    const Index down = h + 2 * k.ph - 1, right = w + 2 * k.pw - 1;
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
                window(x.shape(2), x.shape(3), w.shape(2), w.shape(3), stride, padding, dilation)};
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
    const Window k = window(x.shape(2), x.shape(3), kernel[0], kernel[1], stride, padding, dilation);
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
    constexpr Index HUGE_SIZE = Index{1} << 47;
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
Index nms_of(const Array<T>& boxes, const Array<T>& scores, T iou_threshold, Array<Index>& keep) {
    require(boxes.ndim() == 2 && boxes.shape(1) == 4 && scores.ndim() == 1 && keep.ndim() == 1,
            "nms takes [n, 4], [n], [n]");
    const Index n = boxes.shape(0);
    require(scores.shape(0) == n && keep.shape(0) == n, "nms takes one score for each box");
    const T *bp = in(boxes), *sp = in(scores);
    Index* kp = out(keep);
    py::gil_scoped_release release;
    return nms<T>(n, bp, sp, iou_threshold, kp);
}

bool rows_of(const Array<Index>& a, Index n, Index columns) {
    return a.ndim() == 2 && a.shape(0) == n && a.shape(1) == columns;
}
bool all_in(const Array<Index>& a, Index low, Index high) {   // low <= every entry < high
    const Index* p = a.data();
    for (Index i = 0; i < a.size(); i++)
        if (p[i] < low || p[i] >= high) return false;
    return true;
}

template <class T>
void segment_graph_of(const Array<Index>& edges, const Array<T>& weights, double k, Index min_size,
                      Array<Index>& labels) {
    require(edges.ndim() == 2 && weights.ndim() == 1 && labels.ndim() == 1, "a graph takes [n, 2], [n], [nodes]");
    const Index nodes = labels.shape(0), n = weights.shape(0);
    require(rows_of(edges, n, 2), "a graph takes two nodes and one weight for each edge");
    const Index* ep = in(edges);
    require(all_in(edges, 0, nodes), "an edge to a node that does not exist");
    const T* wp = in(weights);
    Index* lp = out(labels);
    py::gil_scoped_release release;
    segment_graph<T>(nodes, n, ep, wp, k, min_size, lp);
}

Index merge_regions_of(const Array<Index>& sizes, const Array<Index>& boxes, const Array<Index>& colour,
                       const Array<Index>& texture, const Array<Index>& pairs, Index image_size,
                       const std::array<double, 4>& weights, Array<Index>& merges, Array<double>& similarities,
                       Array<Index>& all_boxes) {
    constexpr Index COUNTS = Index{1} << 31, COORDINATES = Index{1} << 25;
    require(sizes.ndim() == 1 && colour.ndim() == 2 && texture.ndim() == 2 && pairs.ndim() == 2 &&
                similarities.ndim() == 1,
            "regions take [r], [r, 4], [r, colours], [r, textures], [p, 2]");
    const Index r = sizes.shape(0), p = pairs.shape(0);
    require(r > 0 && image_size > 0, "no region, or an empty picture");
    require(rows_of(boxes, r, 4) && colour.shape(0) == r && texture.shape(0) == r && rows_of(pairs, p, 2) &&
                rows_of(merges, r - 1, 2) && similarities.shape(0) == r - 1 && rows_of(all_boxes, 2 * r - 1, 4),
            "the regions' arrays do not fit each other");
    Regions start{r, colour.shape(1), texture.shape(1), in(sizes), in(boxes), in(colour), in(texture), image_size,
                  {weights[0], weights[1], weights[2], weights[3]}};
    const Index* pp = in(pairs);
    require(all_in(pairs, 0, r) && all_in(colour, 0, COUNTS) && all_in(texture, 0, COUNTS) &&
                all_in(sizes, 0, Index{1} << 50) && all_in(boxes, -COORDINATES, COORDINATES),
            "a region's number is out of range");
    for (Index i = 0; i < p; i++) require(pp[2 * i] < pp[2 * i + 1], "a pair of regions is out of order");
    Index *mp = out(merges), *ap = out(all_boxes);
    double* sp = out(similarities);
    py::gil_scoped_release release;
    return merge_regions(start, p, pp, mp, sp, ap);
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
    m.def("max_pool_indices", max_pool_indices<T>, a("x"), a("indices"), a("kernel"), a("stride"),
          a("padding"), a("dilation"));
    m.def("nms", nms_of<T>, a("boxes"), a("scores"), py::arg("iou_threshold"), a("keep"));
    m.def("segment_graph", segment_graph_of<T>, a("edges"), a("weights"), py::arg("k"), py::arg("min_size"),
          a("labels"));
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
    const auto a = [](const char* name) { return py::arg(name).noconvert(); };
    m.def("merge_regions", merge_regions_of, a("sizes"), a("boxes"), a("colour"), a("texture"), a("pairs"),
          py::arg("image_size"), py::arg("weights"), a("merges"), a("similarities"), a("all_boxes"));
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
    m.def("tasks_of_longest", tasks_of_longest);
}
