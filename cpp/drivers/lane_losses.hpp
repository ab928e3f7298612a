// The losses in lanes: the value of one term, and its derivative with respect to the outputs.
//
//   half_squared_error        sum over outputs of (y - d)^2 / 2
//   softmax_cross_entropy     log(sum exp(y)) - y[class]; the target is one row, the class as a number
//   logistic_cross_entropy    sum over outputs of log(1 + exp(y)) - d y, y the logit, d in [0, 1]
// Both cross-entropies are computed from logits without overflow. A term of weight 0 adds nothing, whatever its values are.
#pragma once

#include <cstddef>

#include "drivers/lane_rows.hpp"
#include "lanes/logarithm.hpp"

namespace rnnlatch {

enum class Loss { half_squared_error, softmax_cross_entropy, logistic_cross_entropy };

// Adds the term to `total` and writes its derivative by the `outputs` rows of y to the rows of g.
template <class V>
void judge(Loss loss, std::size_t outputs, const ScalarOf<V>* y, const ScalarOf<V>* target, V weight,
           ScalarOf<V>* total, ScalarOf<V>* g) {
    using M = Memory<V>;
    constexpr std::size_t row = Row<V>::stride;
    const V zero = constant_like<V>(0.0), one = constant_like<V>(1.0);
    const auto unused = weight == zero;
    V sum = zero;
    if (loss == Loss::half_squared_error) {
        for (std::size_t o = 0; o < outputs; ++o) {
            const V deviation = M::load(y + o * row) - M::load(target + o * row);
            sum = fma(deviation, deviation, sum);
            M::store(g + o * row, select(unused, zero, weight * deviation));
        }
        sum = sum * constant_like<V>(0.5);
    } else if (loss == Loss::logistic_cross_entropy) {
        for (std::size_t o = 0; o < outputs; ++o) {
            const V logit = M::load(y + o * row), d = M::load(target + o * row);
            sum = sum + (fnma(d, logit, max(logit, zero)) + log1p(exp(-abs(logit))));
            M::store(g + o * row, select(unused, zero, weight * (logistic(logit) - d)));
        }
    } else {
        const V wanted = M::load(target);
        V largest = M::load(y), chosen = zero, partition = zero;
        for (std::size_t o = 1; o < outputs; ++o) largest = max(M::load(y + o * row), largest);
        for (std::size_t o = 0; o < outputs; ++o) {
            const V logit = M::load(y + o * row), share = exp(logit - largest);
            M::store(g + o * row, share);
            partition = partition + share;
            chosen = select(wanted == constant_like<V>(static_cast<double>(o)), logit, chosen);
        }
        for (std::size_t o = 0; o < outputs; ++o) {
            const V hit = select(wanted == constant_like<V>(static_cast<double>(o)), one, zero);
            M::store(g + o * row, select(unused, zero, weight * (M::load(g + o * row) / partition - hit)));
        }
        sum = (largest - chosen) + log1p(partition - one);
    }
    M::store(total, M::load(total) + select(unused, zero, weight * sum));
}

}  // namespace rnnlatch
