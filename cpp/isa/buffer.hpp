// Buffer<T>: work memory for the length of a block (memory.hpp). parallel: a loop over tasks on the pool
// (pool.hpp).
#pragma once
#include "../memory.hpp"
#include "../pool.hpp"
#include "vec.hpp"

namespace pyconvnet::PYCONVNET_ISA {

template <class T>
class Buffer {
  public:
    explicit Buffer(Index n) : p_(static_cast<T*>(acquire(static_cast<std::size_t>(n) * sizeof(T)))) {}
    ~Buffer() { release(p_); }
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    operator T*() { return p_; }
    operator const T*() const { return p_; }

  private:
    T* p_;
};

template <class T>
inline void zero(T* p, Index n) {
    if (n > 0) __builtin_memset(p, 0, static_cast<std::size_t>(n) * sizeof(T));
}
template <class T>
inline void copy(T* to, const T* from, Index n) {
    if (n > 0) __builtin_memcpy(to, from, static_cast<std::size_t>(n) * sizeof(T));
}

// body(task) for task in [0, tasks). What a task computes must not depend on who runs it or on the number of
// threads. `worthwhile` false: so little work that waking a thread would cost more.
template <class Body>
inline void parallel(Index tasks, bool worthwhile, const Body& body) {
    if (worthwhile)
        parallel_for(
            tasks, [](void* b, Index task) { (*static_cast<const Body*>(b))(task); },
            const_cast<Body*>(&body));
    else
        for (Index task = 0; task < tasks; task++) body(task);
}

}  // namespace pyconvnet::PYCONVNET_ISA
