// What training and testing a latch have in common: the drive of its first steps, and the cost of its last state.
#pragma once

#include <cstddef>
#include <cstdint>

#include "lanes/pack.hpp"

namespace rnnlatch {

// The first steps are driven by the trainable input of the sequence's class. Rows of `input` are the steps of class 0, then
// those of class 1; `positive` is the mask of the lanes that show class 1.
inline void drive_with_inputs(std::size_t lanes, std::size_t prefix, const std::int64_t* positive, const double* input,
                              double* drive) {
    const std::size_t cells = prefix * lanes;
    for (std::size_t lane = 0; lane < lanes; lane += lanes64) {
        const i64 mask = load<i64>(positive + lane);
        for (std::size_t at = lane; at < cells; at += lanes) {
            store(drive + at, select(mask, load<f64>(input + cells + at), load<f64>(input + at)));
        }
    }
}

// Cost C = (x_T - d)^2 / 2, its derivative x_T - d, and 1 where the sign is wrong.
struct LatchCost {
    f64 cost, deviation, wrong;
};

RNNLATCH_INLINE LatchCost latch_cost(f64 state, f64 desired) {
    const f64 deviation = state - desired;
    return {deviation * deviation * 0.5, deviation, select(state * desired <= f64{}, constant(1.0), f64{})};
}

// Adds to an entry a lane.
RNNLATCH_INLINE void accumulate(double* sum, f64 value) { store(sum, load<f64>(sum) + value); }

}  // namespace rnnlatch
