// Work memory of the kernels: 64-byte aligned blocks, kept by each thread for its next call, because the
// first touch of a fresh page costs more than the arithmetic on it. `SLACK` bytes may be read (not used) past
// the end.
#pragma once
#include <cstddef>

namespace pyconvnet {

constexpr std::size_t SLACK = 4096;

void* acquire(std::size_t bytes);     // throws std::bad_alloc
void release(void* block) noexcept;   // by the thread that acquired it

}  // namespace pyconvnet
