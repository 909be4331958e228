#include "memory.hpp"

#include <algorithm>
#include <cstdlib>
#include <new>
#include <utility>

namespace pyconvnet {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr std::size_t KEEP = 0;   // a kept block would hide a use after its release, or past its end
#else
constexpr std::size_t KEEP = std::size_t{64} << 20;   // bytes kept by each thread
#endif
constexpr std::size_t ALIGNMENT = 64, SMALLEST = 64 * 1024, MOST = std::size_t{1} << 47;

struct alignas(ALIGNMENT) Chunk {   // its blocks follow it
    Chunk* below;
    std::size_t size, used;
    char* blocks() { return reinterpret_cast<char*>(this + 1); }
};

// Chunks, of which only the top one grows. A call that needs more than one leaves word of how much it took in
// all; the next call begins with one chunk of that size.
class Stack {
  public:
    ~Stack() {
        while (top_) pop();
    }

    void* acquire(std::size_t bytes) {
        if (top_ && !top_->used && top_->size < bytes) pop();   // it would lie empty under all that follows
        if (!top_ || top_->size - top_->used < bytes) push(bytes);
        void* block = top_->blocks() + top_->used;
        top_->used += bytes;
        in_use_ += bytes;
        peak_ = std::max(peak_, in_use_);
        return block;
    }

    void release(void* block) {
        const std::size_t used = static_cast<char*>(block) - top_->blocks();
        in_use_ -= top_->used - used;
        top_->used = used;
        if (used == 0 && (top_->below || top_->size < std::min(peak_, KEEP) || top_->size > KEEP)) pop();
    }

  private:
    void push(std::size_t bytes) {
        const std::size_t size = top_ || !KEEP ? bytes : std::max({bytes, SMALLEST, std::min(peak_, KEEP)});
        void* raw = std::aligned_alloc(ALIGNMENT, sizeof(Chunk) + size);
        if (!raw) throw std::bad_alloc();
        top_ = new (raw) Chunk{top_, size, 0};
    }

    void pop() { std::free(std::exchange(top_, top_->below)); }

    Chunk* top_ = nullptr;
    std::size_t in_use_ = 0, peak_ = 0;
};
thread_local Stack stack;

}  // namespace

void* acquire(std::size_t bytes) {
    if (bytes > MOST) throw std::bad_alloc();
    bytes = std::max<std::size_t>(bytes, 1);   // no two blocks at one place: the end of one would end the other
    return stack.acquire((bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
}

void release(void* block) noexcept { stack.release(block); }

}  // namespace pyconvnet
