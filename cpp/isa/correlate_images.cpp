// Lanes are pictures: a pixel of L pictures is a vector, band[channel][plane][row][column][picture]. Rows that are
// shorter than a vector then waste no lane, and nothing is packed. The sums are the same numbers in the same order as
// those of correlate.cpp, so the bits are the same, too.
#include "correlate_images.hpp"

#include "buffer.hpp"
#include "inside.hpp"
#include "taps.hpp"
#include "transpose.hpp"

namespace pyconvnet::PYCONVNET_ISA {
namespace {

constexpr Index BAND_BYTES = 512 * 1024;   // of a task's band: half of a level 2 cache of 1 MB

struct Plan {
    Index width, plane, size;   // vectors of a row of the band and of a plane, elements of the band
    Index rows, bands;          // output rows in a band; bands of a picture
    Index groups;               // of L pictures
    Index span, spans;          // output channels of a task
    Index K, kc;                // as in strips.hpp
};

// So many tasks for all threads to share.
template <class T>
Index wanted_tasks(const Correlation<T>& q) {
    return double(q.n) * q.m * q.c * q.taps * q.oh * q.ow > 2e7 ? 64 : 16;
}

template <class T>
Plan plan(const Correlation<T>& q, const Taps<T>& taps) {
    constexpr Index L = Vec<T>::lanes;
    Plan p{};
    p.K = q.c * q.taps;
    p.kc = ceil_div(p.K, ceil_div(p.K, LONGEST));
    p.width = q.ow + taps.ex;
    p.groups = ceil_div(q.n, L);
    const Index tasks = wanted_tasks(q), blocks = ceil_div(q.m, ROWS);
    const Index row_bytes = q.c * taps.planes * p.width * L * Index(sizeof(T));
    Index rows = least(q.oh, most(BAND_BYTES / row_bytes - taps.ey, 1 + taps.ey));
    rows = least(rows, most<Index>(1, q.oh / ceil_div(tasks, p.groups * blocks)));
    p.bands = ceil_div(q.oh, rows);
    p.rows = ceil_div(q.oh, p.bands);
    p.plane = (p.rows + taps.ey) * p.width | 1;   // odd: planes at a power of two would share a cache set
    p.size = q.c * taps.planes * p.plane * L;
    const Index spans = least(blocks, ceil_div(tasks, p.groups * p.bands));
    p.span = blocks / spans * ROWS;
    p.spans = ceil_div(q.m, p.span);
    return p;
}

// The band of pictures [n0, n0 + g) from output row r0 on, channels [c0, c1); 0 outside the pictures.
template <class T>
void fill(const Correlation<T>& q, const Plan& p, const Taps<T>& taps, Index n0, Index g, Index r0, Index rows,
          Index c0, Index c1, T* band) {
    constexpr Index L = Vec<T>::lanes;
    Buffer<T> pixels(q.h * q.w * L);
    zero<T>(pixels, q.h * q.w * L);   // also the lanes of pictures that do not exist
    for (Index c = c0; c < c1; c++) {
        Index first = q.h, last = 0;   // rows of the picture that some plane reads
        for (Index plane = 0; plane < taps.planes; plane++) {
            const Index top = r0 * q.sy + taps.row(plane);
            const Inside lines(rows + taps.ey, q.sy, top, q.h);
            if (lines.first == lines.last) continue;
            first = least(first, lines.first * q.sy + top), last = most(last, (lines.last - 1) * q.sy + top + 1);
        }
        if (first < last)
            transpose<T>(q.in + n0 * q.in_image + (c * q.h + first) * q.w, q.in_image, g, (last - first) * q.w,
                         pixels + first * q.w * L, L);
        for (Index plane = 0; plane < taps.planes; plane++) {
            const Index top = r0 * q.sy + taps.row(plane), left = taps.column(plane);
            const Inside lines(rows + taps.ey, q.sy, top, q.h), columns(p.width, q.sx, left, q.w);
            T* to = band + (c * taps.planes + plane) * p.plane * L;
            zero(to, p.plane * L);
            for (Index r = lines.first; r < lines.last; r++) {
                const T* from = pixels + (r * q.sy + top) * q.w * L;
                for (Index x = columns.first; x < columns.last; x++)
                    copy(to + (r * p.width + x) * L, from + (x * q.sx + left) * L, L);
            }
        }
    }
}

}  // namespace

template <class T>
bool by_images(const Correlation<T>& q) {
    constexpr Index L = Vec<T>::lanes;
    if (q.n < 2 || q.ow > 2 * L) return false;
    if (ceil_div(q.n, L) * q.oh * ceil_div(q.m, ROWS) < wanted_tasks(q)) return false;
    const Taps<T> taps(q);
    const Index K = q.c * q.taps;
    return cycles_by_images(L, q.n, K, q.c, q.m, q.oh, q.ow, least(q.h, (q.oh + taps.ey) * q.sy) * q.w) <
           0.9 * cycles_by_rows(L, q.n, K, q.c, q.m, q.oh, q.ow, taps.ex);
}

template <class T>
void correlate_images(const Correlation<T>& q) {
    constexpr Index L = Vec<T>::lanes;
    const Taps<T> taps(q);
    const Plan p = plan(q, taps);
    Buffer<Index> koff(p.K);
    taps.offsets(p.plane, p.width, koff);
    for (Index k = 0; k < p.K; k++) koff[k] *= L;
    const Index* koffs = koff;
    const Index bands = p.groups * p.bands;
    const bool worthwhile = 2.0 * q.n * q.m * p.K * q.oh * q.ow > 5e5;
    const auto fill_band = [&](Index band, Index c0, Index c1, T* to) {
        const Index n0 = band / p.bands * L, r0 = band % p.bands * p.rows;
        fill(q, p, taps, n0, least(L, q.n - n0), r0, least(p.rows, q.oh - r0), c0, c1, to);
    };
    Buffer<T> shared(p.spans > 1 ? bands * p.size : 0);   // the bands that several tasks read
    T* all_bands = shared;
    if (p.spans > 1) {
        const Index step = ceil_div(q.c, 8), parts = ceil_div(q.c, step);
        parallel(bands * parts, worthwhile, [&](Index task) {
            const Index c0 = task % parts * step;
            fill_band(task / parts, c0, least(q.c, c0 + step), all_bands + task / parts * p.size);
        });
    }
    parallel(bands * p.spans, worthwhile, [&](Index task) {
        const Index at = task / p.spans, first = task % p.spans * p.span, last = least(q.m, first + p.span);
        const Index n0 = at / p.bands * L, g = least(L, q.n - n0), r0 = at % p.bands * p.rows;
        const Index pixels = least(p.rows, q.oh - r0) * q.ow;
        Buffer<T> own(p.spans > 1 ? 0 : p.size);
        const T* band = p.spans > 1 ? all_bands + at * p.size : static_cast<T*>(own);
        if (p.spans == 1) fill_band(at, 0, q.c, own);
        Buffer<T> sums(ROWS * pixels * L);
        Buffer<Index> start(pixels);
        for (Index i = 0; i < pixels; i++) start[i] = (i / q.ow * p.width + i % q.ow) * L;
        for (Index m0 = first; m0 < last; m0 += ROWS) {
            const Index height = block_rows(m0, q.m);
            for (Index k0 = 0; k0 < p.K; k0 += p.kc) {
                const Index kn = least(p.kc, p.K - k0);
                const T* weights = q.A + m0 * p.K + k0 * height;
                for (Index i = 0, width; i < pixels; i += width) {
                    width = strip_width(pixels - i);
                    T* to = sums + i * L;
                    if (k0 == 0) {
                        micro<T>(height, width, kn, weights, band, koffs, start + i, to, pixels * L);
                        continue;
                    }
                    alignas(64) T tile[ROWS * TILE<T>];
                    micro<T>(height, width, kn, weights, band, koffs + k0, start + i, tile);
                    for (Index r = 0; r < height; r++)
                        for (Index v = 0; v < width * L; v += L) {
                            T* sum = to + r * pixels * L + v;
                            Vec<T>::store(sum, Vec<T>::load(tile + r * TILE<T> + v) + Vec<T>::load(sum));
                        }
                }
            }
            // Four pictures at a time: sixteen, a power of two from each other, would share a cache set.
            for (Index r = 0; r < least(height, q.m - m0); r++)
                for (Index i = 0; i < g; i += 4)
                    transpose<T>(sums + r * pixels * L + i, L, pixels, least<Index>(4, g - i),
                                 q.out + (n0 + i) * q.out_image + ((m0 + r) * q.oh + r0) * q.ow, q.out_image);
        }
    });
}

template bool by_images<float>(const Correlation<float>&);
template bool by_images<double>(const Correlation<double>&);
template void correlate_images<float>(const Correlation<float>&);
template void correlate_images<double>(const Correlation<double>&);

}  // namespace pyconvnet::PYCONVNET_ISA
