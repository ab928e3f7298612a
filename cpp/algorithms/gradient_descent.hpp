// Gradient descent in lanes: momentum, L1 and L2 penalties, clipping of the gradient's norm.
//
//   G <- gradient (sum over the batch, or mean) + l2 theta + l1 sign(theta)
//   G <- G clip_norm / |G|  where |G| > clip_norm          Pascanu, Mikolov, Bengio (2013), algorithm 1
//   v <- momentum v + G ;  theta <- theta - learning_rate v
#pragma once

#include <cstddef>
#include <limits>

#include "lanes/buffer.hpp"
#include "lanes/pack.hpp"

namespace rnnlatch {

class GradientDescent {
   public:
    struct Settings {
        double gradient_scale;         // 1 for the sum over a batch, 1 / batch size for the mean
        bool momentum, penalty, clip;  // whether any run of the call uses them
    };

    // One value of each a run.
    struct Rates {
        double learning_rate, momentum, clip_norm, l1, l2;
    };
    static constexpr Rates idle() { return {0.0, 0.0, std::numeric_limits<double>::infinity(), 0.0, 0.0}; }

    GradientDescent(const Settings& settings, std::size_t parameters, std::size_t lanes)
        : settings_(settings),
          parameters_(parameters),
          lanes_(lanes),
          learning_rate_(lanes),
          momentum_(lanes),
          clip_norm_(lanes, std::numeric_limits<double>::infinity()),
          l1_(lanes),
          l2_(lanes),
          velocity_(settings.momentum ? parameters * lanes : 0) {}

    void set_lane(std::size_t lane, const Rates& rates) {
        learning_rate_[lane] = rates.learning_rate;
        momentum_[lane] = rates.momentum;
        clip_norm_[lane] = rates.clip_norm;
        l1_[lane] = rates.l1;
        l2_[lane] = rates.l2;
        for (std::size_t row = 0; row < velocity_.size(); row += lanes_) velocity_[row + lane] = 0.0;
    }

    // Norm of the scaled gradient of every lane, before penalty and clipping.
    void gradient_norm(const double* gradient, double* norm) const {
        for (std::size_t lane = 0; lane < lanes_; lane += lanes64) {
            f64 sum{};
            for (std::size_t p = 0; p < parameters_; ++p) {
                const f64 g = load<f64>(gradient + p * lanes_ + lane) * settings_.gradient_scale;
                sum = fma(g, g, sum);
            }
            store(norm + lane, sqrt(sum));
        }
    }

    // One step in the lanes of the mask (null: in all), whose gradients are then cleared. Rows of theta and gradient are
    // parameters. True if any parameter of any lane is not finite after it.
    bool step(const std::int64_t* mask, double* theta, double* gradient) {
        if (settings_.penalty || settings_.clip) add_penalty_and_clip(mask, theta, gradient);
        if (settings_.momentum)
            return mask ? descend<true, true>(mask, theta, gradient) : descend<true, false>(mask, theta, gradient);
        return mask ? descend<false, true>(mask, theta, gradient) : descend<false, false>(mask, theta, gradient);
    }

    // The gradient as a step would take it: scaled, with the penalty, clipped; only in the lanes of the mask (null: all).
    void prepare(const std::int64_t* mask, const double* theta, double* gradient) const {
        add_penalty_and_clip(mask, theta, gradient);
    }

   private:
    template <bool momentum, bool masked>
    bool descend(const std::int64_t* mask, double* theta, double* gradient) {
        const std::size_t lanes = lanes_, rows = parameters_ * lanes_;
        const double scale = settings_.penalty || settings_.clip ? 1.0 : settings_.gradient_scale;
        const double *rates = learning_rate_.data(), *momenta = momentum_.data();
        double* velocity = velocity_.data();
        i64 divergence{};
        for (std::size_t lane = 0; lane < lanes; lane += lanes64) {
            const i64 stepping = masked ? load<i64>(mask + lane) : ~i64{};
            const f64 rate = load<f64>(rates + lane);
            f64 remainder{};  // the sum of differences that are 0 where every parameter is finite
            for (std::size_t at = lane; at < rows; at += lanes) {
                const f64 sum = load<f64>(gradient + at), parameter = load<f64>(theta + at);
                f64 direction = sum * scale;
                if constexpr (momentum) {
                    const f64 old = load<f64>(velocity + at);
                    direction = fma(load<f64>(momenta + lane), old, direction);
                    store(velocity + at, masked ? select(stepping, direction, old) : direction);
                }
                f64 next = fnma(rate, direction, parameter);
                if constexpr (masked) next = select(stepping, next, parameter);
                store(theta + at, next);
                store(gradient + at, masked ? select(stepping, f64{}, sum) : f64{});
                remainder = remainder + (next - next);
            }
            divergence |= remainder != f64{};
        }
        return any(divergence);
    }

    // The scaled gradient with penalty, clipped, in place; only in the lanes of the mask.
    void add_penalty_and_clip(const std::int64_t* mask, const double* theta, double* gradient) const {
        const std::size_t rows = parameters_ * lanes_;
        for (std::size_t lane = 0; lane < lanes_; lane += lanes64) {
            const i64 stepping = mask ? load<i64>(mask + lane) : ~i64{};
            const f64 l1 = load<f64>(l1_.data() + lane), l2 = load<f64>(l2_.data() + lane);
            f64 square{};
            for (std::size_t at = lane; at < rows; at += lanes_) {
                const f64 parameter = load<f64>(theta + at), sum = load<f64>(gradient + at);
                f64 g = fma(l2, parameter, sum * settings_.gradient_scale);
                g = g + select(parameter == f64{}, f64{}, copysign(l1, parameter));
                square = fma(g, g, square);
                store(gradient + at, select(stepping, g, sum));
            }
            const f64 norm = sqrt(square), limit = load<f64>(clip_norm_.data() + lane);
            const f64 factor = select((norm > limit) & stepping, limit / norm, constant(1.0));
            for (std::size_t at = lane; at < rows; at += lanes_) {
                store(gradient + at, load<f64>(gradient + at) * factor);
            }
        }
    }

    Settings settings_;
    std::size_t parameters_, lanes_;
    Buffer<double> learning_rate_, momentum_, clip_norm_, l1_, l2_, velocity_;
};

}  // namespace rnnlatch
