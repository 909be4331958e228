// Work memory of the kernels: 64-byte aligned blocks from a stack of each thread's own. What a block is for ends
// with the C++ block that acquired it, so the last acquired is the first released. The stack is kept for the
// next call, because the first touch of a fresh page costs more than the arithmetic on it.
#pragma once
#include <cstddef>

namespace pyconvnet {

void* acquire(std::size_t bytes);     // throws std::bad_alloc
void release(void* block) noexcept;   // the last one that this thread acquired and has not released

}  // namespace pyconvnet
