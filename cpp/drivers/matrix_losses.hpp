// The losses of the matrix driver: one term for the outputs of one sequence, and its derivative. What they are:
// drivers/lane_losses.hpp.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "drivers/lane_losses.hpp"

namespace rnnlatch {

namespace detail {

// log(sum exp(y)) - y[wanted], and softmax(y) - e_wanted.
template <class Scalar>
double softmax_cross_entropy(const Scalar* y, std::size_t outputs, std::int64_t wanted, Scalar* derivative) {
    const Scalar largest = *std::max_element(y, y + outputs);
    Scalar sum = 0;
    for (std::size_t i = 0; i < outputs; ++i) sum += derivative[i] = std::exp(y[i] - largest);
    for (std::size_t i = 0; i < outputs; ++i) derivative[i] /= sum;
    derivative[wanted] -= 1;
    return static_cast<double>(std::log(sum) + (largest - y[wanted]));
}

// log(1 + exp(y)) - target y, with an exponential that cannot overflow.
template <class Scalar>
double logistic_cross_entropy(const Scalar* y, std::size_t outputs, const Scalar* target, Scalar* derivative) {
    double loss = 0;
    for (std::size_t i = 0; i < outputs; ++i) {
        const Scalar e = std::exp(-std::abs(y[i]));
        loss += static_cast<double>(std::max(y[i], Scalar{0}) - target[i] * y[i] + std::log1p(e));
        derivative[i] = (y[i] < 0 ? e : Scalar{1}) / (1 + e) - target[i];
    }
    return loss;
}

template <class Scalar>
double half_squared_error(const Scalar* y, std::size_t outputs, const Scalar* target, Scalar* derivative) {
    double loss = 0;
    for (std::size_t i = 0; i < outputs; ++i) {
        derivative[i] = y[i] - target[i];
        loss += static_cast<double>(derivative[i]) * static_cast<double>(derivative[i]);
    }
    return loss / 2;
}

}  // namespace detail

// What is wanted of all sequences: numbers, or for softmax_cross_entropy classes, a term after the other; the terms'
// weights, or null.
template <class Scalar>
struct Targets {
    Loss loss;
    bool every;  // a term at every step, not only at the last one
    const Scalar* values;
    const std::int64_t* classes;
    const Scalar* weights;
    std::uint8_t* wrong;       // becomes 1 for a sequence of which a term with a weight is wrong; null: nobody asks
    double middle, tolerance;  // between the sides of a target, or how near the output must be; 0: the side counts

    // Term `term`, times its weight and `scale`. A weight of 0 leaves the term out, whatever its outputs are.
    double term(std::size_t term, const Scalar* y, std::size_t outputs, Scalar scale, Scalar* derivative) const {
        const Scalar weight = weights ? weights[term] * scale : scale;
        if (weight == 0) {
            std::fill_n(derivative, outputs, Scalar{0});
            return 0;
        }
        const Scalar* target = classes ? nullptr : values + term * outputs;
        const double value =
            loss == Loss::softmax_cross_entropy ? detail::softmax_cross_entropy(y, outputs, classes[term], derivative)
            : loss == Loss::logistic_cross_entropy ? detail::logistic_cross_entropy(y, outputs, target, derivative)
                                                   : detail::half_squared_error(y, outputs, target, derivative);
        for (std::size_t i = 0; i < outputs; ++i) derivative[i] *= weight;
        return static_cast<double>(weight) * value;
    }

    // Whether the outputs are right where term `term` has a weight: see tasks/answers.hpp.
    bool right(std::size_t term, const Scalar* y, std::size_t outputs) const {
        if (weights && !(weights[term] > 0)) return true;
        bool all = true;
        for (std::size_t o = 0; o < outputs; ++o) {
            if (loss == Loss::softmax_cross_entropy) {
                const auto wanted = static_cast<std::size_t>(classes[term]);
                all &= o == wanted || y[o] < y[wanted];
                continue;
            }
            const auto output = static_cast<double>(y[o]), target = static_cast<double>(values[term * outputs + o]);
            all &= loss == Loss::logistic_cross_entropy ? std::isfinite(output) && (output > 0) == (target > 0.5)
                   : tolerance > 0                      ? std::abs(output - target) < tolerance
                                                        : (output - middle) * (target - middle) > 0;
        }
        return all;
    }
};

}  // namespace rnnlatch
