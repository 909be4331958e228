#include "array_pool.hpp"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <utility>

namespace pyconvnet {
namespace {

constexpr std::size_t SMALLEST = 64 * 1024, MOST = std::size_t{1} << 47, ALIGNMENT = 64;
constexpr int CLASSES = 8 * 48;   // eight to an octave: at most an eighth is wasted

// Stands before the bytes that are handed out. Those of size class 0 are malloc's own and go back to it.
struct Tag {
    std::size_t bytes, size_class;
};
Tag& tag(void* p) { return static_cast<Tag*>(p)[-1]; }
void give_back(void* p) { std::free(static_cast<char*>(p) - (tag(p).size_class ? ALIGNMENT : sizeof(Tag))); }
void*& next(void* p) { return *static_cast<void**>(p); }   // of a free block

#if defined(__SANITIZE_ADDRESS__)
std::atomic<std::size_t> limit{0};   // a kept block would hide a use after its release
#else
std::atomic<std::size_t> limit{std::size_t{256} << 20};
#endif
std::mutex mutex;   // of what follows
void* free_blocks[CLASSES];
std::size_t held = 0;

void drop_all() {   // under the mutex
    for (void*& first : free_blocks)
        while (first) give_back(std::exchange(first, next(first)));
    held = 0;
}

// bytes rounded up to a multiple of an eighth of the power of two below.
std::size_t size_class(std::size_t& bytes) {
    const int octave = 63 - __builtin_clzll(bytes);
    const std::size_t step = std::size_t{1} << (octave - 3);
    bytes = (bytes + step - 1) / step * step;
    const int rounded = 63 - __builtin_clzll(bytes);
    return 8 * rounded + (bytes >> (rounded - 3) & 7);
}

void* fresh(std::size_t bytes, std::size_t size_class) {
    const std::size_t before = size_class ? ALIGNMENT : sizeof(Tag);
    void* base = size_class ? std::aligned_alloc(ALIGNMENT, (before + bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT)
                            : std::malloc(before + bytes);
    if (!base) return nullptr;
    void* p = static_cast<char*>(base) + before;
    tag(p) = {bytes, size_class};
    return p;
}

}  // namespace

void* pool_malloc(std::size_t bytes) noexcept {
    static const int registered =
        pthread_atfork([] { mutex.lock(); }, [] { mutex.unlock(); }, [] { mutex.unlock(); });
    (void)registered;
    if (bytes > MOST) return nullptr;
    if (bytes < SMALLEST || limit == 0) return fresh(bytes, 0);
    const std::size_t number = size_class(bytes);
    {
        std::lock_guard<std::mutex> lock(mutex);
        if (void* p = free_blocks[number]) {
            free_blocks[number] = next(p);
            held -= tag(p).bytes;
            return p;
        }
    }
    return fresh(bytes, number);
}

void* pool_calloc(std::size_t bytes) noexcept {
    if (bytes <= MOST && (bytes < SMALLEST || limit == 0)) {   // malloc's own zeros cost nothing until they are touched
        void* base = std::calloc(1, sizeof(Tag) + bytes);
        if (!base) return nullptr;
        void* p = static_cast<char*>(base) + sizeof(Tag);
        tag(p) = {bytes, 0};
        return p;
    }
    void* p = pool_malloc(bytes);
    if (p) std::memset(p, 0, bytes);
    return p;
}

void* pool_realloc(void* p, std::size_t bytes) noexcept {
    if (p && bytes <= tag(p).bytes && bytes >= tag(p).bytes / 2) return p;
    void* moved = pool_malloc(bytes);
    if (p && moved) {
        std::memcpy(moved, p, std::min(bytes, tag(p).bytes));
        pool_free(p);
    }
    return moved;
}

void pool_free(void* p) noexcept {
    if (!p) return;
    const Tag& block = tag(p);
    if (!block.size_class) return give_back(p);
    std::lock_guard<std::mutex> lock(mutex);
    if (block.bytes > limit) return give_back(p);
    if (held + block.bytes > limit) drop_all();   // sizes of long ago must not keep those of today out
    next(p) = free_blocks[block.size_class];
    free_blocks[block.size_class] = p;
    held += block.bytes;
}

void set_pool_limit(std::size_t bytes) {
    std::lock_guard<std::mutex> lock(mutex);
    limit = bytes;
    if (held > bytes) drop_all();
}
std::size_t get_pool_limit() { return limit; }
std::size_t pool_held() {
    std::lock_guard<std::mutex> lock(mutex);
    return held;
}

}  // namespace pyconvnet
