// Which answers are right: a row of lanes at a time.
//
//   softmax_cross_entropy     the output of the target's class is larger than all others
//   logistic_cross_entropy    every output is positive where its target is above 1/2, else not
//   half_squared_error        every output is nearer to its target than the tolerance; with tolerance 0, on its target's side
//                             of the middle
// What is not a number is wrong.
#pragma once

#include <cstddef>

#include "drivers/lane_losses.hpp"
#include "tasks/sequence_task.hpp"

namespace rnnlatch {

struct Answers {
    Loss loss;
    std::size_t outputs;  // numbers that are compared with a target at a step
};

// 1 in the lanes whose answer is wrong, else 0.
inline void find_wrong(const Answers& answers, const double* output, const double* target, Twice<f64> tolerance,
                       Twice<f64> middle, double* wrong) {
    using V = Twice<f64>;
    using M = Memory<V>;
    const V zero = constant_like<V>(0.0), one = constant_like<V>(1.0), half = constant_like<V>(0.5);
    V fails = zero;
    if (answers.loss == Loss::softmax_cross_entropy) {
        const V wanted = M::load(target);
        V chosen = zero;
        for (std::size_t o = 0; o < answers.outputs; ++o) {
            const auto hit = wanted == constant_like<V>(static_cast<double>(o));
            chosen = select(hit, M::load(output + o * task_lanes), chosen);
        }
        for (std::size_t o = 0; o < answers.outputs; ++o) {
            const auto hit = wanted == constant_like<V>(static_cast<double>(o));
            fails = select(hit | (M::load(output + o * task_lanes) < chosen), fails, one);
        }
    } else {
        for (std::size_t o = 0; o < answers.outputs; ++o) {
            const V y = M::load(output + o * task_lanes), d = M::load(target + o * task_lanes);
            auto right = (y - middle) * (d - middle) > zero;
            if (answers.loss == Loss::logistic_cross_entropy) {
                right = (y - y == zero) & ((y > zero) == (d > half));
            } else {
                const auto near = (tolerance > zero) & (abs(y - d) < tolerance);
                right = near | ((tolerance == zero) & right);
            }
            fails = select(right, fails, one);
        }
    }
    M::store(wrong, fails);
}

}  // namespace rnnlatch
