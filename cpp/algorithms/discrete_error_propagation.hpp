// Discrete error propagation in lanes, for hard-threshold units y = sign(a): what travels back is the change g that is desired
// of a unit, and it is made discrete by chance.
//
// Source: Bengio, Simard, Frasconi (1994), eqs. 7-10. Where they are silent or do not learn, this is what learns parity:
//   - a sequence that is right changes nothing; at the units that are read, g = d - y of the last step;
//   - for t = T..1, units in reverse order, where g != 0: S = +2 with probability (c + M) / 2M, else -2, c = g cut to +-M;
//   - pg = 1 / (epsilon - a) if S = +2 and a < 0; -1 / (epsilon + a) if S = -2 and a >= 0; 0 where the unit is there already;
//   - each unit that it reads through a weight w gets g += w pg; afterwards w += learning_rate sum of pg times what was read.
// The chance of unit i in row t of a presentation is uniform number t hidden + i of Purpose::decision.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <utility>

#include "drivers/trained_network.hpp"
#include "engine/training_problem.hpp"
#include "lanes/normal.hpp"
#include "lanes/streams.hpp"

namespace rnnlatch {

// Networks of hard-threshold units. In the place of the gradient they have the sum that the weights are to grow by.
template <class V>
class ThresholdNetworks : public NetworkLanes<V> {
    using Base = NetworkLanes<V>;

   protected:
    using Base::at_, Base::carried_, Base::carried_next_, Base::gradient_, Base::row, Base::shape_, Base::state;
    using typename Base::M;

   public:
    using typename Base::S;

    ThresholdNetworks(const NetworkProblem<S>& problem, const CellInLanes<V>& cell)
        : Base(problem, cell, Remember::everything), sums_(shape_.length * shape_.hidden * row) {}

    void walk_forward() {
        for (std::size_t t = 1; t <= shape_.length; ++t) {
            this->forward(t);
            std::copy_n(this->slots_.data(), shape_.hidden * row, sums_.data() + (t - 1) * shape_.hidden * row);
        }
    }

    // From the errors of the lanes of the mask. pseudo_gradient(k, desired change, a) is that of unit i in row t - 1,
    // k = (t - 1) hidden + i.
    template <class Mask, class F>
    void propagate(Mask wrong, F pseudo_gradient) {
        const std::size_t hidden = shape_.hidden;
        std::fill(carried_.begin(), carried_.end(), S{});
        S* read = carried_.data() + std::max<std::ptrdiff_t>(shape_.read_unit, 0) * static_cast<std::ptrdiff_t>(row);
        for (std::size_t o = 0; o < shape_.judged(); ++o) {
            const V missing = -M::load(this->output_gradient_.data() + o * row);  // dE/dy is y - d
            M::store(read + o * row, select(wrong, missing, constant_like<V>(0.0)));
        }
        for (std::size_t t = shape_.length; t > 0; --t) {
            std::fill(carried_next_.begin(), carried_next_.end(), S{});
            const auto begun = this->has_begun(t);
            for (std::size_t i = hidden; i-- > 0;) {
                const V g = M::load(carried_.data() + i * row), zero = constant_like<V>(0.0);
                const auto active = begun & ((g > zero) | (zero > g));
                if (!any(active)) continue;
                const std::size_t k = (t - 1) * hidden + i;
                hand_back(t, i, select(active, pseudo_gradient(k, g, M::load(sums_.data() + k * row)), zero));
            }
            std::swap(carried_, carried_next_);
        }
    }

   private:
    // To all that unit i reads at step t.
    void hand_back(std::size_t t, std::size_t i, V pg) {
        const std::size_t hidden = shape_.hidden, inputs = shape_.inputs;
        for (std::size_t k = 0; k < hidden; ++k) {
            const bool same = this->problem_.same_step && this->same_step(i, k);
            const std::size_t weight = at_.weight_hh + i * hidden + k;
            Base::add_product(pg, this->parameter(weight), (same ? carried_ : carried_next_).data() + k * row);
            Base::add_product(pg, state(same ? t : t - 1) + k * row, gradient_.data() + weight * row);
        }
        for (std::size_t k = 0; k < inputs; ++k) {
            Base::add_product(pg, this->input(t) + k * row, gradient_.data() + (at_.weight_ih + i * inputs + k) * row);
        }
        Base::add_product(pg, this->ones_.data(), gradient_.data() + (at_.bias_ih + i) * row);
        Base::add_product(pg, this->ones_.data(), gradient_.data() + (at_.bias_hh + i) * row);
    }

