#include "memory.hpp"

#include <cstdlib>
#include <new>

namespace pyconvnet {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr std::size_t KEEP = 0;   // a kept block would hide a use after its release, or past its end
#else
constexpr std::size_t KEEP = std::size_t{64} << 20;   // bytes kept free in each thread
#endif
constexpr std::size_t HEADER = 64;
constexpr int BLOCKS = 16;

struct Header {
    std::size_t bytes;
};

struct Free {   // the free blocks of one thread
    Header* blocks[BLOCKS];
    int n = 0;
    std::size_t bytes = 0;
    ~Free() {
        while (n) std::free(blocks[--n]);
    }
    void drop(int i) {
        bytes -= blocks[i]->bytes;
        blocks[i] = blocks[--n];
    }
};
thread_local Free free_blocks;

}  // namespace

void* acquire(std::size_t bytes) {
    Free& f = free_blocks;
    int best = -1;   // the smallest block that is large enough, unless it is far too large
    for (int i = 0; i < f.n; i++)
        if (f.blocks[i]->bytes >= bytes && f.blocks[i]->bytes / 8 <= bytes + SLACK &&
            (best < 0 || f.blocks[i]->bytes < f.blocks[best]->bytes))
            best = i;
    if (best >= 0) {
        Header* block = f.blocks[best];
        f.drop(best);
        return reinterpret_cast<char*>(block) + HEADER;
    }
    if (bytes > (std::size_t{1} << 47)) throw std::bad_alloc();
    bytes = (bytes + (KEEP ? bytes / 8 : 0) + 63) / 64 * 64;   // room for a slightly larger next call
    void* raw = std::aligned_alloc(64, HEADER + bytes + SLACK);
    if (!raw) throw std::bad_alloc();
    static_cast<Header*>(raw)->bytes = bytes;
    return static_cast<char*>(raw) + HEADER;
}

void release(void* p) noexcept {
    if (!p) return;
    Free& f = free_blocks;
    Header* block = reinterpret_cast<Header*>(static_cast<char*>(p) - HEADER);
    while (f.n && (f.n == BLOCKS || f.bytes + block->bytes > KEEP)) {   // the oldest go first
        Header* oldest = f.blocks[0];
        f.bytes -= oldest->bytes;
        for (int i = 1; i < f.n; i++) f.blocks[i - 1] = f.blocks[i];
        f.n--;
        std::free(oldest);
    }
    if (block->bytes > KEEP) return std::free(block);
    f.blocks[f.n++] = block;
    f.bytes += block->bytes;
}

}  // namespace pyconvnet
