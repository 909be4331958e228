// How a weight gradient by Winograd is cut: into slots over the tiles, whose sums are added in order, and
// spans of the weights.
#pragma once
#include "micro.hpp"
#include "winograd.hpp"

namespace pyconvnet::PYCONVNET_ISA::sums {

constexpr Index L = Vec<float>::lanes, PART = most(L, ROWS);   // PART: channels transformed at a time

// How the work is cut. It depends on the shapes alone: it fixes the order of the sums.
struct Plan {
    Index ty, tx, c, f;         // tiles of an image; channels and filters rounded up to vectors (blocks)
    Index rows, bands, count;   // tile rows of a chunk, chunks down an image; images of a chunk
    Index tiles, chunks, slots, rounds;     // tiles of a chunk; a slot sums at most `rounds` chunks in order
    Index c_span, f_span, c_spans, spans;   // a slot's sums are cut into spans, tasks of their own
    Index in_place, g_place, sums_place;    // elements from place to place
    bool alone;                             // a task takes a slot from transforms to sums (few weights)
    Index first(Index slot) const { return chunks * slot / slots; }   // chunk of a slot
    Index slot() const { return 36 * (in_place + g_place); }
    Index span_sums() const { return 36 * sums_place; }
    Index slot_sums() const { return spans * span_sums(); }
};

inline Plan plan(const WinogradWeight& q) {
    Plan p{};
    p.ty = ceil_div(q.oh, 4), p.tx = ceil_div(q.ow, 4);
    p.c = ceil_div(q.c, L) * L, p.f = ceil_div(q.f, most(L, ROWS)) * most(L, ROWS);
    const Index tasks = double(q.n) * q.c * q.f * q.oh * q.ow > 2e6 ? 64 : 16;   // for all threads to share
    const Index all = q.n * p.ty * p.tx, weights = p.c * p.f;
    const double sums_bytes = 36.0 * sizeof(float) * weights;
    p.alone = all >= 32 * tasks && sums_bytes * tasks <= 10e6;
    Index wanted =
        p.alone ? 640 * 1024 / (36 * Index(sizeof(float)) * (p.c + p.f)) : 64;   // tiles: fit in level 2
    wanted = least<Index>(128, most<Index>(16, least(wanted, p.alone ? all / tasks : 64)));
    p.rows = most<Index>(1, least(p.ty, wanted / p.tx));
    p.bands = ceil_div(p.ty, p.rows);
    p.rows = ceil_div(p.ty, p.bands);
    p.count = p.bands == 1 ? most<Index>(1, least(q.n, wanted / (p.ty * p.tx))) : 1;
    p.tiles = p.count * p.rows * p.tx;
    p.chunks = ceil_div(q.n, p.count) * p.bands;
    p.slots = least(p.chunks, p.alone ? tasks : most<Index>(1, least<Index>(16, Index(5e6 / sums_bytes))));
    p.c_span = p.c, p.f_span = ceil_div(q.f, ROWS) * ROWS;
    if (!p.alone) {
        const Index needed = ceil_div(tasks, p.slots);
        for (p.c_span = least(p.c, 4 * L);; p.c_span = ceil_div(p.c_span / 2, L) * L) {
            p.f_span = most<Index>(1, q.f / ceil_div(needed, ceil_div(p.c, p.c_span)) / ROWS) * ROWS;
            if (p.c_span == L || ceil_div(q.f, p.f_span) * ceil_div(p.c, p.c_span) >= needed) break;
        }
    }
    p.rounds = ceil_div(p.chunks, p.slots);
    p.c_spans = ceil_div(p.c, p.c_span);
    p.spans = p.c_spans * ceil_div(q.f, p.f_span);
    p.in_place = p.tiles * p.c + APART;
    p.g_place = p.tiles * p.f + APART;
    p.sums_place = p.f_span * p.c_span + APART;
    return p;
}

// A chunk of tiles: images [n0, n0 + images), tile rows [t0, t0 + rows).
struct Chunk {
    Index n0, images, t0, rows, tiles;
    Chunk(const WinogradWeight& q, const Plan& p, Index chunk) {
        n0 = chunk / p.bands * p.count, images = least(p.count, q.n - n0);
        t0 = chunk % p.bands * p.rows, rows = least(p.rows, p.ty - t0);
        tiles = images * rows * p.tx;
    }
};

// A span of the weights: filters [f0, f1), channels [c0, c1). Its sums are [place][f - f0][c - c0].
struct Span {
    Index c0, c1, f0, f1;
    Span(const WinogradWeight& q, const Plan& p, Index span) {
        c0 = span % p.c_spans * p.c_span, c1 = least(p.c, c0 + p.c_span);
        f0 = span / p.c_spans * p.f_span, f1 = least(q.f, f0 + p.f_span);
    }
};

}  // namespace pyconvnet::PYCONVNET_ISA::sums