    Buffer<S> sums_;  // the pre-activations of the sequence
};

class DiscreteErrorPropagation {
    using V = Twice<f64>;
    using M = Memory<V>;

   public:
    using Network = TrainedNetwork<ThresholdNetworks<V>>;

    struct Rates {
        double learning_rate, epsilon, bound;
    };
    using RatesOf = std::function<Rates(std::size_t run)>;

    DiscreteErrorPropagation(const TrainingProblem& problem, SequenceTask& task, RatesOf rates_of)
        : network_(problem.network, problem.trainable, task, problem.cell),
          streams_(problem.key, problem.stream),
          rates_of_(std::move(rates_of)),
          learning_rate_(task_lanes),
          epsilon_(task_lanes, 1.0),
          bound_(task_lanes, 1.0),
          number_(task_lanes) {}

    Network& network() { return network_; }
    bool finite(std::size_t lane) const { return network_.finite(lane); }

    void set_lane(std::size_t lane, std::size_t run) {
        const Rates rates = rates_of_(run);
        streams_.set_lane(lane, run);
        learning_rate_[lane] = rates.learning_rate, epsilon_[lane] = rates.epsilon, bound_[lane] = rates.bound;
    }

    void clear_lane(std::size_t lane) { network_.clear_lane(lane); }

    void present(const PresentationRows& shown) {
        std::copy_n(shown.number, task_lanes, number_.data());
        network_.show(shown.index);
        network_.walk_there();
    }

    void step(const double* mask) {
        const V zero = constant_like<V>(0.0);
        const auto learning = (M::load(mask) > zero) & (M::load(network_.wrong()) > zero);
        if (!any(learning)) return;
        network_.clear_gradient();
        const auto prepared = streams_.prepare(number_.data());
        std::size_t block = std::numeric_limits<std::size_t>::max();
        V uniform[2];  // of the block
        network_.propagate(learning, [&](std::size_t k, V g, V a) {
            if (k / 2 != block) draw(prepared, block = k / 2, uniform);
            return pseudo_gradient(uniform[k % 2], g, a);
        });
        const V rate = M::load(learning_rate_.data());
        for (std::size_t i = 0; i < network_.trainable(); ++i) {
            const V theta = M::load(network_.theta(i));
            const V next = fma(rate, M::load(network_.gradient(i)), theta);
            M::store(network_.theta(i), select(learning, next, theta));
        }
        network_.changed();
    }

   private:
    // Two uniform numbers a block of words.
    void draw(const Philox::Prepared<u32>& prepared, std::size_t block, V (&uniform)[2]) const {
        u32 words[4];
        streams_.words(prepared, Purpose::decision, static_cast<std::uint32_t>(block), words);
        for (std::size_t i = 0; i < 2; ++i) {
            uniform[i] = {unit_uniform_low(words[2 * i], words[2 * i + 1]),
                          unit_uniform_high(words[2 * i], words[2 * i + 1])};
        }
    }

    V pseudo_gradient(V uniform, V g, V a) const {
        const V bound = M::load(bound_.data()), epsilon = M::load(epsilon_.data());
        const V zero = constant_like<V>(0.0), one = constant_like<V>(1.0);
        const V cut = min(max(g, -bound), bound);
        const auto up = uniform < (cut + bound) / (constant_like<V>(2.0) * bound), below = a < zero;
        const V rise = select(below, one / (epsilon - a), zero), fall = select(below, zero, -one / (epsilon + a));
        return select(up, rise, fall);
    }

    Network network_;
    LaneStreams streams_;
    RatesOf rates_of_;
    Buffer<double> learning_rate_, epsilon_, bound_;
    Buffer<std::uint32_t> number_;
};

}  // namespace rnnlatch
