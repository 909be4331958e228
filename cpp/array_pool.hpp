// Memory for arrays: a freed block of 64 KB or more is kept for the next array of about its size, because the first
// touch of a fresh page costs more than the arithmetic on it. Bounded, safe from any thread and across fork.
#pragma once
#include <cstddef>

namespace pyconvnet {

void* pool_malloc(std::size_t bytes) noexcept;   // null where there is no memory left
void* pool_calloc(std::size_t bytes) noexcept;
void* pool_realloc(void* p, std::size_t bytes) noexcept;
void pool_free(void* p) noexcept;

void set_pool_limit(std::size_t bytes);   // of the free blocks together; 0: keep none
std::size_t get_pool_limit();
std::size_t pool_held();   // bytes of the free blocks now

}  // namespace pyconvnet
