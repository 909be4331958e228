// Shapes as plain numbers. Every count and offset is 64 bits wide, so that no picture is too large for its
// index.
#pragma once
#include <cstdint>

namespace pyconvnet {

using Index = std::int64_t;

// A kernel of kh x kw sliding over a plane of h x w:
//   oh = floor((h + 2 ph - dh (kh - 1) - 1) / sh) + 1,   ow likewise (pooling may round up instead).
struct Window {
    Index h, w, kh, kw, sh, sw, ph, pw, dh, dw, oh, ow;
};

// x [n, c, h, w], w [f, c / groups, kh, kw], y [n, f, oh, ow].
struct ConvShape {
    Index n, c, f, groups;
    Window at;
};

// x [n, c, plane]: what batch norm sees of an array [n, c, ...].
struct ChannelShape {
    Index n, c, plane;
};

// `batch` products c [m, n] = a [m, k] b [k, n]; the i-th from a + a_at[i], b + b_at[i] to c + i m n. Elements from row
// to row and from column to column: any.
struct MatmulShape {
    Index batch, m, n, k;
    Index a_row, a_column, b_row, b_column, c_row, c_column;
    const Index *a_at, *b_at;
};

// x [n, c, plane], and `rows` x c x `points` values of its planes; own_rows: row r is of picture r, and rows = n.
struct PlanesShape {
    Index n, c, plane, rows, points;
    bool own_rows;
};

}  // namespace pyconvnet
