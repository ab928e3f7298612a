// Which x86-64 levels this machine can run. Compiled for the oldest processor, so that it can be asked anywhere.
// The levels are those of the System V ABI, AMD64 supplement, section 3.1.1 (microarchitecture levels).
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace {

#if defined(__x86_64__)

struct Registers {
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
};

Registers cpuid(unsigned leaf, unsigned subleaf = 0) {
    Registers r;
    __get_cpuid_count(leaf, subleaf, &r.eax, &r.ebx, &r.ecx, &r.edx);
    return r;
}

bool all_bits(std::uint64_t word, std::initializer_list<int> bits) {
    for (int bit : bits) {
        if (((word >> bit) & 1) == 0) {
            return false;
        }
    }
    return true;
}

// XCR0: which register states the operating system saves. A processor may offer AVX under a system that does not.
std::uint64_t saved_states() {
    unsigned low = 0, high = 0;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (static_cast<std::uint64_t>(high) << 32) | low;
}

std::vector<std::string> levels() {
    std::vector<std::string> out;
    const Registers one = cpuid(1), seven = cpuid(7), extended = cpuid(0x80000001u);

    // SSE3 SSSE3 CMPXCHG16B SSE4.1 SSE4.2 POPCNT; LAHF
    if (!all_bits(one.ecx, {0, 9, 13, 19, 20, 23}) || !all_bits(extended.ecx, {0})) {
        return out;
    }
    out.emplace_back("x86-64-v2");

    // FMA MOVBE OSXSAVE AVX F16C; BMI1 AVX2 BMI2; LZCNT; the XMM and YMM states
    if (!all_bits(one.ecx, {12, 22, 27, 28, 29}) || !all_bits(seven.ebx, {3, 5, 8}) || !all_bits(extended.ecx, {5}) ||
        !all_bits(saved_states(), {1, 2})) {
        return out;
    }
    out.emplace_back("x86-64-v3");

    // AVX512 F DQ CD BW VL; the opmask, ZMM0-15 and ZMM16-31 states
    if (!all_bits(seven.ebx, {16, 17, 28, 30, 31}) || !all_bits(saved_states(), {5, 6, 7})) {
        return out;
    }
    out.emplace_back("x86-64-v4");
    return out;
}

#else

std::vector<std::string> levels() { return {}; }

#endif

}  // namespace

PYBIND11_MODULE(_cpu, m, pybind11::mod_gil_not_used()) {
    m.doc() = "What the processor and the operating system can run.";
    m.def("levels", &levels,
          "The x86-64 levels that processor and operating system support, lowest first; empty on other machines.");
}
