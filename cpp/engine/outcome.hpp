// How a run ends, and what its criterion looks at; the numbers are those of Python's Outcome and Criterion.
#pragma once

#include <cstdint>

namespace rnnlatch {

enum class Outcome : std::uint8_t { exhausted = 0, converged = 1, diverged = 2, stuck = 3 };

enum class Measure { none = 0, cost = 1, error = 2, consecutive = 3 };

}  // namespace rnnlatch
