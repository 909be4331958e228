// Everything that threads share, under ThreadSanitizer: four threads call kernels at once while a fifth changes the
// number of threads and the limit of the pool of arrays. Each must get the bits that it got alone. See .ci/tsan.
#include <atomic>
#include <cstdio>
#include <cstring>
#include <thread>
#include <vector>

#include "../cpp/array_pool.hpp"
#include "../cpp/isa.hpp"
#include "../cpp/nms.hpp"
#include "../cpp/pool.hpp"

using namespace pyconvnet;

static std::vector<float> numbers(Index n, unsigned seed) {
    std::vector<float> v(n);
    for (float& x : v) x = static_cast<float>((seed = seed * 1664525u + 1013904223u) >> 8) / (1 << 24);
    return v;
}

// A convolution, a product, pooling, suppression: one after the other, in memory of the pool of arrays.
static std::vector<float> work(unsigned seed) {
    const Window at{24, 24, 3, 3, 1, 1, 1, 1, 1, 1, 24, 24};
    const ConvShape conv{4, 8, 16, 1, at};
    const auto x = numbers(4 * 8 * 576, seed), w = numbers(16 * 72, seed + 1);
    const Index bytes = 4 * 16 * 576 * sizeof(float);
    float* y = static_cast<float*>(pool_malloc(bytes));
    kernels<float>().conv(conv, x.data(), w.data(), y);
    std::vector<float> result(y, y + 4 * 16 * 576);
    const Index zero = 0;
    kernels<float>().matmul({1, 64, 576, 64, 64, 1, 576, 1, 576, 1, &zero, &zero}, x.data(), result.data(), y);
    result.insert(result.end(), y, y + 64 * 576);
    pool_free(y);
    std::vector<Index> keep(4096), category(4096);
    auto boxes = numbers(4 * 4096, seed + 2);
    for (Index i = 0; i < 4096; i++) {
        category[i] = i % 5;
        for (int k = 0; k < 2; k++) boxes[4 * i + 2 + k] = boxes[4 * i + k] + 0.01f;
    }
    const Index kept = nms<float>(4096, boxes.data(), numbers(4096, seed).data(), category.data(), 0.5f, keep.data());
    for (Index i = 0; i < kept; i++) result.push_back(static_cast<float>(keep[i]));
    return result;
}

int main() {
    std::vector<std::vector<float>> alone;
    for (unsigned t = 0; t < 4; t++) alone.push_back(work(t));
    set_num_threads(3);
    std::atomic<int> wrong{0}, running{4};
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < 4; t++)
        threads.emplace_back([&, t] {
            for (int i = 0; i < 25; i++) wrong += work(t) != alone[t];
            running--;
        });
    for (int n = 1; running; n = n % 4 + 1) {
        set_num_threads(n);
        set_pool_limit(static_cast<std::size_t>(n % 3) << 20);
        std::this_thread::yield();
    }
    for (std::thread& thread : threads) thread.join();
    std::printf("%d wrong results\n", wrong.load());
    return wrong != 0;
}
