// The micro-kernel's register tile (micro.hpp) wants A as [block of rows][k][row] and B as [strip of columns][k][column].
// Both are copied into that order, a depth of at most DEPTH of them at a time: this is where strides and transposes
// vanish. The tiles of C are then independent of each other; each adds up the depths in their order, so the bits do
// not depend on the number of threads.
#include "matmul.hpp"

#include "buffer.hpp"
#include "matrix_vector.hpp"
#include "micro.hpp"
#include "transpose.hpp"

namespace pyconvnet::PYCONVNET_ISA {
namespace {

constexpr Index DEPTH = 640;         // of a panel: ROWS rows of A stay in the level 1 cache, a strip of B in level 2
constexpr Index FEW = 2 * ROWS;      // rows for which copying B would cost as much as the product
constexpr Index CHUNK = 8;           // row blocks of a task
constexpr double WORTHWHILE = 2e5;   // products

// to[k][0 .. height) = from[(0 .. height) row + k column] for k < depth; rows behind the last are 0.
template <class T>
void pack(const T* from, Index row, Index column, Index rows, Index depth, T* to, Index height) {
    if (rows < height) zero(to, depth * height);
    if (column == 1) transpose(from, row, rows, depth, to, height);
    else if (row == 1)
        for (Index k = 0; k < depth; k++) copy(to + k * height, from + k * column, rows);
    else
        for (Index k = 0; k < depth; k++)
            for (Index r = 0; r < rows; r++) to[k * height + r] = from[r * row + k * column];
}

// A tile's rows x columns put into C, or added to it.
template <class T>
void put(const T* tile, Index rows, Index columns, T* c, Index row, Index column, bool add) {
    using V = Vec<T>;
    for (Index r = 0; r < rows; r++, tile += TILE<T>, c += row) {
        Index j = 0;
        if (column == 1)
            for (; j + V::lanes <= columns; j += V::lanes) {
                const auto v = V::load(tile + j);
                V::store(c + j, add ? v + V::load(c + j) : v);
            }
        for (; j < columns; j++) c[j * column] = add ? c[j * column] + tile[j] : tile[j];
    }
}

template <class T>
void product(const MatmulShape& s, const T* a, const T* b, T* c, bool threads) {
    constexpr Index L = Vec<T>::lanes, WIDTH = TILE<T>;
    const Index depths = ceil_div(s.k, DEPTH), depth = ceil_div(s.k, depths);
    const Index blocks = ceil_div(s.m, ROWS), strips = ceil_div(s.n, WIDTH);
    // B is read where it lies if its rows do, but for the last columns: a vector would reach past their end.
    const bool in_place = s.m <= FEW && s.b_column == 1;
    const Index whole = in_place ? s.n / WIDTH : 0, chunks = ceil_div(blocks, CHUNK);
    const Index last_width = ceil_div(s.n - (strips - 1) * WIDTH, L) * L;   // of the last strip: whole vectors
    Buffer<T> A(padded_rows(s.m) * depth), B((strips - whole) * WIDTH * depth);
    Buffer<Index> step(3 * depth);   // from k to k + 1: in a full strip, in the last one, in B itself
    for (Index k = 0; k < depth; k++)
        step[k] = k * WIDTH, step[depth + k] = k * last_width, step[2 * depth + k] = k * s.b_row;
    T *pa = A, *pb = B;
    const Index* steps = step;

    for (Index k0 = 0; k0 < s.k; k0 += depth) {
        const Index kn = least(depth, s.k - k0);
        parallel(blocks + strips - whole, threads, [&](Index task) {
            if (task < blocks) {
                const Index m0 = task * ROWS, height = block_rows(m0, s.m);
                pack(a + m0 * s.a_row + k0 * s.a_column, s.a_row, s.a_column, least(height, s.m - m0), kn,
                     pa + m0 * depth, height);
            } else {
                const Index strip = task - blocks, n0 = (whole + strip) * WIDTH;
                pack(b + k0 * s.b_row + n0 * s.b_column, s.b_column, s.b_row, least(WIDTH, s.n - n0), kn,
                     pb + strip * WIDTH * depth, whole + strip < strips - 1 ? WIDTH : last_width);
            }
        });
        parallel(chunks * strips, threads, [&](Index task) {
            const Index strip = task / chunks, n0 = strip * WIDTH, columns = least(WIDTH, s.n - n0);
            const bool lies = strip < whole;
            const Index* from_k = steps + (lies ? 2 : strip < strips - 1 ? 0 : 1) * depth;
            const T* from = lies ? b + k0 * s.b_row + n0 : pb + (strip - whole) * WIDTH * depth;
            Index start[VECTORS];
            for (Index v = 0; v < VECTORS; v++) start[v] = v * L;
            for (Index block = task % chunks * CHUNK; block < least(blocks, (task % chunks + 1) * CHUNK); block++) {
                const Index m0 = block * ROWS, height = block_rows(m0, s.m);
                alignas(64) T tile[ROWS * TILE<T>];
                micro<T>(height, ceil_div(columns, L), kn, pa + m0 * depth, from, from_k, start, tile);
                put(tile, least(height, s.m - m0), columns, c + m0 * s.c_row + n0 * s.c_column, s.c_row, s.c_column,
                    k0 > 0);
            }
        });
    }
}

// One row times B is B^T times that row. So are a few, where the columns of B lie in memory and stay in the cache: to
// transpose them into panels would cost more than the product.
template <class T>
bool rows_one_by_one(const MatmulShape& s, const T* a, const T* b, T* c) {
    const bool few = s.m <= 4 && s.b_row == 1 && s.k >= 64 && s.n * s.k * Index(sizeof(T)) <= 256 * 1024;
    if (s.m > 1 && !few) return false;
    for (Index i = 0; i < s.m; i++)
        if (!matrix_vector(s.n, s.k, b, s.b_column, s.b_row, a + i * s.a_row, s.a_column, c + i * s.c_row, s.c_column))
            return false;
    return true;
}

}  // namespace

template <class T>
void matmul(const MatmulShape& given, const T* a, const T* b, T* c) {
    MatmulShape s = given;
    if (s.n < Vec<T>::lanes && s.m > s.n) {   // C^T = B^T A^T: the longer axis for the lanes
        s = {s.batch, s.n, s.m, s.k, s.b_column, s.b_row, s.a_column, s.a_row, s.c_column, s.c_row, s.b_at, s.a_at};
        const T* other = a;
        a = b, b = other;
    }
    const Index size = s.m * s.n;
    if (s.k == 0) return zero(c, s.batch * size);
    if (size == 0) return;
    const double products = double(size) * s.k;
    const bool large = products > WORTHWHILE;   // then the tasks are parts of a product, else whole products
    parallel(large ? 1 : s.batch, !large && products * s.batch > WORTHWHILE, [&](Index task) {
        for (Index i = large ? 0 : task; i < (large ? s.batch : task + 1); i++)
            if (!rows_one_by_one(s, a + s.a_at[i], b + s.b_at[i], c + i * size))
                product(s, a + s.a_at[i], b + s.b_at[i], c + i * size, large);
    });
}

template void matmul<float>(const MatmulShape&, const float*, const float*, float*);
template void matmul<double>(const MatmulShape&, const double*, const double*, double*);

}  // namespace pyconvnet::PYCONVNET_ISA
