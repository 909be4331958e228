// How a convolution by Winograd is cut into groups of tiles and spans of output channels. It depends on the
// shapes alone, never on the number of threads.
#pragma once
#include "micro.hpp"
#include "winograd.hpp"

namespace pyconvnet::PYCONVNET_ISA::tiling {

constexpr Index L = Vec<float>::lanes;
constexpr Index CHUNK = 32;   // rows of products held at a time

struct Plan {
    Index ty, tx;   // tiles of an image
    bool images;    // lanes are images (small pictures), vectors are tiles; else lanes are tiles
    Index rows, columns, count;   // of a group: tile rows, tile columns (all where lanes are tiles), images
    Index across, bands;          // groups side by side in an image, groups of an image
    Index groups, vectors, ld;    // vectors of a group; lanes from channel to channel
    Index in_place, in_group;     // elements from place to place, and of a group's transformed input
    Index span, spans;            // output channels are cut into spans; a task is one span of one group
    Index weights_place;          // elements from place to place of a span's weights
    double cycles;                // estimated, all tasks together
    bool own_weights;             // each task transforms the weights of its span: there are one or two groups
};

// Cycles of the micro-kernel for one row, one channel and `vectors` vectors: narrow strips reuse less.
inline double strip_cost(Index vectors) {
    double cost = 0;
    for (Index v = 0, width; v < vectors; v += width) {
        width = strip_width(vectors - v);
        cost += width == 3 ? 1.5 : width == 2 ? 1.1 : 0.8;
    }
    return cost;
}

// Cycles to read so many bytes `times` times from beyond the level 2 cache; nothing if they fit into half of
// it.
inline double reading(double bytes, double times) { return bytes > 512e3 ? bytes * times / 25 : 0; }

inline Plan plan(const WinogradConv& q) {
    Plan best{};
    double least_cost = 0;
    const Index ty = ceil_div(q.oh, 4), tx = ceil_div(q.ow, 4);
    const Index tasks = double(q.n) * q.m * q.c * q.oh * q.ow > 2e6 ? 64 : 16;   // for all threads to share
    // Candidates: lanes are images, and a group is rows of tiles or pieces of a row; lanes are tiles, and a
    // group is rows of an image or whole images.
    for (int images = 0; images < 2; images++)
        for (Index count = 1; count <= (images ? tx : q.n); count++)
            for (Index rows = images || count == 1 ? 1 : ty; rows <= (images && count > 1 ? 1 : ty); rows++) {
                Plan p{};
                p.ty = ty, p.tx = tx, p.images = images, p.rows = rows;
                p.columns = images ? ceil_div(tx, count) : tx;
                p.across = ceil_div(tx, p.columns), p.bands = ceil_div(ty, rows) * p.across;
                p.count = images ? L : count;
                p.groups = ceil_div(q.n, p.count) * p.bands;
                p.vectors = images ? rows * p.columns : ceil_div(count * rows * tx, L);
                if (best.groups && p.vectors > 12) {   // larger ones are no better
                    if (!images) count = q.n;
                    break;
                }
                p.ld = p.vectors * L + (images || tx % L == 0 ? 0 : L);
                p.spans = p.groups >= tasks ? 1 : least(ceil_div(tasks, p.groups), ceil_div(q.m, ROWS));
                const Index transforms = images ? p.vectors : count * rows * ceil_div(tx, L);
                const double in_bytes = 36.0 * sizeof(float) * q.c * p.vectors * L,
                             weight_bytes = 36.0 * sizeof(float) * q.c * q.m;
                const double idle = p.groups * p.spans < tasks ? double(tasks) / (p.groups * p.spans) : 1;
                p.cycles = p.groups * (36.0 * q.c * ceil_div(q.m, ROWS) * ROWS * strip_cost(p.vectors) +
                                       200.0 * q.c * transforms + 200.0 * q.m * p.vectors +
                                       reading(weight_bytes, p.groups > 2) +
                                       reading(in_bytes, most(p.spans, ceil_div(q.m, CHUNK))));
                if (best.groups == 0 || idle * p.cycles < least_cost) best = p, least_cost = idle * p.cycles;
            }
    Plan& p = best;
    p.in_place = q.c * p.ld + APART;
    p.in_group = 36 * p.in_place;
    p.span = ceil_div(q.m, ROWS) / p.spans * ROWS;
    p.spans = ceil_div(q.m, p.span);
    p.own_weights = p.spans > 1 && p.groups <= 2;
    p.weights_place = padded_rows(least(p.span, q.m)) * q.c + APART;
    return p;
}

// Images [n0, n0 + images), tile rows [t0, t0 + rows) and columns [x0, x0 + columns).
struct Group {
    Index n0, images, t0, rows, x0, columns;
    Group(const WinogradConv& q, const Plan& p, Index group) {
        n0 = group / p.bands * p.count, images = least(p.count, q.n - n0);
        t0 = group % p.bands / p.across * p.rows, rows = least(p.rows, p.ty - t0);
        x0 = group % p.across * p.columns, columns = least(p.columns, p.tx - x0);
    }
};

}  // namespace pyconvnet::PYCONVNET_ISA::tiling
