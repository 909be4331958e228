#include "matmul.hpp"

#include <stdexcept>
#include <vector>

#include "isa.hpp"

namespace py = pybind11;

namespace pyconvnet {
namespace {

constexpr int MOST_AXES = 64;   // NumPy's limit

template <class T>
bool ready(const py::array& x) {   // strides in whole elements, elements in their places
    if (!py::isinstance<py::array_t<T>>(x) || reinterpret_cast<std::uintptr_t>(x.data()) % alignof(T)) return false;
    for (py::ssize_t i = 0; i < x.ndim(); i++)
        if (x.shape(i) > 1 && x.strides(i) % static_cast<py::ssize_t>(sizeof(T))) return false;
    return true;
}

template <class T>
Index stride(const py::array& x, py::ssize_t axis) {
    return x.strides(axis) / static_cast<py::ssize_t>(sizeof(T));
}

// Offsets of x's matrices for every position of the broadcast axes before the last two, in row-major order.
template <class T>
void offsets(const py::array& x, int axes, const py::ssize_t* shape, Index* at) {
    const int lead = axes - static_cast<int>(x.ndim() - 2);   // axes that x lacks
    Index n = 1;
    at[0] = 0;
    for (int axis = axes - 1; axis >= 0; axis--) {   // from the innermost outwards: what is there is repeated
        const Index step = axis < lead || x.shape(axis - lead) == 1 ? 0 : stride<T>(x, axis - lead);
        for (Index i = 1; i < shape[axis]; i++)
            for (Index j = 0; j < n; j++) at[i * n + j] = at[j] + i * step;
        n *= shape[axis];
    }
}

template <class T>
py::object product(const py::array& a, const py::array& b) {
    const int axes = static_cast<int>(a.ndim() > b.ndim() ? a.ndim() : b.ndim()) - 2;
    py::ssize_t shape[MOST_AXES];
    Index batch = 1;
    for (int axis = 0; axis < axes; axis++) {
        const py::ssize_t i = axis - (axes - (a.ndim() - 2)), j = axis - (axes - (b.ndim() - 2));
        const py::ssize_t p = i < 0 ? 1 : a.shape(i), q = j < 0 ? 1 : b.shape(j);
        if (p != q && p != 1 && q != 1) throw std::invalid_argument("matmul: the first axes do not broadcast");
        shape[axis] = p == 1 ? q : p;
        batch *= shape[axis];
    }
    const py::ssize_t i = a.ndim() - 2, j = b.ndim() - 2;
    shape[axes] = a.shape(i);
    shape[axes + 1] = b.shape(j + 1);
    MatmulShape s{batch, a.shape(i), b.shape(j + 1), a.shape(i + 1), stride<T>(a, i), stride<T>(a, i + 1),
                  stride<T>(b, j), stride<T>(b, j + 1), b.shape(j + 1), 1, nullptr, nullptr};
    py::array_t<T> c(std::vector<py::ssize_t>(shape, shape + axes + 2));
    if (c.size() == 0) return c;

    Index none = 0;
    std::vector<Index> at;
    s.a_at = s.b_at = &none;
    if (batch > 1 && b.ndim() == 2 && a.strides(0) == a.shape(1) * a.strides(1) && a.ndim() == 3) {
        s.m *= batch;   // one b for all, rows of a at one distance: one product
        s.batch = 1;
    } else if (batch > 1) {
        at.resize(2 * batch);
        offsets<T>(a, axes, shape, at.data());
        offsets<T>(b, axes, shape, at.data() + batch);
        s.a_at = at.data(), s.b_at = at.data() + batch;
    }
    const T *ap = static_cast<const T*>(a.data()), *bp = static_cast<const T*>(b.data());
    T* cp = c.mutable_data();
    py::gil_scoped_release release;
    kernels<T>().matmul(s, ap, bp, cp);
    return std::move(c);
}

}  // namespace

py::object matmul(const py::array& a, const py::array& b) {
    if (a.ndim() < 2 || b.ndim() < 2 || a.shape(a.ndim() - 1) != b.shape(b.ndim() - 2))
        throw std::invalid_argument("matmul takes [..., m, k] and [..., k, n]");
    if (ready<float>(a) && ready<float>(b)) return product<float>(a, b);
    if (ready<double>(a) && ready<double>(b)) return product<double>(a, b);
    return py::none();
}

}  // namespace pyconvnet
