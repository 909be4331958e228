// The weight gradient by Winograd: the forward formula (winograd.hpp) differentiated in g,
//
//     dg = G^T [ sum over tiles of (A dY A^T) . (B^T d B) ] G
//
// Each of the 36 places is a matrix product, k runs over tiles:
//
//     sums[place][f][c] = sum over tiles of gradients[place][tile][f] inputs[place][tile][c]
//
// Lanes are channels, so both sides are read from channels-last copies of a chunk of tiles.
#include "buffer.hpp"
#include "inside.hpp"
#include "micro.hpp"
#include "transpose.hpp"
#include "winograd.hpp"
#include "winograd_sums.hpp"

namespace pyconvnet::PYCONVNET_ISA {
namespace {

using V = Vec<float>;
using Lanes = V::type;
using namespace sums;

// Channels-last copy to[row][column][lane] of rows [y0, y0 + height) and columns [x0, x0 + width) of
// `channels` planes; 0 outside and in the other lanes.
void channels_last(const float* from, Index h, Index w, Index channels, Index lanes, Index y0, Index x0,
                   Index height, Index width, float* to) {
    const Inside in(width, 1, x0, w);
    for (Index y = y0; y < y0 + height; y++, to += width * lanes) {
        if (y < 0 || y >= h) {
            zero(to, width * lanes);
            continue;
        }
        zero(to, in.first * lanes);
        if (channels < lanes) zero(to + in.first * lanes, (in.last - in.first) * lanes);
        transpose(from + y * w + in.first + x0, h * w, channels, in.last - in.first, to + in.first * lanes,
                  lanes);
        zero(to + in.last * lanes, (width - in.last) * lanes);
    }
}

// B^T d B of channels [c0, c0 + PART): to[place][tile][channel].
void transform_input(const WinogradWeight& q, const Plan& p, const Chunk& k, Index c0, float* to) {
    const Index width = 4 * p.tx + 2, height = 4 * k.rows + 2, lanes = least(PART, p.c - c0);
    Buffer<float> band(height * width * lanes);
    for (Index i = 0; i < k.images; i++) {
        channels_last(q.in + (k.n0 + i) * q.in_image + c0 * q.h * q.w, q.h, q.w, least(lanes, q.c - c0),
                      lanes, 4 * k.t0 - q.ph, -q.pw, height, width, band);
        for (Index t = 0; t < k.rows * p.tx; t++)
            for (Index c = 0; c < lanes; c += L) {
                const float* from = band + (t / p.tx * width + t % p.tx) * 4 * lanes + c;
                float* d = to + (i * k.rows * p.tx + t) * p.c + c0 + c;
                Lanes half[6][6];
#pragma GCC unroll 6
                for (int j = 0; j < 6; j++) {
                    Lanes column[6], o[6];
#pragma GCC unroll 6
                    for (int r = 0; r < 6; r++) column[r] = V::load(from + (r * width + j) * lanes);
                    input_transform(column, o);
#pragma GCC unroll 6
                    for (int r = 0; r < 6; r++) half[r][j] = o[r];
                }
#pragma GCC unroll 6
                for (int r = 0; r < 6; r++) {
                    Lanes o[6];
                    input_transform(half[r], o);
#pragma GCC unroll 6
                    for (int j = 0; j < 6; j++) V::store(d + (6 * r + j) * p.in_place, o[j]);
                }
            }
    }
}

// A dY A^T of filters [f0, f0 + PART): to[place][block of ROWS filters][tile][filter of the block].
void transform_gradient(const WinogradWeight& q, const Plan& p, const Chunk& k, Index f0, float* to) {
    const Index width = 4 * p.tx, height = 4 * k.rows, lanes = least(PART, p.f - f0);
    Buffer<float> band(height * width * lanes);
    for (Index i = 0; i < k.images; i++) {
        channels_last(q.g + (k.n0 + i) * q.g_image + f0 * q.oh * q.ow, q.oh, q.ow, least(lanes, q.f - f0),
                      lanes, 4 * k.t0, 0, height, width, band);
        for (Index t = 0; t < k.rows * p.tx; t++)
            for (Index f = 0; f < lanes; f += L) {
                const float* from = band + (t / p.tx * width + t % p.tx) * 4 * lanes + f;
                const Index tile = i * k.rows * p.tx + t, at = f0 + f;
                float* d = to + at / ROWS * ROWS * p.tiles + tile * ROWS + at % ROWS;
                Lanes half[6][4];
#pragma GCC unroll 4
                for (int j = 0; j < 4; j++) {
                    Lanes column[4], o[6];
#pragma GCC unroll 4
                    for (int r = 0; r < 4; r++) column[r] = V::load(from + (r * width + j) * lanes);
                    gradient_transform(column, o);
#pragma GCC unroll 6
                    for (int r = 0; r < 6; r++) half[r][j] = o[r];
                }
#pragma GCC unroll 6
                for (int r = 0; r < 6; r++) {
                    Lanes o[6];
                    gradient_transform(half[r], o);
#pragma GCC unroll 6
                    for (int j = 0; j < 6; j++)
                        for (Index lane = 0; lane < L; lane += ROWS)
                            __builtin_memcpy(d + (6 * r + j) * p.g_place + lane * p.tiles,
                                             reinterpret_cast<const float*>(&o[j]) + lane,
                                             least(ROWS, L) * sizeof(float));
                }
            }
    }
}

// sums (+)= the products of one chunk.
void multiply(const Plan& p, const Span& s, Index tiles, bool add, const float* in, const float* g,
              const Index* step, float* sums) {
    const Index start[VECTORS] = {0, L, 2 * L};
    for (Index place = 0; place < 36; place++)
        for (Index c = s.c0, width; c < s.c1; c += width * L) {
            width = strip_width((s.c1 - c) / L);
            for (Index f = s.f0; f < s.f1; f += ROWS) {
                const float *a = g + place * p.g_place + f * p.tiles, *b = in + place * p.in_place + c;
                float* to = sums + place * p.sums_place + (f - s.f0) * p.c_span + c - s.c0;
                if (!add) {
                    micro<float>(ROWS, width, tiles, a, b, step, start, to, p.c_span);
                    continue;
                }
                alignas(64) float tile[ROWS * TILE<float>];
                micro<float>(ROWS, width, tiles, a, b, step, start, tile);
                for (Index r = 0; r < ROWS; r++, to += p.c_span)
                    for (Index v = 0; v < width * L; v += L)
                        V::store(to + v, V::load(to + v) + V::load(tile + r * TILE<float> + v));
            }
        }
}

// G^T u G of filters [f0, f1) of a span, u the sum of the slots' sums.
bool finish(const WinogradWeight& q, const Plan& p, const Span& s, Index f0, Index f1, Index slots,
            const float* sums) {
    Finite finite;
    for (Index f = f0; f < f1; f++)
        for (Index c = s.c0; c < least(q.c, s.c1); c += L) {
            Lanes u[6][6], half[3][6];
            for (int i = 0; i < 36; i++) {
                const float* from = sums + i * p.sums_place + (f - s.f0) * p.c_span + c - s.c0;
                Lanes sum = V::load(from);
                for (Index slot = 1; slot < slots; slot++) sum += V::load(from + slot * p.slot_sums());
                u[i % 6][i / 6] = sum;
            }
#pragma GCC unroll 6
            for (int j = 0; j < 6; j++) {
                Lanes o[3];
                weight_transform_transposed(u[j], o);
                for (int i = 0; i < 3; i++) half[i][j] = o[i];
            }
            alignas(64) float taps[9][L];
#pragma GCC unroll 3
            for (int i = 0; i < 3; i++) {
                Lanes o[3];
                weight_transform_transposed(half[i], o);
                for (int j = 0; j < 3; j++) {
                    finite.see(o[j]);
                    V::store(taps[3 * i + j], o[j]);
                }
            }
            transpose(taps[0], L, 9, least(L, q.c - c), q.dw + (f * q.c + c) * 9, 9);
        }
    return finite.all();
}

}  // namespace

bool winograd_weight(const WinogradWeight& q) {
    const Plan p = plan(q);
    const bool at_once = !p.alone && p.slots == 1 && p.rounds == 1;   // a span's sums never leave their task
    Buffer<float> transformed(p.alone ? 0 : p.slots * p.slot()),
        slot_sums(at_once ? 0 : p.slots * p.slot_sums());
    Buffer<Index> steps(p.tiles);
    for (Index t = 0; t < p.tiles; t++) steps[t] = t * p.c;
    float *const all = transformed, *const totals = slot_sums;
    const Index* step = steps;
    bool finite = true;
    const auto finish_span = [&](const Span& s, Index f0, Index f1, Index slots, const float* from) {
        if (!finish(q, p, s, f0, f1, slots, from)) __atomic_store_n(&finite, false, __ATOMIC_RELAXED);
    };
    const Index in_parts = ceil_div(p.c, PART), parts = in_parts + ceil_div(p.f, PART);
    const auto transform = [&](Index chunk, Index part, float* to) {
        const Chunk k(q, p, chunk);
        if (part < in_parts) transform_input(q, p, k, part * PART, to);
        else transform_gradient(q, p, k, (part - in_parts) * PART, to + 36 * p.in_place);
    };
    const bool worthwhile = 4.5 * q.n * q.c * q.f * q.oh * q.ow > 5e5;
    if (p.alone)
        parallel(p.slots, worthwhile, [&](Index slot) {
            Buffer<float> own(p.slot());
            for (Index chunk = p.first(slot); chunk < p.first(slot + 1); chunk++) {
                for (Index part = 0; part < parts; part++) transform(chunk, part, own);
                multiply(p, Span(q, p, 0), Chunk(q, p, chunk).tiles, chunk > p.first(slot), own,
                         own + 36 * p.in_place, step, totals + slot * p.slot_sums());
            }
        });
    else
        for (Index round = 0; round < p.rounds; round++) {
            parallel(p.slots * parts, worthwhile, [&](Index task) {
                const Index slot = task / parts, chunk = p.first(slot) + round;
                if (chunk < p.first(slot + 1)) transform(chunk, task % parts, all + slot * p.slot());
            });
            parallel(p.slots * p.spans, worthwhile, [&](Index task) {
                const Index slot = task / p.spans, chunk = p.first(slot) + round;
                if (chunk >= p.first(slot + 1)) return;
                const Span s(q, p, task % p.spans);
                const float* in = all + slot * p.slot();
                Buffer<float> own(at_once ? p.span_sums() : 0);
                float* to = at_once ? own : totals + task * p.span_sums();
                multiply(p, s, Chunk(q, p, chunk).tiles, round > 0, in, in + 36 * p.in_place, step, to);
                if (at_once) finish_span(s, s.f0, s.f1, 1, to);
            });
        }
    if (!at_once)
        parallel(p.spans * p.f_span / ROWS, 36.0 * p.c * p.f * p.slots > 5e4, [&](Index task) {
            const Index span = task / (p.f_span / ROWS);
            const Span s(q, p, span);
            const Index f0 = s.f0 + task % (p.f_span / ROWS) * ROWS;
            finish_span(s, f0, least(s.f1, f0 + ROWS), p.slots, totals + span * p.span_sums());
        });
    return finite;
}

}  // namespace pyconvnet::PYCONVNET_ISA
