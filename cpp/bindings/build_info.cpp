// How this module was compiled.
#include <Eigen/Core>

#include <string>

#include "bindings/bindings.hpp"
#include "bindings/types.hpp"
#include "lanes/pack.hpp"

namespace rnnlatch::bindings {
namespace {

std::string compiler() {
#if defined(__clang__)
    std::string version = "Clang " __clang_version__;
    while (version.back() == ' ') version.pop_back();  // without a revision it ends in a space
    return version;
#elif defined(__GNUC__)
    return "GCC " __VERSION__;
#else
    return "unknown";
#endif
}

std::string eigen_version() {
    // Eigen 5 kept the world version at 3 and counts in the major one.
#if EIGEN_MAJOR_VERSION >= 5
    return std::to_string(EIGEN_MAJOR_VERSION) + "." + std::to_string(EIGEN_MINOR_VERSION) + "." +
           std::to_string(EIGEN_PATCH_VERSION);
#else
    return std::to_string(EIGEN_WORLD_VERSION) + "." + std::to_string(EIGEN_MAJOR_VERSION) + "." +
           std::to_string(EIGEN_MINOR_VERSION);
#endif
}

constexpr bool assertions() {
#if defined(NDEBUG)
    return false;
#else
    return true;
#endif
}

Results<Any> build_info() {
    using namespace py::literals;
    return py::dict("isa"_a = RNNLATCH_ISA, "compiler"_a = compiler(), "flags"_a = RNNLATCH_FLAGS,
                    "eigen_version"_a = eigen_version(), "lanes_per_register"_a = lanes64, "fma"_a = fused_multiply_add,
                    "assertions"_a = assertions());
}

}  // namespace

void bind_build_info(py::module_& m) {
    m.def("build_info", &build_info,
          "How this module was compiled: isa, compiler, flags, eigen_version, lanes_per_register (doubles), fma, "
          "assertions.");
}

}  // namespace rnnlatch::bindings
