// Whether all numbers of an array are finite: what every array from outside is asked before work starts.
#pragma once

#include <cmath>
#include <cstddef>

#include "lanes/pack.hpp"

namespace rnnlatch {

// x * 0 is NaN where x is NaN or infinite, and NaN stays in a sum: a few sums of such terms, and no branch, keep up with
// the memory.
template <class Pack, class Scalar>
bool all_finite(const Scalar* from, std::size_t count) {
    constexpr std::size_t lanes = sizeof(Pack) / sizeof(Scalar), chains = 4;
    const Pack zero{};
    Pack sum[chains] = {};
    std::size_t i = 0;
    for (; i + chains * lanes <= count; i += chains * lanes) {
        for (std::size_t chain = 0; chain < chains; ++chain) {
            sum[chain] = fma(load<Pack>(from + i + chain * lanes), zero, sum[chain]);
        }
    }
    const Pack total = (sum[0] + sum[1]) + (sum[2] + sum[3]);
    Scalar last = 0;
    for (std::size_t lane = 0; lane < lanes; ++lane) last += total[lane];
    for (; i < count; ++i) last += from[i] * Scalar{0};
    return last == 0;
}

}  // namespace rnnlatch
