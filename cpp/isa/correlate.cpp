#include "correlate.hpp"

#include "buffer.hpp"
#include "inside.hpp"
#include "micro.hpp"

namespace pyconvnet::PYCONVNET_ISA {
namespace {

constexpr Index BAND_BYTES = 384 * 1024;   // of the band of a thread: well inside a level 2 cache of 1 MB
constexpr Index LONGEST = 640;             // k summed in registers before the sum is written

enum class Packing {
    aligned,   // rows of ow pixels are a multiple of the vector: each vector is a piece of one row
    wide,      // vectors run straight over the padding columns: nothing is packed, some lanes are wasted
    dense      // the columns of several short rows are packed into full vectors
};

// Lanes [lane, lane + n) of a strip, which lie inside one output row.
struct Piece {
    Index lane, n, from, to;   // from: offset in the band, to: offset in the output
};
// Up to VECTORS vectors of output pixels: one column of register tiles.
struct Strip {
    Index width, first, last;      // pieces [first, last)
    Index base, start[VECTORS];    // vector v begins at base + start[v]
};

// How the work is cut. It depends on the shapes alone, never on the number of threads.
template <class T>
struct Plan {
    Packing packing;
    Index y0, x0, ey, ex;        // smallest tap; rows and columns that the taps reach beyond the outputs
    Index planes;                // residues of the input modulo the stride that some tap reads
    Index rows, bands, images;   // output rows in a band; bands of an image; images in a task (if bands == 1)
    Index width, plane, image;   // of the band: columns, elements of a residue plane, elements of an image
    Index K, kblocks, kc;
};

template <class T>
Plan<T> plan(const Correlation<T>& q, Index y0, Index x0, Index y1, Index x1, Index planes) {
    constexpr Index L = Vec<T>::lanes, NR = TILE<T>, BAND = BAND_BYTES / sizeof(T);
    Plan<T> p{};
    p.y0 = y0, p.x0 = x0, p.ey = (y1 - y0) / q.sy, p.ex = (x1 - x0) / q.sx, p.planes = planes;
    p.width = q.ow + p.ex;
    p.packing = Packing::aligned;
    if (q.ow % L) {   // compare vectors computed, and vectors copied, by either way
        const double per_row = q.ow >= L ? 1.5 : double(L) / q.ow + 0.5;
        const double wide = double(q.oh) * p.width / L * q.m / 2;
        const double dense = double(q.oh) * q.ow / L * (q.m / 2.0 + 2.5 * per_row);
        p.packing = wide <= dense ? Packing::wide : Packing::dense;
    }
    const Index row = q.c * planes * p.width;
    Index rows = least(q.oh, most<Index>(1, BAND / row - p.ey));
    rows =
        least(rows, most(ceil_div(q.n * q.oh, 16), ceil_div(4 * NR, q.ow)));   // enough tasks for the threads
    rows = most(rows, least(q.oh, most(ceil_div(2 * NR, q.ow), p.ey / 2)));    // but few rows copied twice
    p.bands = ceil_div(q.oh, rows);
    p.rows = ceil_div(q.oh, p.bands);
    p.plane = (p.rows + p.ey) * p.width;
    p.image = q.c * planes * p.plane;
    p.images = 1;
    if (p.bands == 1)
        p.images = most<Index>(
            1, least(least(q.n, ceil_div(4 * NR, q.oh * q.ow)), least(BAND / p.image, ceil_div(q.n, 8))));
    p.K = q.c * q.taps;
    p.kblocks = ceil_div(p.K, LONGEST);
    p.kc = ceil_div(p.K, p.kblocks);
    return p;
}

// Rows [r0, r0 + rows) of one residue plane: to[r][x] = in[(r0 + r) sy + y0][x sx + x0], 0 outside the
// picture.
template <class T>
void fill(const Correlation<T>& q, const T* in, Index r0, Index rows, Index y0, Index x0, Index width,
          T* to) {
    const Inside in_row(width, q.sx, x0, q.w);
    const Index a = in_row.first, b = in_row.last;
    for (Index r = 0; r < rows; r++, to += width) {
        const Index y = (r0 + r) * q.sy + y0;
        if (y < 0 || y >= q.h) {
            zero(to, width);
            continue;
        }
        const T* from = in + y * q.w;
        zero(to, a);
        if (q.sx == 1) copy(to + a, from + a + x0, b - a);
        else if (q.sx == 2)
            for (Index x = a; x < b; x++) to[x] = from[2 * x + x0];
        else
            for (Index x = a; x < b; x++) to[x] = from[x * q.sx + x0];
        zero(to + b, width - b);
    }
}

// Cut the pixels of a task (g images, `rows` rows each) into strips and pieces; returns the number of strips.
template <class T>
Index cut(const Correlation<T>& q, const Plan<T>& p, Index n0, Index g, Index r0, Index rows, Strip* strips,
          Piece* pieces) {
    constexpr Index L = Vec<T>::lanes;
    const bool wide = p.packing == Packing::wide;
    const Index runs = wide ? g : 1, lanes = wide ? rows * p.width - p.ex : g * rows * q.ow;
    Index n_strips = 0, n_pieces = 0;
    for (Index run = 0; run < runs; run++) {
        const Index vectors = ceil_div(lanes, L);
        for (Index v = 0; v < vectors;) {
            Strip& s = strips[n_strips++];
            s.width = strip_width(vectors - v);
            s.first = n_pieces;
            s.base = run * p.image + v * L;
            for (Index i = 0; i < VECTORS; i++) s.start[i] = i * L;
            const Index begin = v * L, end = least(lanes, begin + s.width * L);
            for (Index lane = begin; lane < end;) {
                Index i, y, x, n;
                if (wide) {
                    i = run, y = lane / p.width, x = lane % p.width;
                    if (x >= q.ow) {   // a padding column
                        lane += p.width - x;
                        continue;
                    }
                    n = least(q.ow - x, end - lane);
                } else {
                    i = lane / (rows * q.ow), y = lane / q.ow % rows, x = lane % q.ow;
                    n = least(least(q.ow - x, end - lane), L - (lane - begin) % L);
                }
                const Index to = (n0 + i) * q.out_image + ((r0 + y) * q.out_sy + q.out_y0) * q.out_w +
                                 x * q.out_sx + q.out_x0;
                pieces[n_pieces++] = {lane - begin, n, i * p.image + y * p.width + x, to};
                lane += n;
            }
            s.last = n_pieces;
            if (p.packing == Packing::aligned) {
                s.base = 0;
                for (Index i = 0; i < s.width; i++) s.start[i] = pieces[s.first + i].from;
            }
            v += s.width;
        }
    }
    return n_strips;
}

// Packing::dense: the columns of one strip, k rows of TILE + lanes elements (a piece is copied in whole
// vectors).
template <class T>
void pack(const Strip& s, const Piece* pieces, const T* band, const Index* koff, Index kn, T* to) {
    using V = Vec<T>;
    constexpr Index L = V::lanes, ROW = TILE<T> + L;
    for (Index ka = 0; ka < kn; ka += 32)
        for (Index i = s.first; i < s.last; i++) {
            const T* from = band + pieces[i].from;
            T* d = to + pieces[i].lane;
            const Index ke = least(kn, ka + 32), n = pieces[i].n;
            if (n <= L / 4)
                for (Index k = ka; k < ke; k++)
                    __builtin_memcpy(d + k * ROW, from + koff[k], L / 4 * sizeof(T));
            else if (n <= L / 2)
                for (Index k = ka; k < ke; k++)
                    __builtin_memcpy(d + k * ROW, from + koff[k], L / 2 * sizeof(T));
            else
                for (Index k = ka; k < ke; k++) V::store(d + k * ROW, V::load(from + koff[k]));
        }
}

template <class T>
inline void put(T* to, const T* tile, Index n, Index step, bool add) {
    using V = Vec<T>;
    if (step == 1 && n == V::lanes) {
        const auto v = V::load(tile);
        V::store(to, add ? v + V::load(to) : v);
    } else if (add) {
        for (Index j = 0; j < n; j++) to[j * step] += tile[j];
    } else {
        for (Index j = 0; j < n; j++) to[j * step] = tile[j];
    }
}

}  // namespace

template <class T>
void correlate(const Correlation<T>& q) {
    constexpr Index L = Vec<T>::lanes, ROW = TILE<T> + L;
    if (q.n == 0 || q.m == 0 || q.oh <= 0 || q.ow <= 0) return;
    Index y0 = q.ty[0], y1 = y0, x0 = q.tx[0], x1 = x0;
    for (Index t = 1; t < q.taps; t++) {
        y0 = least(y0, q.ty[t]), y1 = most(y1, q.ty[t]);
        x0 = least(x0, q.tx[t]), x1 = most(x1, q.tx[t]);
    }
    // The residue planes that are read, in order of first use: residue (y % sy, x % sx) -> plane.
    const Index residues_x = least(q.sx, x1 - x0 + 1), residues = least(q.sy, y1 - y0 + 1) * residues_x;
    Buffer<Index> plane_of(residues), residue_of(residues), koff(q.c * q.taps);
    for (Index i = 0; i < residues; i++) plane_of[i] = -1;
    Index planes = 0;
    for (Index t = 0; t < q.taps; t++) {
        const Index r = (q.ty[t] - y0) % q.sy * residues_x + (q.tx[t] - x0) % q.sx;
        if (plane_of[r] < 0) residue_of[planes] = r, plane_of[r] = planes++;
    }
    const Plan<T> p = plan(q, y0, x0, y1, x1, planes);
    for (Index c = 0, k = 0; c < q.c; c++)
        for (Index t = 0; t < q.taps; t++, k++) {
            const Index dy = q.ty[t] - y0, dx = q.tx[t] - x0;
            const Index plane = c * planes + plane_of[dy % q.sy * residues_x + dx % q.sx];
            koff[k] = plane * p.plane + dy / q.sy * p.width + dx / q.sx;
        }
    Buffer<Index> dense_offsets(p.kc);
    for (Index k = 0; k < p.kc; k++) dense_offsets[k] = k * ROW;
    const Index *koffs = koff, *dense = dense_offsets, *residue = residue_of;
    const Index mblocks = ceil_div(q.m, ROWS), tasks = ceil_div(q.n, p.images) * p.bands,
                out_plane = q.out_h * q.out_w;
    const bool weights_stay =
        q.m * p.kc * Index(sizeof(T)) > 400 * 1024;   // which factor the inner loop runs over
    const double flops = 2.0 * q.n * q.m * p.K * q.oh * q.ow;

    parallel(tasks, flops > 5e5, [&](Index task) {
        const Index n0 = task / p.bands * p.images, g = least(p.images, q.n - n0);
        const Index r0 = task % p.bands * p.rows, rows = least(p.rows, q.oh - r0);
        Buffer<T> band(p.image * g + 2 * TILE<T>);
        for (Index c = 0; c < q.c; c++)
            for (Index i = 0; i < g; i++)
                for (Index plane = 0; plane < planes; plane++)
                    fill(q, q.in + (n0 + i) * q.in_image + c * q.h * q.w, r0, rows + p.ey,
                         residue[plane] / residues_x + y0, residue[plane] % residues_x + x0, p.width,
                         band + i * p.image + (c * planes + plane) * p.plane);

        const Index most_vectors = g * (ceil_div(p.rows * p.width, L) + 1);
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
                const Index m0 = (weights_stay ? it / n_strips : it % mblocks) * ROWS;
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
                            pieces[i].n, q.out_sx, k0 > 0);
            }
        }
    });
}

template void correlate<float>(const Correlation<float>&);
template void correlate<double>(const Correlation<double>&);

}  // namespace pyconvnet::PYCONVNET_ISA
