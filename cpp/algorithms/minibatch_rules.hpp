// How one network moves along the gradient of a minibatch: penalties, the guard, clipping, and the step.
//
//   G <- G + l2 theta + l1 sign(theta)                                  the gradient, of what is trained
//   where |G| is not finite or above 1e10 and the guard is on:
//     G <- 0.02 W for the recurrent weights, 0 for the others           the authors' code for the paper below
//   otherwise G is cut to [-clip_value, clip_value] element by element, then to the norm clip_norm
//   SGD       v <- momentum v + G ;  theta <- theta - rate v
//   Adam, RMSprop as in algorithms/adaptive.hpp
//
// Source of the clipping: Pascanu, Mikolov, Bengio (2013), algorithm 1.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "lanes/buffer.hpp"
#include "lanes/finite.hpp"
#include "matrix/product.hpp"

namespace rnnlatch {

enum class StepKind { descent, adam, rmsprop };

struct MinibatchRuleSettings {
    StepKind kind;
    double momentum, clip_norm, clip_value, l1, l2;
    double beta_1, beta_2, epsilon;  // of Adam, and of RMSprop but the first
    bool shrink;                     // the guard
};

// Numbers of all parameters, one after the other.
template <class Scalar>
class MinibatchRule {
   public:
    // [recurrent, recurrent_end): the recurrent weights. trainable: 1 or 0 a number.
    MinibatchRule(const MinibatchRuleSettings& settings, std::size_t count, std::size_t recurrent,
                  std::size_t recurrent_end, const std::uint8_t* trainable)
        : settings_(settings),
          recurrent_(recurrent),
          recurrent_end_(recurrent_end),
          trainable_(trainable, trainable + count),
          next_(count),
          mean_(settings.kind == StepKind::rmsprop ? 0 : count),
          square_(settings.kind == StepKind::descent ? 0 : count) {}

    // The running means: the velocity of descent, or the mean of Adam, and the mean square; and the steps so far.
    Buffer<Scalar>& mean() { return mean_; }
    Buffer<Scalar>& square() { return square_; }
    std::int64_t steps = 0;

    // Adds the penalties, leaves out what is not trained, and gives the norm.
    double prepare(const Scalar* theta, Scalar* gradient) const {
        const auto l1 = static_cast<Scalar>(settings_.l1), l2 = static_cast<Scalar>(settings_.l2);
        for (std::size_t i = 0; i < next_.size(); ++i) {
            if (!trainable_[i]) gradient[i] = 0;
        }
        if (l1 != 0 || l2 != 0) {
            for (std::size_t i = 0; i < next_.size(); ++i) {
                const Scalar sign = theta[i] > 0 ? l1 : theta[i] < 0 ? -l1 : Scalar{0};
                if (trainable_[i]) gradient[i] += l2 * theta[i] + sign;
            }
        }
        return norm(gradient);
    }

    // One step with a gradient that has this norm; false, and nothing is changed, where it leads to what is not finite.
    bool step(double rate, double gradient_norm, Scalar* theta, Scalar* gradient) {
        if (settings_.shrink && !(gradient_norm <= largest)) {
            shrink(theta, gradient);
        } else {
            if (!std::isfinite(gradient_norm)) return false;
            clip(gradient_norm, gradient);
        }
        keep_means();
        ++steps;
        if (settings_.kind == StepKind::descent) {
            descend(static_cast<Scalar>(rate), theta, gradient);
        } else {
            adapt(rate, theta, gradient);
        }
        if (!all_finite<PackOf<Scalar>>(next_.data(), next_.size())) {
            --steps;
            mean_.swap(kept_mean_), square_.swap(kept_square_);
            return false;
        }
        std::copy(next_.begin(), next_.end(), theta);
        return true;
    }

   private:
    static constexpr double largest = 1e10;

    // Norms of single precision are added up in double.
    double norm(const Scalar* gradient) const {
        constexpr std::size_t chains = 8;
        double sum[chains] = {};
        std::size_t i = 0;
        for (; i + chains <= next_.size(); i += chains) {
            for (std::size_t c = 0; c < chains; ++c) {
                const auto each = static_cast<double>(gradient[i + c]);
                sum[c] += each * each;
            }
        }
        for (; i < next_.size(); ++i) sum[0] += static_cast<double>(gradient[i]) * static_cast<double>(gradient[i]);
        double total = 0;
        for (const double each : sum) total += each;
        return std::sqrt(total);
    }

    void shrink(const Scalar* theta, Scalar* gradient) const {
        for (std::size_t i = 0; i < next_.size(); ++i) {
            const bool recurrent = i >= recurrent_ && i < recurrent_end_ && trainable_[i];
            gradient[i] = recurrent ? static_cast<Scalar>(0.02) * theta[i] : Scalar{0};
        }
    }

    void clip(double gradient_norm, Scalar* gradient) const {
        if (std::isfinite(settings_.clip_value)) {
            const auto most = static_cast<Scalar>(settings_.clip_value);
            for (std::size_t i = 0; i < next_.size(); ++i) gradient[i] = std::clamp(gradient[i], -most, most);
            gradient_norm = norm(gradient);
        }
        if (gradient_norm <= settings_.clip_norm) return;
        const auto factor = static_cast<Scalar>(settings_.clip_norm / gradient_norm);
        for (std::size_t i = 0; i < next_.size(); ++i) gradient[i] *= factor;
    }

    // A step that fails must leave the means as they were.
    void keep_means() {
        if (settings_.kind == StepKind::descent && settings_.momentum == 0) return;
        kept_mean_ = mean_, kept_square_ = square_;
    }

    void descend(Scalar rate, const Scalar* theta, const Scalar* gradient) {
        const auto momentum = static_cast<Scalar>(settings_.momentum);
        if (momentum == 0) {
            for (std::size_t i = 0; i < next_.size(); ++i) next_[i] = theta[i] - rate * gradient[i];
            return;
        }
        for (std::size_t i = 0; i < next_.size(); ++i) {
            mean_[i] = momentum * mean_[i] + gradient[i];
            next_[i] = theta[i] - rate * mean_[i];
        }
    }

    void adapt(double rate, const Scalar* theta, const Scalar* gradient) {
        const bool adam = settings_.kind == StepKind::adam;
        const auto beta_1 = static_cast<Scalar>(settings_.beta_1), beta_2 = static_cast<Scalar>(settings_.beta_2);
        const auto epsilon = static_cast<Scalar>(settings_.epsilon);
        const auto count = static_cast<double>(steps);
        const auto by_mean = static_cast<Scalar>(adam ? rate / (1 - std::pow(settings_.beta_1, count)) : rate);
        const auto by_square = static_cast<Scalar>(adam ? 1 / (1 - std::pow(settings_.beta_2, count)) : 1.0);
        for (std::size_t i = 0; i < next_.size(); ++i) {
            const Scalar g = gradient[i];
            square_[i] = beta_2 * square_[i] + (1 - beta_2) * (g * g);
            if (adam) mean_[i] = beta_1 * mean_[i] + (1 - beta_1) * g;
            const Scalar direction = adam ? mean_[i] : g, scale = std::sqrt(square_[i] * by_square) + epsilon;
            // what is not trained has no gradient, and perhaps no epsilon either
            next_[i] = trainable_[i] ? theta[i] - by_mean * (direction / scale) : theta[i];
        }
    }

    MinibatchRuleSettings settings_;
    std::size_t recurrent_, recurrent_end_;
    std::vector<std::uint8_t> trainable_;
    Buffer<Scalar> next_, mean_, square_, kept_mean_, kept_square_;
};

}  // namespace rnnlatch
