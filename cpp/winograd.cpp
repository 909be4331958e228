#include "winograd.hpp"

#include <atomic>

namespace pyconvnet {
namespace {

std::atomic<Winograd> use{Winograd::chosen};

}

void use_winograd(Winograd when) { use = when; }
Winograd winograd_use() { return use; }

}  // namespace pyconvnet
