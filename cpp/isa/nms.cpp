// A box is kept if no box kept before it has IoU > threshold with it. The kept boxes are stored as five
// arrays, and a candidate meets one vector of them at a time:   iou = i / (area + area' - i),   i = overlap
// width x overlap height. Compiled without fused multiply-add, so that the rounding is that of the
// definition.
#include "nms.hpp"

#include "buffer.hpp"

namespace pyconvnet::PYCONVNET_ISA {
namespace {

template <class T>
struct Kept {
    T *x1, *y1, *x2, *y2, *area;
};

template <class M>
inline bool any(const M& mask) {
    long long words[sizeof(M) / sizeof(long long)], all = 0;
    __builtin_memcpy(words, &mask, sizeof mask);
    for (long long word : words) all |= word;
    return all != 0;
}

template <class T>
inline bool suppressed(const Kept<T>& kept, Index n, const T* box, T box_area, T iou_threshold) {
    using V = Vec<T>;
    using Type = typename V::type;
    const Type x1 = V::broadcast(box[0]), y1 = V::broadcast(box[1]), x2 = V::broadcast(box[2]),
               y2 = V::broadcast(box[3]);
    const Type area = V::broadcast(box_area), threshold = V::broadcast(iou_threshold), none = {};
    for (Index i = 0; i < n; i += V::lanes) {
        const Type a1 = V::load(kept.x1 + i), b1 = V::load(kept.y1 + i), a2 = V::load(kept.x2 + i),
                   b2 = V::load(kept.y2 + i);
        Type width = (x2 < a2 ? x2 : a2) - (x1 > a1 ? x1 : a1),
             height = (y2 < b2 ? y2 : b2) - (y1 > b1 ? y1 : b1);
        width = width > none ? width : none;
        height = height > none ? height : none;
        const Type intersection = width * height;
        if (any(intersection / (V::load(kept.area + i) + area - intersection) > threshold)) return true;
    }
    return false;
}

}  // namespace

template <class T>
Index nms(Index n, const T* boxes, const Index* order, T iou_threshold, Index* keep) {
    constexpr Index L = Vec<T>::lanes;
    const Index room = n + L;
    Buffer<T> memory(5 * room);
    T* p = memory;
    const Kept<T> kept{p, p + room, p + 2 * room, p + 3 * room, p + 4 * room};
    Index kept_n = 0;
    for (Index o = 0; o < n; o++) {
        const T* box = boxes + 4 * order[o];
        const T area = (box[2] - box[0]) * (box[3] - box[1]);
        if (suppressed(kept, kept_n, box, area, iou_threshold)) continue;
        if (kept_n % L ==
            0)   // the rest of the vector: an area that is NaN makes the IoU NaN, which suppresses nothing
            for (Index i = kept_n; i < kept_n + L; i++) {
                kept.x1[i] = kept.y1[i] = kept.x2[i] = kept.y2[i] = 0;
                kept.area[i] = static_cast<T>(__builtin_nan(""));
            }
        kept.x1[kept_n] = box[0], kept.y1[kept_n] = box[1], kept.x2[kept_n] = box[2],
        kept.y2[kept_n] = box[3];
        kept.area[kept_n] = area;
        keep[kept_n++] = order[o];
    }
    return kept_n;
}

template Index nms<float>(Index, const float*, const Index*, float, Index*);
template Index nms<double>(Index, const double*, const Index*, double, Index*);

}  // namespace pyconvnet::PYCONVNET_ISA
