// Forward and input gradient by Winograd (formula: winograd.hpp). Lanes are tiles. A group of tiles is
// transformed to in[place][channel][lane]; each of the 36 places is then a product
//
//     products[place][m][lane] = sum over c of weights[place][m][c] in[place][c][lane]
//
// of a size that stays in the level 2 cache, and the outputs are transformed back where they are needed.
#include "buffer.hpp"
#include "inside.hpp"
#include "micro.hpp"
#include "transpose.hpp"
#include "winograd.hpp"
#include "winograd_tiling.hpp"
#include "winograd_weights.hpp"

namespace pyconvnet::PYCONVNET_ISA {
namespace {

using V = Vec<float>;
using Lanes = V::type;
using namespace tiling;
// B^T d B of tiles whose input (i, j) is at from[at(i, j)], to to[place].
template <class At>
inline void transform_tile(const float* from, const At& at, Index place, float* to) {
    Lanes half[6][6];
#pragma GCC unroll 6
    for (int j = 0; j < 6; j++) {
        Lanes d[6], o[6];
#pragma GCC unroll 6
        for (int i = 0; i < 6; i++) d[i] = V::load(from + at(i, j));
        input_transform(d, o);
#pragma GCC unroll 6
        for (int i = 0; i < 6; i++) half[i][j] = o[i];
    }
#pragma GCC unroll 6
    for (int i = 0; i < 6; i++) {
        Lanes o[6];
        input_transform(half[i], o);
#pragma GCC unroll 6
        for (int j = 0; j < 6; j++) V::store(to + (6 * i + j) * place, o[j]);
    }
}

// Lanes are images: pixels of L images lie side by side, and a table says where each pixel of the padded
// picture is; those outside are at the zeros in the end.
void transform_images(const WinogradConv& q, const Plan& p, const Group& group, Index c0, Index c1,
                      float* to) {
    const Index plane = q.h * q.w, width = 4 * group.columns + 2, height = 4 * group.rows + 2;
    const Index y0 = 4 * group.t0 - q.ph, x0 = 4 * group.x0 - q.pw;
    const Index first = most<Index>(0, least(y0, q.h)), last = most(first, least(q.h, y0 + height));
    Buffer<float> pixels((last - first) * q.w * L + L);
    Buffer<Index> at(width * height);
    const Index outside = (last - first) * q.w * L;
    zero<float>(pixels, outside + L);   // also the lanes of images that do not exist
    for (Index r = 0; r < height; r++)
        for (Index x = 0; x < width; x++) {
            const Index iy = y0 + r, ix = x0 + x;
            const bool inside = iy >= 0 && iy < q.h && ix >= 0 && ix < q.w;
            at[r * width + x] = inside ? ((iy - first) * q.w + ix) * L : outside;
        }
    for (Index c = c0; c < c1; c++) {
        transpose<float>(q.in + group.n0 * q.in_image + c * plane + first * q.w, q.in_image, group.images,
                         (last - first) * q.w, pixels, L);
        for (Index y = 0; y < group.rows; y++)
            for (Index x = 0; x < group.columns; x++) {
                const Index* corner = at + 4 * (y * width + x);
                transform_tile(
                    pixels, [=](int i, int j) { return corner[i * width + j]; }, p.in_place,
                    to + c * p.ld + (y * p.columns + x) * L);
            }
    }
}

// Lanes are tiles: the band is split into its 4 x 4 residues, so that neighbouring tiles lie side by side.
void transform_band(const WinogradConv& q, const Plan& p, const Group& group, Index c0, Index c1, float* to) {
    const Index n0 = group.n0, images = group.images, t0 = group.t0, rows = group.rows;
    const Index across = p.tx + 1, residue = (rows + 1) * across + 2 * L;
    Buffer<float> band(16 * residue), line(4 * across);
    zero<float>(band, 16 * residue);
    zero<float>(line, 4 * across);
    const Inside in(4 * across, 1, -q.pw, q.w);
    for (Index i = 0; i < images; i++)
        for (Index c = c0; c < c1; c++) {
            const float* from = q.in + (n0 + i) * q.in_image + c * q.h * q.w;
            for (Index r = 0; r < 4 * rows + 2; r++) {
                const Index y = 4 * t0 + r - q.ph;
                float* d = band + r % 4 * 4 * residue + r / 4 * across;
                if (y < 0 || y >= q.h) {
                    for (Index j = 0; j < 4; j++) zero(d + j * residue, across);
                    continue;
                }
                copy<float>(line + in.first, from + y * q.w + in.first - q.pw, in.last - in.first);
                transpose<float>(line, 4, across, 4, d, residue);
            }
            for (Index y = 0; y < rows; y++)   // a row's last vector runs on; the next row overwrites that
                for (Index x = 0; x < p.tx; x += L)
                    transform_tile(
                        band + y * across + x,
                        [=](int i, int j) { return (i % 4 * 4 + j % 4) * residue + i / 4 * across + j / 4; },
                        p.in_place, to + c * p.ld + (i * p.rows + y) * p.tx + x);
        }
}

void transform_input(const WinogradConv& q, const Plan& p, Index group, Index c0, Index c1, float* to) {
    if (p.images) transform_images(q, p, Group(q, p, group), c0, c1, to);
    else transform_band(q, p, Group(q, p, group), c0, c1, to);
}

// A^T m A of one output channel, written to its pictures. scratch: 16 tiles' rows, or the pixels of L images.
void transform_output(const WinogradConv& q, const Plan& p, Index group, Index m, const float* products,
                      Index place, float* scratch, Finite& finite) {
    const Group at(q, p, group);
    float* out = q.out + at.n0 * q.out_image + (m * q.oh + 4 * at.t0) * q.ow + 4 * at.x0;
    const Index lines = least(4 * at.rows, q.oh - 4 * at.t0), width = least(4 * at.columns, q.ow - 4 * at.x0);
    for (Index v = 0; v < p.vectors; v++) {
        Lanes half[4][6];
#pragma GCC unroll 6
        for (int j = 0; j < 6; j++) {
            Lanes m[6], o[4];
#pragma GCC unroll 6
            for (int i = 0; i < 6; i++) m[i] = V::load(products + (6 * i + j) * place + v * L);
            output_transform(m, o);
#pragma GCC unroll 4
            for (int i = 0; i < 4; i++) half[i][j] = o[i];
        }
#pragma GCC unroll 4
        for (int i = 0; i < 4; i++) {
            Lanes o[4];
            output_transform(half[i], o);
            for (int j = 0; j < 4; j++) {
                if (!p.images) V::store(scratch + (4 * i + j) * p.ld + v * L, o[j]);
                else if (v / p.columns * 4 + i < lines && v % p.columns * 4 + j < width) {
                    finite.see(o[j]);
                    V::store(scratch + ((v / p.columns * 4 + i) * width + v % p.columns * 4 + j) * L, o[j]);
                }
            }
        }
    }
    if (p.images) {   // four at a time: sixteen, a power of two from each other, would share a cache set
        const Index pieces = width == q.ow ? 1 : lines, piece = lines * width / pieces;   // runs of pixels
        for (Index i = 0; i < at.images; i += 4)
            for (Index y = 0; y < pieces; y++)
                transpose<float>(scratch + y * piece * L + i, L, piece, least<Index>(4, at.images - i),
                                 out + i * q.out_image + y * q.ow, q.out_image);
        return;
    }
    float* line = scratch + 16 * p.ld;
    for (Index i = 0; i < at.images; i++)
        for (Index y = 0; y < lines; y++) {
            const float* from = scratch + y % 4 * 4 * p.ld + (i * p.rows + y / 4) * p.tx;
            float* to = out + i * q.out_image + y * q.ow;
            transpose(from, p.ld, 4, p.tx, q.ow % 4 ? line : to, 4);
            if (q.ow % 4) copy(to, line, q.ow);
            finite.see(to, q.ow);
        }
}

}  // namespace

bool winograd_conv(const WinogradConv& q) {
    const Plan p = plan(q);
    bool finite = true;
    Buffer<float> weights(p.own_weights ? 0 : p.spans * 36 * p.weights_place);
    Buffer<float> inputs(p.spans > 1 ? p.groups * p.in_group : 0);
    float *const all_weights = weights, *const all_inputs = inputs;
    const double work = 4.5 * q.n * q.m * q.c * q.oh * q.ow;
    if (!p.own_weights) {
        const Index blocks = ceil_div(p.span, ROWS);   // of a span
        parallel(p.spans * blocks, 36.0 * q.m * q.c > 5e4, [&](Index task) {
            const Index span = task / blocks, last = least(q.m, (span + 1) * p.span);
            const Index m0 = span * p.span + task % blocks * ROWS;
            if (m0 < last)
                transform_weights(q, m0, least(last, m0 + ROWS), p.weights_place,
                                  all_weights + span * 36 * p.weights_place + task % blocks * ROWS * q.c);
        });
    }
    if (p.spans > 1) {
        const Index step = most<Index>(1, ceil_div(q.c, 16)), parts = ceil_div(q.c, step);
        parallel(p.groups * parts, work > 5e5, [&](Index task) {
            const Index group = task / parts, c0 = task % parts * step;
            transform_input(q, p, group, c0, least(q.c, c0 + step), all_inputs + group * p.in_group);
        });
    }
    Buffer<Index> steps(q.c);
    for (Index c = 0; c < q.c; c++) steps[c] = c * p.ld;
    const Index* step = steps;
    const Index start[VECTORS] = {0, L, 2 * L};
    parallel(p.groups * p.spans, work > 5e5, [&](Index task) {
        const Index group = task / p.spans, span = task % p.spans;
        const Index first = span * p.span, last = least(q.m, first + p.span);
        Buffer<float> own_input(p.spans > 1 ? 0 : p.in_group),
            own_weights(p.own_weights ? 36 * p.weights_place : 0);
        float* in = all_inputs + group * p.in_group;
        float* weight = all_weights + span * 36 * p.weights_place;
        if (p.spans == 1) transform_input(q, p, group, 0, q.c, in = own_input);
        if (p.own_weights) transform_weights(q, first, last, p.weights_place, weight = own_weights);
        const Index place = least(CHUNK, padded_rows(q.m)) * p.ld + APART;
        Buffer<float> products(36 * place);
        Buffer<float> scratch(p.images ? 16 * p.rows * p.columns * L : 16 * p.ld + 4 * p.tx);
        Finite seen;
        for (Index c0 = first; c0 < last; c0 += CHUNK) {
            const Index c1 = least(last, c0 + CHUNK);
            for (Index k = 0; k < 36; k++)
                for (Index v = 0, width; v < p.vectors; v += width) {
                    width = strip_width(p.vectors - v);
                    for (Index m0 = c0; m0 < c1; m0 += ROWS)
                        micro<float>(block_rows(m0, last), width, q.c,
                                     weight + k * p.weights_place + (m0 - first) * q.c,
                                     in + k * p.in_place + v * L, step, start,
                                     products + k * place + (m0 - c0) * p.ld + v * L, p.ld);
                }
            for (Index m = c0; m < c1; m++)
                transform_output(q, p, group, m, products + (m - c0) * p.ld, place, scratch, seen);
        }
        if (!seen.all()) __atomic_store_n(&finite, false, __ATOMIC_RELAXED);
    });
    return finite;
}

}  // namespace pyconvnet::PYCONVNET_ISA
