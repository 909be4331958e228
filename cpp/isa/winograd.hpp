// Winograd's F(4x4, 3x3) for 3x3 kernels of stride 1: a tile of 4x4 outputs from a tile of 6x6 inputs,
//
//     Y = A^T [ (G g G^T) . (B^T d B) ] A
//
// g the 3x3 kernel, d the inputs, `.` element by element. Polynomials are multiplied that way: evaluate both
// at six points (here 0, 1, -1, 2, -2, infinity), multiply the values, interpolate. 36 products replace the
// 144 of 16 outputs with 9 taps each. Summed over channels, each of the 36 places is a matrix product of its
// own, so the micro-kernel does the work; what is left are the transforms at its borders, sums of a few
// terms.
//
// The price: the points weigh terms up to 100 to 1, so rounding errors are about ten times those of the
// direct kernel, and an infinity or NaN would spread over its tile. Every function here says whether each
// number it wrote is finite; one non-finite input always leaves a mark (each input takes part in an output of
// its tile that is written), and the caller then repeats the convolution by the direct kernel. float only:
// what asks for doubles asks for digits.
#pragma once
#include "vec.hpp"

namespace pyconvnet::PYCONVNET_ISA {

// B^T d
template <class V>
inline void input_transform(const V (&d)[6], V (&o)[6]) {
    const V a = d[4] - 4.f * d[2], b = d[3] - 4.f * d[1], c = d[4] - d[2], e = 2.f * (d[3] - d[1]);
    o[0] = 4.f * d[0] - 5.f * d[2] + d[4];
    o[1] = a + b, o[2] = a - b;
    o[3] = c + e, o[4] = c - e;
    o[5] = 4.f * d[1] - 5.f * d[3] + d[5];
}
// G g
template <class V>
inline void weight_transform(const V (&g)[3], V (&o)[6]) {
    const V a = (g[0] + g[2]) * (-1 / 6.f), b = g[1] * (1 / 6.f);
    const V c = g[0] * (1 / 24.f) + g[2] * (1 / 6.f), e = g[1] * (1 / 12.f);
    o[0] = g[0] * .25f;
    o[1] = a - b, o[2] = a + b;
    o[3] = c + e, o[4] = c - e;
    o[5] = g[2];
}
// A^T m
template <class V>
inline void output_transform(const V (&m)[6], V (&o)[4]) {
    const V a = m[1] + m[2], b = m[1] - m[2], c = m[3] + m[4], e = m[3] - m[4];
    o[0] = m[0] + a + c;
    o[1] = b + 2.f * e;
    o[2] = a + 4.f * c;
    o[3] = b + 8.f * e + m[5];
}
// The weight gradient needs the transposes of the last two: A g and G^T u.
template <class V>
inline void gradient_transform(const V (&g)[4], V (&o)[6]) {
    const V a = g[0] + g[2], b = g[1] + g[3], c = g[0] + 4.f * g[2], e = 2.f * (g[1] + 4.f * g[3]);
    o[0] = g[0];
    o[1] = a + b, o[2] = a - b;
    o[3] = c + e, o[4] = c - e;
    o[5] = g[3];
}
template <class V>
inline void weight_transform_transposed(const V (&u)[6], V (&o)[3]) {
    const V a = u[1] + u[2], b = u[2] - u[1], c = u[3] + u[4], e = u[3] - u[4];
    o[0] = .25f * u[0] - a * (1 / 6.f) + c * (1 / 24.f);
    o[1] = b * (1 / 6.f) + e * (1 / 12.f);
    o[2] = (c - a) * (1 / 6.f) + u[5];
}

// A correlation with 3x3 taps: out[n, m, y, x] = sum over c, i, j of
//     weight[m of_m + c of_c + 3 i + j] in[n, c, y + i - ph, x + j - pw];   turned: tap (2 - i, 2 - j) instead.
struct WinogradConv {
    const float* in;
    Index n, c, h, w, in_image;   // in_image: elements from image to image
    float* out;
    Index m, oh, ow, out_image;
    Index ph, pw;
    const float* weight;
    Index of_m, of_c;
    bool turned;
};
[[nodiscard]] bool winograd_conv(const WinogradConv&);

// dw[f, c, i, j] = sum over n, y, x of g[n, f, y, x] in[n, c, y + i - ph, x + j - pw], one group.
struct WinogradWeight {
    const float *g, *in;
    Index n, c, f, h, w, oh, ow, ph, pw;
    Index g_image, in_image;
    float* dw;
};
[[nodiscard]] bool winograd_weight(const WinogradWeight&);

// 36 planes at a stride of a power of two would share a few sets of the cache: this many elements between
// them.
constexpr Index APART = 5 * Vec<float>::lanes;

// 0 while everything seen is finite: infinity * 0 and NaN * 0 are NaN.
struct Finite {
    using V = Vec<float>;
    V::type seen = {};
    void see(V::type v) { seen += v * 0.f; }
    void see(const float* p, Index n) {
        for (; n >= V::lanes; n -= V::lanes, p += V::lanes) see(V::load(p));
        for (; n > 0; n--, p++) seen[0] += *p * 0.f;
    }
    bool all() const {
        bool finite = true;
        for (Index lane = 0; lane < V::lanes; lane++) finite = finite && seen[lane] == 0;
        return finite;
    }
};

}  // namespace pyconvnet::PYCONVNET_ISA
