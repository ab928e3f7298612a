// Pseudo-Newton in lanes: every weight has a learning rate of its own, from its curvature; one presentation, one step.
//
//   plain           Delta(mu) = -eta g / (|h| + mu)                   g, h: summed over time
//   time-weighted   Delta(mu) = -eta sum over t of g_t / (|h_t| + mu)
//   mu              within bounds: raised by quarters until max |Delta| <= largest_step, then lowered by fifths until it is
//                   >= smallest_step, each at most 400 times; left alone where no mu makes the step large enough
//     by decay      mu <- within bounds from momentum mu
//     by average    mu <- momentum mu + (1 - momentum) (within bounds from mu), and Delta scaled to largest_step
// Sources: Becker, LeCun (1988); Bengio, Simard, Frasconi (1994), eqs. 5, 6. They bound the step by .3 and .001 and give mu
// a momentum of .8; how, they do not say.
#pragma once

#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

#include "drivers/trained_network.hpp"
#include "engine/training_problem.hpp"
#include "gradients/step_derivatives.hpp"

namespace rnnlatch {

class PseudoNewton {
    using V = Twice<f64>;
    using M = Memory<V>;
    using Mask = decltype(V{} > V{});

   public:
    using Network = TrainedNetwork<StepDerivatives<V>>;

    struct Settings {
        bool time_weighted, average;
        UnitDerivatives<V> unit;
    };
    struct Rates {
        double learning_rate, largest_step, smallest_step, momentum, mu;
    };
    using RatesOf = std::function<Rates(std::size_t run)>;

    PseudoNewton(const TrainingProblem& problem, SequenceTask& task, const Settings& settings, RatesOf rates_of)
        : network_(problem.network, problem.trainable, task, problem.cell, settings.unit),
          settings_(settings),
          rates_of_(std::move(rates_of)),
          learning_rate_(task_lanes),
          largest_(task_lanes),
          smallest_(task_lanes),
          momentum_(task_lanes),
          mu_(task_lanes),
          curvature_(settings.time_weighted ? 0 : problem.trainable.size() * task_lanes) {
        for (const std::size_t place : problem.trainable) uses_.push_back(network_.uses(place));
    }

    Network& network() { return network_; }
    bool finite(std::size_t lane) const { return network_.finite(lane); }

    void set_lane(std::size_t lane, std::size_t run) {
        const Rates rates = rates_of_(run);
        learning_rate_[lane] = rates.learning_rate;
        largest_[lane] = rates.largest_step, smallest_[lane] = rates.smallest_step;
        momentum_[lane] = rates.momentum, mu_[lane] = rates.mu;
    }

    void clear_lane(std::size_t lane) {
        set_idle(lane);
        network_.clear_lane(lane);
    }

    void present(const PresentationRows& shown) {
        network_.clear_gradient();
        network_.show(shown.index);
        network_.walk_there_and_back();
    }

    void step(const double* mask) {
        const V zero = constant_like<V>(0.0), momentum = M::load(momentum_.data()), mu = M::load(mu_.data());
        V largest_gradient = zero;
        for (std::size_t i = 0; i < uses_.size(); ++i) {
            const V g = M::load(network_.gradient(i));
            largest_gradient =
                select(g == zero, largest_gradient, constant_like<V>(1.0));  // one that is NaN counts too
        }
        const Mask stepping = (M::load(mask) > zero) & (largest_gradient > zero);
        if (!any(stepping)) return;
        if (!settings_.time_weighted) sum_curvatures();
        const V from = settings_.average ? mu : max(momentum * mu, constant_like<V>(smallest_mu));
        V next = within_bounds(stepping, from);
        if (settings_.average) next = momentum * mu + (constant_like<V>(1.0) - momentum) * next;
        M::store(mu_.data(), select(stepping, next, mu));
        V scale = M::load(learning_rate_.data());
        if (settings_.average) {
            const V size = largest_part<false>(next), most = M::load(largest_.data());
            scale = select(size > most, scale * (most / size), scale);
        }
        for (std::size_t i = 0; i < uses_.size(); ++i) {
            const V theta = M::load(network_.theta(i));
            M::store(network_.theta(i), select(stepping, fnma(scale, part<false>(i, next), theta), theta));
        }
        network_.changed();
    }

