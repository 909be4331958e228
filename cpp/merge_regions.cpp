#include <algorithm>
#include <queue>
#include <vector>

#include "regions.hpp"

namespace pyconvnet {
namespace {

constexpr Index LANES = 8;

// Counts of every region, padded with zeros to whole vectors, and their sums.
struct Histograms {
    Index width;
    std::vector<std::int32_t> counts;
    std::vector<double> total;

    Histograms(Index r, Index bins, const Index* given) : width((bins + LANES - 1) / LANES * LANES) {
        counts.reserve(2 * r * width);
        counts.resize(r * width);
        for (Index i = 0; i < r; i++) {
            std::copy(given + i * bins, given + (i + 1) * bins, counts.begin() + i * width);
            double sum = 0;
            for (Index k = 0; k < bins; k++) sum += static_cast<double>(given[i * bins + k]);
            total.push_back(sum);
        }
    }
    void merge(Index a, Index b) {
        const std::size_t end = counts.size();
        counts.resize(end + width);
        for (Index k = 0; k < width; k++) counts[end + k] = counts[a * width + k] + counts[b * width + k];
        total.push_back(total[a] + total[b]);
    }
    // sum_k min(a_k / |a|, b_k / |b|) over one common denominator: whole numbers below 2^53, so the sum is exact
    // in any order, and the same in every backend.
    double intersection(Index a, Index b) const {
        const double ta = total[a], tb = total[b];
        if (ta == 0 || tb == 0) return 0;
        const std::int32_t *p = &counts[a * width], *q = &counts[b * width];
        double lane[LANES] = {};
        for (Index k = 0; k < width; k += LANES)
            for (Index l = 0; l < LANES; l++) {
                const double x = p[k + l] * tb, y = q[k + l] * ta;
                lane[l] += x < y ? x : y;
            }
        double sum = 0;
        for (double v : lane) sum += v;
        return sum / (ta * tb);
    }
};

struct Candidate {
    double similarity;
    Index a, b;   // a < b
    // The heap's order: less similar, then later regions, come after.
    bool operator<(const Candidate& o) const {
        if (similarity != o.similarity) return similarity < o.similarity;
        return a != o.a ? a > o.a : b > o.b;
    }
};

}  // namespace

Index merge_regions(const Regions& start, Index p, const Index* pairs, Index* merges, double* similarities,
                    Index* boxes) {
    Histograms colour(start.r, start.colours, start.colour), texture(start.r, start.textures, start.texture);
    std::vector<Index> size(start.sizes, start.sizes + start.r);
    std::copy(start.boxes, start.boxes + 4 * start.r, boxes);
    std::vector<std::vector<Index>> neighbours(start.r);
    std::vector<Index> seen(2 * start.r, -1);   // by which merged region
    std::vector<bool> merged(2 * start.r, false);
    std::priority_queue<Candidate> candidates;

    const auto similarity = [&](Index a, Index b) {
        const Index *p = boxes + 4 * a, *q = boxes + 4 * b, both = size[a] + size[b];
        const Index bound = (std::max(p[2], q[2]) - std::min(p[0], q[0])) *
                            (std::max(p[3], q[3]) - std::min(p[1], q[1]));
        const double image = static_cast<double>(start.image_size);
        return start.weights[0] * colour.intersection(a, b) + start.weights[1] * texture.intersection(a, b) +
               start.weights[2] * (1 - static_cast<double>(both) / image) +
               start.weights[3] * (1 - static_cast<double>(bound - both) / image);
    };
    const auto meet = [&](Index a, Index b) {   // a < b
        neighbours[a].push_back(b);
        neighbours[b].push_back(a);
        candidates.push({similarity(a, b), a, b});
    };

    for (Index i = 0; i < p; i++) meet(pairs[2 * i], pairs[2 * i + 1]);
    Index done = 0;
    while (!candidates.empty()) {
        const Candidate best = candidates.top();
        candidates.pop();
        if (merged[best.a] || merged[best.b]) continue;   // it was similar to a region that is no more
        const Index fresh = start.r + done;
        merges[2 * done] = best.a;
        merges[2 * done + 1] = best.b;
        similarities[done++] = best.similarity;
        merged[best.a] = merged[best.b] = true;
        colour.merge(best.a, best.b);
        texture.merge(best.a, best.b);
        size.push_back(size[best.a] + size[best.b]);
        const Index *a = boxes + 4 * best.a, *b = boxes + 4 * best.b;
        Index* box = boxes + 4 * fresh;
        for (int i = 0; i < 4; i++) box[i] = i < 2 ? std::min(a[i], b[i]) : std::max(a[i], b[i]);
        neighbours.emplace_back();
        for (Index old : {best.a, best.b}) {
            for (Index n : neighbours[old])
                if (!merged[n] && seen[n] != fresh) {
                    seen[n] = fresh;
                    meet(n, fresh);
                }
            neighbours[old] = {};
        }
    }
    return done;
}

}  // namespace pyconvnet
