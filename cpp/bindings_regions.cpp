// The bindings of boxes, planes and regions of pictures.
#include "bindings.hpp"
#include "isa.hpp"
#include "nms.hpp"
#include "regions.hpp"

namespace pyconvnet {
namespace {

bool all_in(const Array<Index>& a, Index low, Index high) {   // low <= every entry < high
    const Index* p = a.data();
    for (Index i = 0; i < a.size(); i++)
        if (p[i] < low || p[i] >= high) return false;
    return true;
}

bool is_each_once(const Array<Index>& image, Index n) {   // 0, 1, ... n - 1
    const Index* p = in(image);
    for (Index i = 0; i < image.size(); i++)
        if (p[i] != i) return false;
    return image.size() == n;
}

template <class T, class I>
PlanesShape planes_shape(const Array<T>& x, const Array<Index>& image, const Array<I>& chosen) {
    require(x.ndim() == 4 && image.ndim() == 1 && chosen.ndim() == 4, "planes take [n, c, h, w], [r], [r, c, i, j]");
    require(chosen.shape(0) == image.shape(0) && chosen.shape(1) == x.shape(1), "the positions do not fit the planes");
    return {x.shape(0), x.shape(1), x.shape(2) * x.shape(3), image.shape(0), chosen.shape(2) * chosen.shape(3),
            is_each_once(image, x.shape(0))};
}

template <class I>
constexpr bool is_short = sizeof(I) == 4;

template <class T, class I>
void gather_planes(const Array<T>& x, const Array<Index>& image, const Array<I>& chosen, Array<T>& y) {
    const PlanesShape s = planes_shape(x, image, chosen);
    require(y.ndim() == 4 && y.size() == chosen.size() && y.shape(0) == s.rows && y.shape(1) == s.c, "a wrong shape");
    const Index* ip = in(image);
    const I* cp = in(chosen);
    const T* xp = in(x);
    T* yp = out(y);
    bool inside;
    {
        py::gil_scoped_release release;
        if constexpr (is_short<I>) inside = kernels<T>().gather_planes_32(s, ip, cp, xp, yp);
        else inside = kernels<T>().gather_planes(s, ip, cp, xp, yp);
    }
    require(inside, "a position lies outside of its plane");
}

template <class T, class I>
void scatter_planes(const Array<T>& g, const Array<Index>& image, const Array<I>& chosen, Array<T>& x) {
    const PlanesShape s = planes_shape(x, image, chosen);
    require(g.ndim() == 4 && g.size() == chosen.size() && g.shape(0) == s.rows && g.shape(1) == s.c, "a wrong shape");
    const Index* ip = in(image);
    const I* cp = in(chosen);
    const T* gp = in(g);
    T* xp = out(x);
    bool inside;
    {
        py::gil_scoped_release release;
        if constexpr (is_short<I>) inside = kernels<T>().scatter_planes_32(s, ip, cp, gp, xp);
        else inside = kernels<T>().scatter_planes(s, ip, cp, gp, xp);
    }
    require(inside, "a position lies outside of its plane");
}

template <class T>
void roi_pool_indices(const Array<T>& x, const Array<Index>& image, const Array<Index>& bins, T lowest,
                      Array<Index>& chosen) {
    const PlanesShape s = planes_shape(x, image, chosen);
    const Index h = x.shape(2), w = x.shape(3), bins_h = chosen.shape(2), bins_w = chosen.shape(3);
    require(h * w < (Index{1} << 31), "a plane of 2^31 pixels or more");
    require(bins.ndim() == 2 && bins.shape(0) == s.rows && bins.shape(1) == 2 * (bins_h + bins_w), "the bins do not fit");
    require(all_in(image, 0, s.n), "a region of no picture");
    const Index *ip = in(image), *bp = in(bins);
    for (Index r = 0, columns = bins.shape(1); r < s.rows; r++)
        for (Index i = 0; i < columns; i++)
            require(bp[r * columns + i] >= 0 && bp[r * columns + i] <= (i < 2 * bins_h ? h : w), "a bin off the plane");
    const T* xp = in(x);
    Index* cp = out(chosen);
    py::gil_scoped_release release;
    kernels<T>().roi_pool_indices(s, w, bins_h, bins_w, ip, bp, xp, lowest, cp);
}

// categories: [n], or [0] where all boxes are of one.
template <class T>
Index nms_of(const Array<T>& boxes, const Array<T>& scores, const Array<Index>& categories, T iou_threshold,
             Array<Index>& keep) {
    require(boxes.ndim() == 2 && boxes.shape(1) == 4 && scores.ndim() == 1 && categories.ndim() == 1 &&
                keep.ndim() == 1,
            "nms takes [n, 4], [n], [n], [n]");
    const Index n = boxes.shape(0);
    require(scores.shape(0) == n && keep.shape(0) == n, "nms takes one score for each box");
    require(categories.shape(0) == n || categories.shape(0) == 0, "nms takes one category for each box");
    const T *bp = in(boxes), *sp = in(scores);
    const Index* cp = categories.shape(0) ? in(categories) : nullptr;
    require(all_in(categories, 0, n), "a category is out of range");
    Index* kp = out(keep);
    py::gil_scoped_release release;
    return nms<T>(n, bp, sp, cp, iou_threshold, kp);
}

bool rows_of(const Array<Index>& a, Index n, Index columns) {
    return a.ndim() == 2 && a.shape(0) == n && a.shape(1) == columns;
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

template <class T>
void define(py::module_& m) {
    const auto a = [](const char* name) { return py::arg(name).noconvert(); };
    m.def("gather_planes", gather_planes<T, Index>, a("x"), a("image"), a("chosen"), a("y"));
    m.def("gather_planes", gather_planes<T, std::int32_t>, a("x"), a("image"), a("chosen"), a("y"));
    m.def("scatter_planes", scatter_planes<T, Index>, a("g"), a("image"), a("chosen"), a("x"));
    m.def("scatter_planes", scatter_planes<T, std::int32_t>, a("g"), a("image"), a("chosen"), a("x"));
    m.def("roi_pool_indices", roi_pool_indices<T>, a("x"), a("image"), a("bins"), py::arg("lowest"), a("chosen"));
    m.def("nms", nms_of<T>, a("boxes"), a("scores"), a("categories"), py::arg("iou_threshold"), a("keep"));
    m.def("segment_graph", segment_graph_of<T>, a("edges"), a("weights"), py::arg("k"), py::arg("min_size"),
          a("labels"));
}

}  // namespace

void bind_regions(py::module_& m) {
    define<float>(m);
    define<double>(m);
    const auto a = [](const char* name) { return py::arg(name).noconvert(); };
    m.def("merge_regions", merge_regions_of, a("sizes"), a("boxes"), a("colour"), a("texture"), a("pairs"),
          py::arg("image_size"), py::arg("weights"), a("merges"), a("similarities"), a("all_boxes"));
}

}  // namespace pyconvnet
