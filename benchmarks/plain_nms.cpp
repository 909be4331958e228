// Greedy suppression as a textbook writes it, one pair of boxes at a time: what `python -m benchmarks nms` compares
// with. The same loops as torchvision's, built for any machine of the family (no -m flags).
#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

extern "C" std::int64_t plain_nms(std::int64_t n, const float* boxes, const float* scores, float iou_threshold,
                                  std::int64_t* keep) {
    std::vector<float> x1(n), y1(n), x2(n), y2(n), area(n);
    for (std::int64_t i = 0; i < n; i++) {
        x1[i] = boxes[4 * i], y1[i] = boxes[4 * i + 1], x2[i] = boxes[4 * i + 2], y2[i] = boxes[4 * i + 3];
        area[i] = (x2[i] - x1[i]) * (y2[i] - y1[i]);
    }
    std::vector<std::int64_t> order(n);
    std::iota(order.begin(), order.end(), std::int64_t{0});
    std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return scores[a] > scores[b]; });
    std::vector<std::uint8_t> suppressed(n, 0);
    std::int64_t kept = 0;
    for (std::int64_t a = 0; a < n; a++) {
        const std::int64_t i = order[a];
        if (suppressed[i]) continue;
        keep[kept++] = i;
        for (std::int64_t b = a + 1; b < n; b++) {
            const std::int64_t j = order[b];
            if (suppressed[j]) continue;
            const float width = std::max(0.f, std::min(x2[i], x2[j]) - std::max(x1[i], x1[j]));
            const float height = std::max(0.f, std::min(y2[i], y2[j]) - std::max(y1[i], y1[j]));
            const float intersection = width * height;
            if (intersection / (area[i] + area[j] - intersection) > iou_threshold) suppressed[j] = 1;
        }
    }
    return kept;
}
