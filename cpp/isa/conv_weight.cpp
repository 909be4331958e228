// dw[f][c, i, j] = sum over pixels p = (n, oy, ox) of g[f][p] x[c][pixel under tap (i, j) of p]: the same
// micro-kernel with k = p, and lanes over (j, c), which lie side by side in a channels-last copy of the band
// (for dilation 1; else lanes over c alone). A band's sum goes to one of a few slots, added up in a fixed
// order at the end.
#include "buffer.hpp"
#include "choose.hpp"
#include "conv.hpp"
#include "conv_weight.hpp"
#include "depthwise.hpp"
#include "micro.hpp"
#include "transpose.hpp"
#include "winograd.hpp"

namespace pyconvnet::PYCONVNET_ISA {
namespace {

constexpr Index BAND_BYTES = 256 * 1024;
constexpr Index SHARED_BYTES =
    32 << 20;   // of all bands, where the tasks of several spans read the same ones

// How the work is cut. It depends on the shapes alone: it fixes the order of the sums.
template <class T>
struct Plan {
    Index c, f;                          // channels and filters of a group
    Index runs, run, per_run, vectors;   // runs of `run` lanes in a row, each of per_run vectors
    Index width, rows, bands, images;    // band: columns, output rows; bands of an image; images in a job
    Index image, pixels;                 // elements and output pixels of an image's band
    Index jobs, slots, part;             // part: elements of a slot
    Index splits, span;                  // the filters are split into `splits` spans, each a task of its own
};

template <class T>
Plan<T> plan(const ConvShape& s) {
    constexpr Index L = Vec<T>::lanes, BAND = BAND_BYTES / sizeof(T);
    const Window& k = s.at;
    Plan<T> p{};
    p.c = s.c / s.groups, p.f = s.f / s.groups;
    p.runs = k.dw == 1 ? k.kh : k.kh * k.kw;
    p.run = k.dw == 1 ? k.kw * p.c : p.c;
    p.per_run = ceil_div(p.run, L);
    p.vectors = p.runs * p.per_run;
    p.width = (k.ow - 1) * k.sw + (k.kw - 1) * k.dw + 1;
    Index rows = least(k.oh, most<Index>(1, BAND / (p.c * p.width * k.sh)));
    const Index tasks =
        double(s.n) * p.c * p.f * k.oh * k.ow * k.kh * k.kw > 2e7 ? 64 : 8;   // for all threads
    rows = least(rows, most(least(512 / k.ow, ceil_div(s.n * k.oh, tasks)), ceil_div(128, k.ow)));
    rows = most(rows, least(k.oh, (k.kh - 1) * k.dh / (2 * k.sh)));   // few rows copied twice
    p.bands = ceil_div(k.oh, rows);
    p.rows = ceil_div(k.oh, p.bands);
    p.pixels = p.rows * k.ow;
    p.image = ((p.rows - 1) * k.sh + (k.kh - 1) * k.dh + 1) * p.width * p.c;
    p.images = 1;
    if (p.bands == 1) p.images = most<Index>(1, least(s.n, least(256 / p.pixels, BAND / p.image)));
    p.jobs = ceil_div(s.n, p.images) * p.bands;
    p.part = padded_rows(p.f) * p.vectors * L;
    p.slots = most<Index>(1, least(least<Index>(p.jobs, tasks), (Index(1) << 21) / p.part + 1));
    p.splits = most(least<Index>(8, p.f / 64), least(ceil_div(tasks, p.slots), ceil_div(p.f, ROWS)));
    p.span = ceil_div(p.f, ROWS) / p.splits * ROWS;
    p.splits = ceil_div(p.f, p.span);
    return p;
}

// Channels-last, zero-padded copy of the rows that output rows [r0, r0 + rows) read:
// to[row][column][channel].
template <class T>
void fill(const Window& k, const Plan<T>& p, const T* x, Index r0, Index rows, T* to) {
    const Index left = least(k.pw, p.width), inside = most<Index>(0, least(k.w, p.width - left));
    for (Index r = 0; r < (rows - 1) * k.sh + (k.kh - 1) * k.dh + 1; r++, to += p.width * p.c) {
        const Index y = r0 * k.sh + r - k.ph;
        if (r % k.sh > (k.kh - 1) * k.dh) continue;   // no tap reads this row
        if (y < 0 || y >= k.h) {
            zero(to, p.width * p.c);
            continue;
        }
        zero(to, left * p.c);
        transpose(x + y * k.w, k.h * k.w, p.c, inside, to + left * p.c, p.c);
        zero(to + (left + inside) * p.c, (p.width - left - inside) * p.c);
    }
}

// A slot, [block of filters][strip][row][vector], added to the others' and put where dw [f, c, kh, kw] has
// it.
template <class T>
void reduce(const ConvShape& s, const Plan<T>& p, Index m0, T* slots, T* dw) {
    using V = Vec<T>;
    constexpr Index L = V::lanes;
    const Window& k = s.at;
    const Index height = block_rows(m0, p.f), rows = least(height, p.f - m0), taps = k.kh * k.kw;
    T* sum = slots + m0 * p.vectors * L;
    for (Index slot = 1; slot < p.slots; slot++)
        for (Index e = 0; e < height * p.vectors * L; e += L)
            V::store(sum + e, V::load(sum + e) + V::load(sum + slot * p.part + e));
    for (Index v0 = 0, width; v0 < p.vectors; v0 += width) {
        width = strip_width(p.vectors - v0);
        for (Index r = 0; r < rows; r++)
            for (Index v = v0; v < v0 + width; v++) {
                const T* from = sum + (v0 * height + r * width + v - v0) * L;
                const Index run = v / p.per_run, first = v % p.per_run * L, n = least(L, p.run - first);
                T* to = dw + (m0 + r) * p.c * taps + (k.dw == 1 ? run * k.kw : run);
                for (Index lane = 0, j = first / p.c, c = first % p.c; lane < n; lane++) {
                    to[c * taps + j] = from[lane];
                    if (++c == p.c) c = 0, j++;
                }
            }
    }
}

bool by_winograd(const ConvShape& s, const float* g, const float* x, float* dw) {
    const Window& k = s.at;
    const Index c = s.c / s.groups, f = s.f / s.groups;
    bool finite = true;
    for (Index group = 0; finite && group < s.groups; group++)
        finite = winograd_weight({g + group * f * k.oh * k.ow, x + group * c * k.h * k.w, s.n, c, f, k.h, k.w,
                                  k.oh, k.ow, k.ph, k.pw, s.f * k.oh * k.ow, s.c * k.h * k.w,
                                  dw + group * f * c * 9});
    return finite;
}
bool by_winograd(const ConvShape&, const double*, const double*, double*) { return false; }

}  // namespace

template <class T>
void conv_weight(const ConvShape& s, const T* g, const T* x, T* dw) {
    using V = Vec<T>;
    constexpr Index L = V::lanes;
    const Window& k = s.at;
    if (s.n == 0) return zero(dw, s.f * (s.c / s.groups) * k.kh * k.kw);
    const Algorithm algorithm = choose(s, Operation::weight, sizeof(T) == sizeof(float));
    if (algorithm == Algorithm::depthwise) return depthwise_weight(s, g, x, dw);
    if (algorithm == Algorithm::winograd && by_winograd(s, g, x, dw)) return;
    if (has_few_channels<T>(s)) return conv_weight_few(s, g, x, dw);
    const Plan<T> p = plan<T>(s);
    const Index out_plane = k.oh * k.ow, in_plane = k.h * k.w;
    Buffer<Index> pixel(p.images * p.pixels), start(p.vectors);
    for (Index i = 0; i < p.images; i++)
        for (Index o = 0; o < p.pixels; o++)
            pixel[i * p.pixels + o] = i * p.image + (o / k.ow * k.sh * p.width + o % k.ow * k.sw) * p.c;
    for (Index v = 0; v < p.vectors; v++) {
        const Index run = v / p.per_run, i = k.dw == 1 ? run : run / k.kw, j = k.dw == 1 ? 0 : run % k.kw;
        start[v] = (i * k.dh * p.width + j * k.dw) * p.c + v % p.per_run * L;
    }
    const Index *pixels = pixel, *starts = start;
    Buffer<T> slot_memory(p.part * p.slots);
    T* slots = slot_memory;
    const double flops = 2.0 * s.n * s.f * p.c * k.kh * k.kw * out_plane;

    const Index bands_size = s.n * p.bands * p.image + 4 * TILE<T>;
    const bool shared = p.splits > 1 && bands_size * Index(sizeof(T)) <= SHARED_BYTES;
    Buffer<T> band_memory(shared ? bands_size : 0);
    T* all_bands = band_memory;

    for (Index group = 0; group < s.groups; group++) {
        const T* xg = x + group * p.c * in_plane;
        const T* gg = g + group * p.f * out_plane;
        if (shared)
            parallel(s.n * p.bands, flops / s.groups > 5e5, [&](Index band) {
                const Index n = band / p.bands, r0 = band % p.bands * p.rows;
                fill<T>(k, p, xg + n * s.c * in_plane, r0, least(p.rows, k.oh - r0),
                        all_bands + band * p.image);
            });
        parallel(p.slots * p.splits, flops / s.groups > 5e5, [&](Index task) {
            const Index slot = task / p.splits, ma = task % p.splits * p.span, mb = least(p.f, ma + p.span);
            Buffer<T> own(shared ? 0 : p.image * p.images + 4 * TILE<T>),
                A(padded_rows(mb - ma) * p.images * p.pixels);
            const Index first = p.jobs * slot / p.slots, last = p.jobs * (slot + 1) / p.slots;
            for (Index job = first; job < last; job++) {
                const Index n0 = job / p.bands * p.images, images = least(p.images, s.n - n0);
                const Index r0 = job % p.bands * p.rows, rows = least(p.rows, k.oh - r0);
                T* band = shared ? all_bands + (n0 * p.bands + job % p.bands) * p.image : own;
                const Index K = images == 1 ? rows * k.ow : images * p.pixels;
                for (Index i = 0; i < images; i++) {
                    if (!shared) fill<T>(k, p, xg + (n0 + i) * s.c * in_plane, r0, rows, band + i * p.image);
                    for (Index m0 = ma; m0 < mb; m0 += ROWS) {   // g as [block][pixel][row]
                        const Index height = block_rows(m0, p.f), have = least(height, p.f - m0);
                        T* a = A + (m0 - ma) * K + i * p.pixels * height;
                        if (have < height) zero(a, rows * k.ow * height);
                        transpose(gg + ((n0 + i) * s.f + m0) * out_plane + r0 * k.ow, out_plane, have,
                                  rows * k.ow, a, height);
                    }
                }
                for (Index v = 0, width; v < p.vectors; v += width) {
                    width = strip_width(p.vectors - v);
                    for (Index m0 = ma; m0 < mb; m0 += ROWS) {
                        const Index height = block_rows(m0, p.f);
                        alignas(64) T tile[ROWS * TILE<T>];
                        micro<T>(height, width, K, A + (m0 - ma) * K, band, pixels, starts + v, tile);
                        T* sum = slots + slot * p.part + (m0 * p.vectors + v * height) * L;
                        for (Index r = 0; r < height; r++)
                            for (Index i = 0; i < width; i++, sum += L) {
                                const auto t = V::load(tile + r * TILE<T> + i * L);
                                V::store(sum, job == first ? t : t + V::load(sum));
                            }
                    }
                }
            }
        });
        T* dwg = dw + group * p.f * p.c * k.kh * k.kw;
        parallel(ceil_div(p.f, ROWS), p.part * p.slots > 50000,
                 [&](Index block) { reduce(s, p, block * ROWS, slots, dwg); });
    }
}

template void conv_weight<float>(const ConvShape&, const float*, const float*, float*);
template void conv_weight<double>(const ConvShape&, const double*, const double*, double*);

}  // namespace pyconvnet::PYCONVNET_ISA
