// The weight gradient of layers with few input channels (a first layer has three): with lanes over (j, c)
// most lanes would be idle, so the roles are exchanged. Lanes are filters, read from a channels-last copy of
// g, and a row of the register tile is a tap (c, i, j), whose pixel is broadcast straight from a zero-padded
// band of x:
//
//     dw[(c, i, j)][f] = sum over pixels p of band[tap[c, i, j] + pixel[p]] g[p][f]
#include "buffer.hpp"
#include "conv_weight.hpp"
#include "inside.hpp"
#include "micro.hpp"
#include "transpose.hpp"

namespace pyconvnet::PYCONVNET_ISA {
namespace {

constexpr Index PIXELS = 512;   // of a job, about: summed in registers
constexpr Index SLOTS = 64;     // sums of their own, for all threads

// How the work is cut. It depends on the shapes alone: it fixes the order of the sums.
struct Plan {
    Index c, f, lanes,
        taps;   // channels and filters of a group; filters rounded up to vectors; rows (c, i, j)
    Index rows, bands, jobs, slots;
    Index width, plane;   // of the band
    Index part() const { return padded_rows(taps) * lanes; }
};

template <class T>
Plan plan(const ConvShape& s) {
    const Window& k = s.at;
    Plan p{};
    p.c = s.c / s.groups, p.f = s.f / s.groups, p.taps = p.c * k.kh * k.kw;
    p.lanes = ceil_div(p.f, Vec<T>::lanes) * Vec<T>::lanes;
    p.rows = least(PIXELS / k.ow, ceil_div(s.n * k.oh, SLOTS));
    p.rows =
        least(k.oh, most(most<Index>(1, p.rows), (k.kh - 1) * k.dh / (2 * k.sh)));   // few rows copied twice
    p.bands = ceil_div(k.oh, p.rows);
    p.rows = ceil_div(k.oh, p.bands);
    p.jobs = s.n * p.bands;
    p.slots = least(SLOTS, p.jobs);
    p.width = (k.ow - 1) * k.sw + (k.kw - 1) * k.dw + 1;
    p.plane = ((p.rows - 1) * k.sh + (k.kh - 1) * k.dh + 1) * p.width;
    return p;
}

// tile[r][v] = sum over k < K of  row[r][pixel[k]] g[k lanes + v L + (0 .. L - 1)]
template <class T, int R, int V>
void taps_times_filters(Index K, const T* const* rows, const Index* pixel, const T* g, Index lanes, T* tile) {
    using L = Vec<T>;
    const T* row[R];
    typename L::type sum[R][V];
#pragma GCC unroll 8
    for (int r = 0; r < R; r++) row[r] = rows[r];
#pragma GCC unroll 8
    for (int r = 0; r < R; r++)
#pragma GCC unroll 4
        for (int v = 0; v < V; v++) sum[r][v] = typename L::type{};
    for (Index k = 0; k < K; k++, g += lanes) {
        const Index at = pixel[k];
        typename L::type x[V];
#pragma GCC unroll 4
        for (int v = 0; v < V; v++) x[v] = L::load(g + v * L::lanes);
#pragma GCC unroll 8
        for (int r = 0; r < R; r++) {
            const typename L::type s = L::broadcast(row[r][at]);
#pragma GCC unroll 4
            for (int v = 0; v < V; v++) sum[r][v] += s * x[v];
        }
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; r++)
#pragma GCC unroll 4
        for (int v = 0; v < V; v++) L::store(tile + r * TILE<T> + v * L::lanes, sum[r][v]);
}

template <class T, int R>
void taps_times_filters(Index width, Index K, const T* const* rows, const Index* pixel, const T* g,
                        Index lanes, T* tile) {
    if (width == 3) taps_times_filters<T, R, 3>(K, rows, pixel, g, lanes, tile);
    else if (width == 2) taps_times_filters<T, R, 2>(K, rows, pixel, g, lanes, tile);
    else taps_times_filters<T, R, 1>(K, rows, pixel, g, lanes, tile);
}

// Output rows [r0, r0 + rows) read these rows of x, zero-padded: to[channel][row][column].
template <class T>
void fill(const Window& k, const Plan& p, const T* x, Index r0, Index rows, T* to) {
    const Index height = (rows - 1) * k.sh + (k.kh - 1) * k.dh + 1;
    const Inside columns(p.width, 1, -k.pw, k.w), lines(height, 1, r0 * k.sh - k.ph, k.h);
    for (Index c = 0; c < p.c; c++, x += k.h * k.w, to += p.plane) {
        zero(to, height * p.width);
        for (Index r = lines.first; r < lines.last; r++)
            copy(to + r * p.width + columns.first, x + (r0 * k.sh - k.ph + r) * k.w + columns.first - k.pw,
                 columns.last - columns.first);
    }
}

}  // namespace

// Vectors multiplied per pixel by either way; here each takes a load more.
template <class T>
bool has_few_channels(const ConvShape& s) {
    constexpr Index L = Vec<T>::lanes;
    const Window& k = s.at;
    const Index c = s.c / s.groups, f = s.f / s.groups;
    const Index usual =
        padded_rows(f) * (k.dw == 1 ? k.kh * ceil_div(k.kw * c, L) : k.kh * k.kw * ceil_div(c, L));
    return 1.2 * padded_rows(c * k.kh * k.kw) * ceil_div(f, L) < usual;
}

template <class T>
void conv_weight_few(const ConvShape& s, const T* g, const T* x, T* dw) {
    using V = Vec<T>;
    const Window& k = s.at;
    const Plan p = plan<T>(s);
    const Index out_plane = k.oh * k.ow, in_plane = k.h * k.w, blocks = ceil_div(p.taps, ROWS);
    Buffer<Index> pixel(p.rows * k.ow), tap(blocks * ROWS);
    for (Index o = 0; o < p.rows * k.ow; o++) pixel[o] = o / k.ow * k.sh * p.width + o % k.ow * k.sw;
    for (Index r = 0; r < blocks * ROWS; r++) {   // the last block is filled up with its last row
        const Index at = least(r, p.taps - 1), c = at / (k.kh * k.kw), i = at / k.kw % k.kh, j = at % k.kw;
        tap[r] = c * p.plane + i * k.dh * p.width + j * k.dw;
    }
    const Index *pixels = pixel, *taps = tap;
    Buffer<T> slot_memory(p.slots * p.part());
    T* slots = slot_memory;
    const bool worthwhile = 2.0 * s.n * s.f * p.taps * out_plane > 5e5;
    for (Index group = 0; group < s.groups; group++) {
        const T *xg = x + group * p.c * in_plane, *gg = g + group * p.f * out_plane;
        parallel(p.slots, worthwhile, [&](Index slot) {
            Buffer<T> band(p.c * p.plane), filters(p.rows * k.ow * p.lanes);
            if (p.f < p.lanes) zero<T>(filters, p.rows * k.ow * p.lanes);
            T* sums = slots + slot * p.part();
            zero(sums, p.part());
            for (Index job = p.jobs * slot / p.slots; job < p.jobs * (slot + 1) / p.slots; job++) {
                const Index n = job / p.bands, r0 = job % p.bands * p.rows, rows = least(p.rows, k.oh - r0);
                fill<T>(k, p, xg + n * s.c * in_plane, r0, rows, band);
                transpose<T>(gg + n * s.f * out_plane + r0 * k.ow, out_plane, p.f, rows * k.ow, filters,
                             p.lanes);
                for (Index v = 0, width; v < p.lanes; v += width * V::lanes) {
                    width = strip_width((p.lanes - v) / V::lanes);
                    for (Index t = 0; t < p.taps; t += ROWS) {
                        const Index height = block_rows(t, p.taps);
                        const T* row[ROWS];
                        for (Index r = 0; r < ROWS; r++) row[r] = band + taps[t + r];
                        alignas(64) T tile[ROWS * TILE<T>];
                        if (height == ROWS)
                            taps_times_filters<T, ROWS>(width, rows * k.ow, row, pixels, filters + v, p.lanes,
                                                        tile);
                        else
                            taps_times_filters<T, ROWS / 2>(width, rows * k.ow, row, pixels, filters + v,
                                                            p.lanes, tile);
                        for (Index r = 0; r < height; r++)
                            for (Index i = 0; i < width * V::lanes; i += V::lanes) {
                                T* sum = sums + (t + r) * p.lanes + v + i;
                                V::store(sum, V::load(sum) + V::load(tile + r * TILE<T> + i));
                            }
                    }
                }
            }
        });
        for (Index slot = 1; slot < p.slots; slot++)
            for (Index e = 0; e < p.part(); e += V::lanes)
                V::store(slots + e, V::load(slots + e) + V::load(slots + slot * p.part() + e));
        transpose<T>(slots, p.lanes, p.taps, p.f, dw + group * p.f * p.taps, p.taps);
    }
}

template bool has_few_channels<float>(const ConvShape&);
template bool has_few_channels<double>(const ConvShape&);
template void conv_weight_few<float>(const ConvShape&, const float*, const float*, float*);
template void conv_weight_few<double>(const ConvShape&, const double*, const double*, double*);

}  // namespace pyconvnet::PYCONVNET_ISA
