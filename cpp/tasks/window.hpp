// Where in a sequence something stands: any step of a window, which is a share of the sequence.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "tasks/drawn_task.hpp"

namespace rnnlatch {

struct Window {
    double start, width;  // shares of the steps

    // A step of a sequence with so many: the window begins with step floor(start steps) and has floor(width steps) steps,
    // or one; with its end, one more.
    std::size_t step(std::size_t steps, bool with_end, std::uint32_t word) const {
        const auto n = static_cast<double>(steps);
        const auto first = static_cast<std::size_t>(start * n), inner = static_cast<std::size_t>(width * n);
        const std::size_t count = with_end ? inner + 1 : std::max<std::size_t>(inner, 1);
        return std::min(between(first, first + count - 1, word), steps - 1);
    }
};

}  // namespace rnnlatch
