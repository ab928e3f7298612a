// What a step of symbols looks like as inputs: 1 for the symbol that is shown, 0 for all others.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "tasks/sequence_task.hpp"

namespace rnnlatch {

// Rows of inputs, (time, features), from rows of symbols.
inline void put_inputs(const std::uint32_t* symbols, std::size_t time, std::size_t features, double* inputs) {
    std::fill_n(inputs, time * features * task_lanes, 0.0);
    for (std::size_t t = 0; t < time; ++t, inputs += features * task_lanes) {
        for (std::size_t lane = 0; lane < task_lanes; ++lane, ++symbols) inputs[*symbols * task_lanes + lane] = 1.0;
    }
}

}  // namespace rnnlatch
