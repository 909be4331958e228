#include "correlate.hpp"

#include "buffer.hpp"
#include "correlate_images.hpp"
#include "inside.hpp"
#include "micro.hpp"
#include "pairs.hpp"
#include "strips.hpp"
#include "taps.hpp"

namespace pyconvnet::PYCONVNET_ISA {
namespace {

constexpr Index BAND_BYTES = 384 * 1024;   // aimed at for a thread's band, in a level 2 cache of 1 MB

template <class T>
Plan<T> plan(const Correlation<T>& q, const Taps<T>& taps) {
    constexpr Index L = Vec<T>::lanes, NR = TILE<T>, BAND = BAND_BYTES / sizeof(T);
    Plan<T> p{};
    p.ey = taps.ey, p.ex = taps.ex;
    p.width = q.ow + p.ex;
    const Index tasks =
        double(q.n) * q.m * q.c * q.taps * q.oh * q.ow > 2e7 ? 64 : 16;   // for all threads to share
    const Index row = q.c * taps.planes * p.width;
    Index rows = least(q.oh, most<Index>(1, BAND / row - p.ey));
    rows = least(rows, most(ceil_div(q.n * q.oh, tasks), ceil_div(4 * NR, q.ow)));
    rows = most(rows, least(q.oh, most(ceil_div(2 * NR, q.ow), p.ey / 2)));   // but few rows copied twice
    p.bands = ceil_div(q.oh, rows);
    p.rows = ceil_div(q.oh, p.bands);
    p.plane = (p.rows + p.ey) * p.width;
    p.image = q.c * taps.planes * p.plane;
    p.images = 1;
    const Index mblocks = ceil_div(q.m, ROWS),
                most_images = tasks == 64 ? q.n * mblocks / 64 : ceil_div(q.n, 8);
    if (p.bands == 1)
        p.images = most<Index>(
            1, least(least(q.n, ceil_div(4 * NR, q.oh * q.ow)), least(BAND / p.image, most_images)));
    const Index pixels = ceil_div(q.n, p.images) * p.bands;
    p.splits = tasks == 64 && pixels < 64 ? least(mblocks, ceil_div(64, pixels)) : 1;
    p.span = mblocks / p.splits * ROWS;
    p.splits = ceil_div(q.m, p.span);
    p.packing = Packing::aligned;
    if (q.ow % L) {   // compare vectors computed, and vectors copied, by either way
        const double per_row = q.ow >= L ? 1.5 : double(L) / q.ow + 0.5, half = least(p.span, q.m) / 2.0;
        const double wide = double(q.oh) * p.width / L * half;
        const double dense = double(q.oh) * q.ow / L * (half + 2.5 * per_row);
        p.packing = wide <= dense ? Packing::wide : Packing::dense;
    }
    p.K = q.c * q.taps;
    p.kc = ceil_div(p.K, ceil_div(p.K, LONGEST));
    return p;
}

// Rows [r0, r0 + rows) of one residue plane: to[r][x] = in[(r0 + r) sy + y0][x sx + x0], 0 outside the
// picture.
template <class T>
void fill(const Correlation<T>& q, const T* in, Index r0, Index rows, Index y0, Index x0, Index width,
          T* to) {
    const Inside columns(width, q.sx, x0, q.w), lines(rows, q.sy, r0 * q.sy + y0, q.h);
    const Index a = columns.first, b = columns.last;
    if (lines.first > 0 || lines.last < rows || a > 0 || b < width) zero(to, rows * width);
    to += lines.first * width + a;
    for (Index r = lines.first; r < lines.last; r++, to += width) {
        const T* from = in + ((r0 + r) * q.sy + y0) * q.w + a * q.sx + x0;
        if (q.sx == 1) copy(to, from, b - a);
        else if (q.sx == 2) every_second(from, b - a, q.w - (2 * (b - 1) + x0 + 1), to);
        else
            for (Index x = 0; x < b - a; x++) to[x] = from[x * q.sx];
    }
}

}  // namespace

template <class T>
void correlate(const Correlation<T>& q) {
    constexpr Index L = Vec<T>::lanes, ROW = TILE<T> + L;
    if (q.n == 0 || q.m == 0 || q.oh <= 0 || q.ow <= 0) return;
    if (by_images(q)) return correlate_images(q);
    const Taps<T> taps(q);
    const Plan<T> p = plan(q, taps);
    Buffer<Index> koff(p.K);
    taps.offsets(p.plane, p.width, koff);
    Buffer<Index> dense_offsets(p.kc);
    for (Index k = 0; k < p.kc; k++) dense_offsets[k] = k * ROW;
    const Index *koffs = koff, *dense = dense_offsets;
    const Index bands = ceil_div(q.n, p.images) * p.bands, out_plane = q.oh * q.ow;
    const bool weights_stay =
        least(p.span, q.m) * p.kc * Index(sizeof(T)) > 400 * 1024;   // which factor the inner loop runs over
    const bool worthwhile = 2.0 * q.n * q.m * p.K * q.oh * q.ow > 5e5;
    const auto fill_band = [&](Index band, Index c0, Index c1, T* to) {
        const Index n0 = band / p.bands * p.images, g = least(p.images, q.n - n0);
        const Index r0 = band % p.bands * p.rows, rows = least(p.rows, q.oh - r0);
        for (Index c = c0; c < c1; c++)
            for (Index i = 0; i < g; i++)
                for (Index plane = 0; plane < taps.planes; plane++)
                    fill(q, q.in + (n0 + i) * q.in_image + c * q.h * q.w, r0, rows + p.ey, taps.row(plane),
                         taps.column(plane), p.width, to + i * p.image + (c * taps.planes + plane) * p.plane);
    };
    const Index band_size = p.image * p.images + 2 * TILE<T>;
    Buffer<T> shared(p.splits > 1 ? bands * band_size : 0);
    T* all_bands = shared;
    if (p.splits > 1) {
        const Index step = ceil_div(q.c, 8), parts = ceil_div(q.c, step);
        parallel(bands * parts, worthwhile, [&](Index task) {
            const Index c0 = task % parts * step;
            fill_band(task / parts, c0, least(q.c, c0 + step), all_bands + task / parts * band_size);
        });
    }

    parallel(bands * p.splits, worthwhile, [&](Index task) {
        const Index at_band = task / p.splits, first = task % p.splits * p.span,
                    last = least(q.m, first + p.span);
        const Index n0 = at_band / p.bands * p.images, g = least(p.images, q.n - n0);
        const Index r0 = at_band % p.bands * p.rows, rows = least(p.rows, q.oh - r0);
        Buffer<T> own(p.splits > 1 ? 0 : band_size);
        T* band = p.splits > 1 ? all_bands + at_band * band_size : own;
        if (p.splits == 1) fill_band(at_band, 0, q.c, band);

        const Index most_vectors = g * (ceil_div(p.rows * p.width, L) + 1),
                    mblocks = ceil_div(last - first, ROWS);
        Buffer<Strip> strips(most_vectors);
        Buffer<Piece> pieces(2 * most_vectors + g * rows);
        const Index n_strips =
            cut(q, p, n0, g, r0, rows, static_cast<Strip*>(strips), static_cast<Piece*>(pieces));
        const bool packed = p.packing == Packing::dense;
        Buffer<T> columns(packed ? n_strips * p.kc * ROW + ROW : 0);

        for (Index k0 = 0; k0 < p.K; k0 += p.kc) {
            const Index kn = least(p.kc, p.K - k0);
            if (packed)
                for (Index i = 0; i < n_strips; i++)
                    pack<T>(strips[i], pieces, band, koffs + k0, kn, columns + i * p.kc * ROW);
            for (Index it = 0; it < n_strips * mblocks; it++) {
                const Index m0 = first + (weights_stay ? it / n_strips : it % mblocks) * ROWS;
                const Index at = weights_stay ? it % n_strips : it / mblocks;
                const Strip& s = strips[at];
                const Index height = block_rows(m0, q.m), m_rows = least(height, q.m - m0);
                alignas(64) T tile[ROWS * TILE<T>];
                micro<T>(height, s.width, kn, q.A + m0 * p.K + k0 * height,
                         packed ? columns + at * p.kc * ROW : band + s.base, packed ? dense : koffs + k0,
                         s.start, tile);
                for (Index i = s.first; i < s.last; i++)
                    for (Index r = 0; r < m_rows; r++)
                        put(q.out + pieces[i].to + (m0 + r) * out_plane, tile + r * TILE<T> + pieces[i].lane,
                            pieces[i].n, k0 > 0);
            }
        }
    });
}

template void correlate<float>(const Correlation<float>&);
template void correlate<double>(const Correlation<double>&);

}  // namespace pyconvnet::PYCONVNET_ISA
