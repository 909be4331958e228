#include "isa.hpp"

#include <atomic>
#include <cstring>

namespace pyconvnet {

// Defined by isa/table.cpp, once for each instruction set that CMakeLists.txt compiles it for.
namespace isa_baseline {
extern const KernelTable table;
}
#ifdef PYCONVNET_X86
namespace isa_avx2 {
extern const KernelTable table;
}
namespace isa_avx512 {
extern const KernelTable table;
}
#endif

static int find_supported(const KernelTable** tables) {
    int n = 0;
    tables[n++] = &isa_baseline::table;
#ifdef PYCONVNET_X86
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        tables[n++] = &isa_avx2::table;
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
            __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw"))
            tables[n++] = &isa_avx512::table;
    }
#endif
    return n;
}

static std::atomic<const KernelTable*>& active() {
    static std::atomic<const KernelTable*> table{[] {
        const KernelTable* tables[3];
        return tables[find_supported(tables) - 1];
    }()};
    return table;
}

int supported_isas(const char** names) {
    const KernelTable* tables[3];
    const int n = find_supported(tables);
    for (int i = 0; i < n; i++) names[i] = tables[i]->isa;
    return n;
}

bool use_isa(const char* name) {
    const KernelTable* tables[3];
    for (int n = find_supported(tables), i = 0; i < n; i++)
        if (!std::strcmp(name, tables[i]->isa)) {
            active() = tables[i];
            return true;
        }
    return false;
}

const KernelTable& active_kernels() { return *active(); }

}  // namespace pyconvnet
