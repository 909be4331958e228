// NEP 49: NumPy asks a handler, kept in a context variable, for the memory of an array's numbers, and the array
// remembers whom to give it back to. Function and struct are those of NumPy's stable C interface (numpy/ndarraytypes.h,
// numpy/__multiarray_api.h); taken from its table by their numbers, so that building needs no NumPy.
#include "array_memory.hpp"

#include "array_pool.hpp"

namespace py = pybind11;

namespace pyconvnet {
namespace {

constexpr int SET_HANDLER = 304;   // PyDataMem_SetHandler(PyObject* capsule or NULL) -> the one before

struct Handler {   // PyDataMem_Handler
    char name[127];
    std::uint8_t version;
    void* context;
    void* (*malloc)(void*, std::size_t);
    void* (*calloc)(void*, std::size_t, std::size_t);
    void* (*realloc)(void*, void*, std::size_t);
    void (*free)(void*, void*, std::size_t);
};

Handler pool_handler{
    "pyconvnet_pool",
    1,
    nullptr,
    [](void*, std::size_t bytes) { return pool_malloc(bytes); },
    [](void*, std::size_t n, std::size_t size) -> void* {
        if (size && n > SIZE_MAX / size) return nullptr;
        return pool_calloc(n * size);
    },
    [](void*, void* p, std::size_t bytes) { return pool_realloc(p, bytes); },
    [](void*, void* p, std::size_t) { pool_free(p); },
};

void** numpy_table = nullptr;

}  // namespace

void find_array_memory() {
    const py::object capsule = py::module_::import("numpy._core.multiarray").attr("_ARRAY_API");
    void* p = PyCapsule_GetPointer(capsule.ptr(), nullptr);
    if (!p) throw py::error_already_set();
    numpy_table = static_cast<void**>(p);
}

py::object use_array_memory(const py::object& handler) {
    static PyObject* const pool = PyCapsule_New(&pool_handler, "mem_handler", nullptr);   // for ever
    using Set = PyObject* (*)(PyObject*);
    const Set set = reinterpret_cast<Set>(numpy_table[SET_HANDLER]);
    PyObject* before = set(handler.is_none() ? pool : handler.ptr());
    if (!before) throw py::error_already_set();
    return py::reinterpret_steal<py::object>(before);
}

}  // namespace pyconvnet
