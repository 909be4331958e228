// Boxes a vector at a time: does one of them overlap a candidate with IoU > threshold?
//   iou = i / (area + area' - i),   i = overlap width x overlap height, computed as the definition has it.
#pragma once
#include "vec.hpp"

namespace pyconvnet::PYCONVNET_ISA {

template <class T>
struct Box {
    T x1, y1, x2, y2, area;
    explicit Box(const T* p)
        : x1(p[0]), y1(p[1]), x2(p[2]), y2(p[3]), area((p[2] - p[0]) * (p[3] - p[1])) {}
};

// As many boxes as a vector has lanes, coordinate by coordinate.
template <class T>
struct Block {
    static constexpr Index size = Vec<T>::lanes;
    T x1[size], y1[size], x2[size], y2[size], area[size];

    // An area that is NaN makes the IoU NaN, which suppresses nothing: such are the places not yet taken.
    void clear() {
        for (Index i = 0; i < size; i++)
            x1[i] = y1[i] = x2[i] = y2[i] = 0, area[i] = static_cast<T>(__builtin_nan(""));
    }
    void set(Index i, const Box<T>& b) {
        x1[i] = b.x1, y1[i] = b.y1, x2[i] = b.x2, y2[i] = b.y2, area[i] = b.area;
    }
};

template <class M>
inline bool any(const M& mask) {
    long long words[sizeof(M) / sizeof(long long)], all = 0;
    __builtin_memcpy(words, &mask, sizeof mask);
    for (long long word : words) all |= word;
    return all != 0;
}

template <class T>
struct Candidate {
    using V = Vec<T>;
    using Type = typename V::type;
    Type x1, y1, x2, y2, area, threshold;

    Candidate(const Box<T>& b, T iou_threshold)
        : x1(V::broadcast(b.x1)), y1(V::broadcast(b.y1)), x2(V::broadcast(b.x2)), y2(V::broadcast(b.y2)),
          area(V::broadcast(b.area)), threshold(V::broadcast(iou_threshold)) {}

    Type intersection(const Block<T>& k) const {
        const Type none = {}, a1 = V::load(k.x1), b1 = V::load(k.y1), a2 = V::load(k.x2), b2 = V::load(k.y2);
        Type width = (x2 < a2 ? x2 : a2) - (x1 > a1 ? x1 : a1), height = (y2 < b2 ? y2 : b2) - (y1 > b1 ? y1 : b1);
        width = width > none ? width : none;
        height = height > none ? height : none;
        return width * height;
    }
    auto above(const Block<T>& k, Type i) const { return i / (V::load(k.area) + area - i) > threshold; }

    bool meets(const Block<T>& k) const { return any(above(k, intersection(k))); }

    // Four blocks at a time; the division only where one of them overlaps at all (`apart`: the boxes that do not
    // cannot reach the threshold).
    bool meets(const Block<T>* k, Index blocks, bool apart) const {
        Index b = 0;
        const Type none = {};
        for (; b + 4 <= blocks; b += 4) {
            const Type i0 = intersection(k[b]), i1 = intersection(k[b + 1]), i2 = intersection(k[b + 2]),
                       i3 = intersection(k[b + 3]);
            if (apart && !any((i0 > none) | (i1 > none) | (i2 > none) | (i3 > none))) continue;
            if (any(above(k[b], i0) | above(k[b + 1], i1) | above(k[b + 2], i2) | above(k[b + 3], i3))) return true;
        }
        for (; b < blocks; b++)
            if (meets(k[b])) return true;
        return false;
    }
};

}  // namespace pyconvnet::PYCONVNET_ISA
