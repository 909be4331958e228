// The pixels of a task, cut into strips of vectors, one register tile wide, and into the pieces of output
// rows that those hold.
#pragma once
#include "correlate.hpp"
#include "micro.hpp"

namespace pyconvnet::PYCONVNET_ISA {

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
    Index width, first, last;     // pieces [first, last)
    Index base, start[VECTORS];   // vector v begins at base + start[v]
};

// How the work is cut. It depends on the shapes alone, never on the number of threads.
template <class T>
struct Plan {
    Packing packing;
    Index ey, ex;                // rows and columns that the taps reach beyond the outputs
    Index rows, bands, images;   // output rows in a band; bands of an image; images in a task (if bands == 1)
    Index width, plane, image;   // of the band: columns, elements of a residue plane, elements of an image
    Index K, kc;             // products of an output, and of those how many are summed in registers
    Index splits, span;   // rows of A are split into `splits` spans: tasks of their own, with bands in common
};

// Cut the pixels of a task (g images, `rows` rows each) into strips and pieces; returns the number of strips.
template <class T>
inline Index cut(const Correlation<T>& q, const Plan<T>& p, Index n0, Index g, Index r0, Index rows,
                 Strip* strips, Piece* pieces) {
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
                const Index to = (n0 + i) * q.out_image + (r0 + y) * q.ow + x;
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
inline void pack(const Strip& s, const Piece* pieces, const T* band, const Index* koff, Index kn, T* to) {
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
inline void put(T* to, const T* tile, Index n, bool add) {
    using V = Vec<T>;
    if (n == V::lanes) {
        const auto v = V::load(tile);
        V::store(to, add ? v + V::load(to) : v);
    } else if (add) {
        for (Index j = 0; j < n; j++) to[j] += tile[j];
    } else {
        for (Index j = 0; j < n; j++) to[j] = tile[j];
    }
}

}  // namespace pyconvnet::PYCONVNET_ISA
