// When convolutions may go by Winograd (isa/winograd.hpp); process-wide.
#pragma once

namespace pyconvnet {

enum class Winograd { never, chosen, always };   // chosen: where it is the faster way (isa/choose.hpp)

void use_winograd(Winograd);
Winograd winograd_use();

}  // namespace pyconvnet
