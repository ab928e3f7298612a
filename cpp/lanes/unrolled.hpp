// Loops that the compiler unrolls for certain, with indices it knows, so that arrays of registers stay in registers.
#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>

#include "lanes/pack.hpp"

namespace rnnlatch {

// f(0), ..., f(n - 1), each index a std::integral_constant.
template <std::size_t n, class F>
RNNLATCH_INLINE void unrolled(F f) {
    [&]<std::size_t... i>(std::index_sequence<i...>) __attribute__((always_inline)) {
        (f(std::integral_constant<std::size_t, i>{}), ...);
    }(std::make_index_sequence<n>{});
}

}  // namespace rnnlatch