   private:
    static constexpr int most_changes = 400, jump = 16;
    static_assert(most_changes % jump == 0);
    // Below it mu does not fall: 400 times a quarter more must lead back to where a step is small enough.
    static constexpr double smallest_mu = 1e-30;

    void set_idle(std::size_t lane) {
        learning_rate_[lane] = 0.0;
        largest_[lane] = smallest_[lane] = momentum_[lane] = mu_[lane] = 1.0;
    }

    void sum_curvatures() {
        for (std::size_t i = 0; i < uses_.size(); ++i) {
            V sum = constant_like<V>(0.0);
            uses_[i].for_each([&](V, V h) { sum = sum + h; });
            M::store(curvature_.data() + i * task_lanes, abs(sum));
        }
    }

    // -Delta(mu) / eta of trainable number i; where `bound`, the sum of the sizes of its parts, which falls with mu.
    template <bool bound>
    RNNLATCH_INLINE V part(std::size_t i, V mu) {
        if (!settings_.time_weighted) {
            const V g = M::load(network_.gradient(i));
            return (bound ? abs(g) : g) / (M::load(curvature_.data() + i * task_lanes) + mu);
        }
        V sum = constant_like<V>(0.0);
        uses_[i].for_each([&](V g, V h) { sum = sum + (bound ? abs(g) : g) / (abs(h) + mu); });
        return sum;
    }

    template <bool bound>
    V largest_part(V mu) {
        V largest = constant_like<V>(0.0);
        for (std::size_t i = 0; i < uses_.size(); ++i) largest = max(abs(part<bound>(i, mu)), largest);
        return M::load(learning_rate_.data()) * largest;
    }

    V within_bounds(Mask stepping, V mu) {
        const V most = M::load(largest_.data()), least = M::load(smallest_.data()), zero = constant_like<V>(0.0);
        V size = largest_part<false>(mu);
        for (int k = 0; k < most_changes; ++k) {
            const Mask raised = stepping & (size > most);
            if (!any(raised)) break;
            mu = select(raised, mu * constant_like<V>(1.25), mu);
            size = largest_part<false>(mu);
        }
        const Mask small = stepping & (size > zero) & (size < least);
        return any(small) ? lowered(small, mu) : mu;
    }

    // From where the step is too small in the lanes of the mask.
    V lowered(Mask falling, V mu) {
        const V least = M::load(smallest_.data()), zero = constant_like<V>(0.0);
        falling = falling & (largest_part<true>(constant_like<V>(smallest_mu)) >= least);  // else no mu will do
        V there = mu;
        for (int k = 0; k < most_changes && any(falling); k += jump) {
            // Many steps at once where even the bound says that all of them are too small.
            V beyond = there;
            for (int j = 0; j < jump; ++j) beyond = lower(beyond);
            const Mask near = falling & (largest_part<true>(beyond) >= least);
            there = select(falling, select(near, there, beyond), there);
            Mask walking = near;
            for (int j = 0; j < jump && any(walking); ++j) {
                there = select(walking, lower(there), there);
                const V size = largest_part<false>(there);
                const Mask arrived = walking & ((size >= least) | (size == zero));
                mu = select(arrived, there, mu);
                falling = falling ^ arrived;
                walking = walking ^ arrived;
            }
        }
        return mu;
    }

    static V lower(V mu) { return max(mu * constant_like<V>(0.8), constant_like<V>(smallest_mu)); }

    Network network_;
    Settings settings_;
    RatesOf rates_of_;
    std::vector<StepDerivatives<V>::Uses> uses_;  // of the trainable numbers
    Buffer<double> learning_rate_, largest_, smallest_, momentum_, mu_, curvature_;
};

}  // namespace rnnlatch
