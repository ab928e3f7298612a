// Adam and RMSprop in lanes: gradient descent whose step is measured by running means of the gradient's square.
//
//   Adam     m <- b1 m + (1 - b1) G ;  v <- b2 v + (1 - b2) G^2 ;  theta -= rate (m / (1 - b1^k)) / (sqrt(v / (1 - b2^k)) + e)
//   RMSprop  v <- b2 v + (1 - b2) G^2 ;  theta -= rate G / (sqrt(v) + e)
// k counts the steps of a run from 1. Source: Kingma, Ba (2015), algorithm 1; Tieleman, Hinton (2012), lecture 6.5.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

#include "algorithms/gradient_descent.hpp"
#include "lanes/buffer.hpp"
#include "lanes/pack.hpp"

namespace rnnlatch {

enum class Adaptive { adam, rmsprop };

template <Adaptive kind>
class AdaptiveDescent {
   public:
    struct Rates {
        double learning_rate, beta_1, beta_2, epsilon, clip_norm;
    };
    static constexpr Rates idle() { return {0.0, 0.0, 0.0, 1.0, std::numeric_limits<double>::infinity()}; }

    AdaptiveDescent(double gradient_scale, bool clip, std::size_t parameters, std::size_t lanes)
        : clip_({gradient_scale, false, false, clip}, parameters, lanes),
          lanes_(lanes),
          learning_rate_(lanes),
          beta_1_(lanes),
          beta_2_(lanes),
          epsilon_(lanes),
          power_1_(lanes),
          power_2_(lanes),
          mean_(kind == Adaptive::adam ? parameters * lanes : 0),
          square_(parameters * lanes) {}

    void set_lane(std::size_t lane, const Rates& rates) {
        clip_.set_lane(lane, {0.0, 0.0, rates.clip_norm, 0.0, 0.0});
        learning_rate_[lane] = rates.learning_rate;
        beta_1_[lane] = rates.beta_1, beta_2_[lane] = rates.beta_2;
        epsilon_[lane] = rates.epsilon;
        power_1_[lane] = power_2_[lane] = 1.0;
        for (std::size_t row = 0; row < mean_.size(); row += lanes_) mean_[row + lane] = 0.0;
        for (std::size_t row = 0; row < square_.size(); row += lanes_) square_[row + lane] = 0.0;
    }

    // One step in the lanes of the mask (null: in all). Rows of theta and gradient are parameters.
    void step(const std::int64_t* mask, double* theta, double* gradient) {
        clip_.prepare(mask, theta, gradient);
        const f64 one = constant(1.0);
        for (std::size_t lane = 0; lane < lanes_; lane += lanes64) {
            const i64 stepping = mask ? load<i64>(mask + lane) : ~i64{};
            const f64 b1 = load<f64>(beta_1_.data() + lane), b2 = load<f64>(beta_2_.data() + lane);
            const f64 rate = load<f64>(learning_rate_.data() + lane), epsilon = load<f64>(epsilon_.data() + lane);
            const f64 power_1 = advance(stepping, b1, power_1_.data() + lane);
            const f64 power_2 = advance(stepping, b2, power_2_.data() + lane);
            for (std::size_t at = lane; at < square_.size(); at += lanes_) {
                const f64 g = load<f64>(gradient + at), old = load<f64>(square_.data() + at);
                const f64 v = fma(one - b2, g * g, b2 * old);
                f64 direction = g, scale = v;
                if constexpr (kind == Adaptive::adam) {
                    const f64 before = load<f64>(mean_.data() + at), m = fma(one - b1, g, b1 * before);
                    store(mean_.data() + at, select(stepping, m, before));
                    direction = m / (one - power_1);
                    scale = v / (one - power_2);
                }
                store(square_.data() + at, select(stepping, v, old));
                const f64 parameter = load<f64>(theta + at);
                const f64 next = fnma(rate, direction / (sqrt(scale) + epsilon), parameter);
                store(theta + at, select(stepping, next, parameter));
            }
        }
    }

   private:
    static f64 advance(i64 stepping, f64 beta, double* power) {
        const f64 before = load<f64>(power), after = before * beta;
        store(power, select(stepping, after, before));
        return after;
    }

    GradientDescent clip_;
    std::size_t lanes_;
    Buffer<double> learning_rate_, beta_1_, beta_2_, epsilon_, power_1_, power_2_, mean_, square_;
};

using Adam = AdaptiveDescent<Adaptive::adam>;
using RMSprop = AdaptiveDescent<Adaptive::rmsprop>;

}  // namespace rnnlatch
