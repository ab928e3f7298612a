// Real-time recurrent learning in lanes: the gradient carried forward with the states, no step remembered.
//
// Source: Williams, Zipser (1989). The influence of a parameter on a state, d(state)/d(parameter), follows from that of the step
// before through the Jacobian of the step. Dense recurrence: every unit feels every parameter, O(hidden x parameters) numbers
// and O(hidden^2 x parameters) work a step. Units that feed back on themselves only feel their own parameters: one number and a
// few operations a parameter (Gori, Bengio, De Mori, 1989; Mozer, 1989). At a step that the loss looks at, dE/d(outputs) times
// influence is added to the gradient at once.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "drivers/network_blocks.hpp"
#include "gradients/unit_derivatives.hpp"

namespace rnnlatch {

template <class V>
class InfluenceLanes : public NetworkLanes<V> {
    using Base = NetworkLanes<V>;
    using Base::at_, Base::cell_, Base::problem_, Base::row, Base::shape_, Base::state;
    using typename Base::M;
    using typename Base::S;

   public:
    InfluenceLanes(const NetworkProblem<S>& problem, const CellInLanes<V>& cell, const UnitDerivatives<V>& unit)
        : Base(problem, cell, Remember::two_states),
          unit_(unit),
          each_(shape_.diagonal ? 1 : this->state_rows_),
          by_slot_(shape_.states * this->slot_rows_ * row),
          by_state_(shape_.states * this->state_rows_ * row),
          fresh_(this->state_rows_ * row) {
        list_parameters();
        influence_.resize(parameters_.size() * each_ * row);
    }

    // Numbers carried from step to step in one network.
    std::size_t influences() const { return parameters_.size() * each_; }

    void begin_sequence(std::size_t b) {
        Base::begin_sequence(b);
        this->take_targets();
        std::fill(influence_.begin(), influence_.end(), S{});
        for (std::size_t q = 0; q < parameters_.size(); ++q) {
            const Parameter& p = parameters_[q];
            if (p.source != Source::initial) continue;
            M::store(influence_.data() + (q * each_ + (shape_.diagonal ? 0 : p.index)) * row, constant_like<V>(1.0));
            if (problem_.initial[0]) M::store(this->gradient_.data() + p.gradient * row, constant_like<V>(0.0));
        }
    }

    // Leaves early where the work is cancelled: a step of a wide network takes seconds.
    void forward(std::size_t t, const Work& work) {
        Base::forward(t);
        unit_.jacobian(shape_.hidden, state(t - 1), state(t), this->kept_of(t), by_slot_.data(), by_state_.data());
        const bool waiting = t <= this->latest_start_;
        for (std::size_t q = 0; q < parameters_.size(); ++q) {
            if (q % 64 == 0 && work.cancelled()) return;
            S* old = influence_.data() + q * each_ * row;
            if (shape_.diagonal) {
                step_alone(parameters_[q], t, old);
            } else if (problem_.same_step) {
                step_in_order(parameters_[q], t, old);
            } else {
                step_dense(parameters_[q], t, old);
            }
            if (waiting) this->keep_waiting(t, old, fresh_.data(), each_);
            std::copy_n(fresh_.data(), each_ * row, old);
        }
        if (shape_.every || t == shape_.length) learn(t);
    }

    void end_sequence(const View<S>* initial_gradient) {
        for (std::size_t s = 0; s < shape_.states; ++s) {
            if (!problem_.initial[s]) continue;
            scatter<V>(this->gradient_.data() + (at_.initial + s * shape_.hidden) * row, shape_.hidden, 1, this->first_,
                       this->count_, initial_gradient[s].at(this->sequence_));
        }
    }

   private:
    enum class Source { input, state, one, initial };  // what multiplies a parameter in its sum

    struct Parameter {
        std::size_t gradient, slot,
            unit;  // its row of the gradient, the row of the sum that it is in, the unit of that
        Source source;
        std::size_t index;  // which input, unit or initial state
    };

    void list_parameters() {
        const std::size_t hidden = shape_.hidden;
        for (std::size_t n = 0; n < this->units_; ++n) {
            const std::size_t g = n / hidden, i = n % hidden;
            const std::size_t in = cell_.input_slot[g] * hidden + i, recurrent = cell_.hidden_slot[g] * hidden + i;
            for (std::size_t k = 0; k < shape_.inputs; ++k) {
                parameters_.push_back({at_.weight_ih + n * shape_.inputs + k, in, i, Source::input, k});
            }
            for (std::size_t j = 0; j < (shape_.diagonal ? 1 : hidden); ++j) {
                const std::size_t at = at_.weight_hh + (shape_.diagonal ? n : n * hidden + j);
                parameters_.push_back({at, recurrent, i, Source::state, shape_.diagonal ? i : j});
            }
            if (!shape_.bias) continue;
            parameters_.push_back({at_.bias_ih + n, in, i, Source::one, 0});
            if (in != recurrent) parameters_.push_back({at_.bias_hh + n, recurrent, i, Source::one, 0});
        }
        for (std::size_t s = 0; s < shape_.states; ++s) {
            if (!problem_.initial[s] && !problem_.parameters.initial[s]) continue;
            for (std::size_t i = 0; i < hidden; ++i) {
                parameters_.push_back({at_.initial + s * hidden + i, 0, i, Source::initial, s * hidden + i});
            }
        }
    }

    // d(sum)/d(parameter) with the states held.
    V direct(const Parameter& p, std::size_t t) {
        switch (p.source) {
            case Source::input:
                return M::load(this->input(t) + p.index * row);
            case Source::state: {
                const bool same = problem_.same_step && this->same_step(p.unit, p.index);
                return M::load(state(same ? t : t - 1) + p.index * row);
            }
            case Source::one:
                return constant_like<V>(1.0);
            default:
                return constant_like<V>(0.0);
        }
    }

    void step_dense(const Parameter& p, std::size_t t, const S* old) {
        const std::size_t hidden = shape_.hidden;
        S* a = this->slots_.data();
        std::fill(this->slots_.begin(), this->slots_.end(), S{});
        for (std::size_t g = 0; g < shape_.gates; ++g) {
            S* to = a + cell_.hidden_slot[g] * hidden * row;
            LaneProducts<V>::affine(hidden, to, {this->hidden_term(g * hidden, old)}, to);
        }
        M::store(a + p.slot * row, M::load(a + p.slot * row) + direct(p, t));
        for (std::size_t s = 0; s < shape_.states; ++s) {
            for (std::size_t i = 0; i < hidden; ++i) {
                V sum = constant_like<V>(0.0);
                for (std::size_t k = 0; k < cell_.slots; ++k) {
                    const std::size_t at = (s * cell_.slots + k) * hidden + i;
                    sum = fma(M::load(by_slot_.data() + at * row), M::load(a + (k * hidden + i) * row), sum);
                }
                for (std::size_t r = 0; r < shape_.states; ++r) {
                    const std::size_t at = (s * shape_.states + r) * hidden + i;
                    sum = fma(M::load(by_state_.data() + at * row), M::load(old + (r * hidden + i) * row), sum);
                }
                M::store(fresh_.data() + (s * hidden + i) * row, sum);
            }
        }
    }

    void step_in_order(const Parameter& p, std::size_t t, const S* old) {
        for (std::size_t i = 0; i < shape_.hidden; ++i) {
            V sum = p.unit == i ? direct(p, t) : constant_like<V>(0.0);
            for (std::size_t j = 0; j < shape_.hidden; ++j) {
                const S* from = (this->same_step(i, j) ? fresh_.data() : old) + j * row;
                sum = fma(M::load(this->parameter(at_.weight_hh + i * shape_.hidden + j)), M::load(from), sum);
            }
            M::store(fresh_.data() + i * row, M::load(by_slot_.data() + i * row) * sum);
        }
    }

    // A unit that feeds back on itself only: one slot, one state.
    void step_alone(const Parameter& p, std::size_t t, const S* old) {
        const V before = M::load(old);
        const V sum = fma(M::load(this->parameter(at_.weight_hh + p.unit)), before, direct(p, t));
        const V kept = M::load(by_state_.data() + p.unit * row) * before;
        M::store(fresh_.data(), fma(M::load(by_slot_.data() + p.unit * row), sum, kept));
    }

    // The loss of step t, and what it adds to the gradient.
    void learn(std::size_t t) {
        const std::size_t j = shape_.every ? t - 1 : 0, hidden = shape_.hidden;
        this->judge_term(j);
        std::fill(this->carried_.begin(), this->carried_.end(), S{});
        S* g = this->carried_.data();
        this->add_output_gradient(j, g);
        for (std::size_t q = 0; q < parameters_.size(); ++q) {
            const Parameter& p = parameters_[q];
            const S* influence = influence_.data() + q * each_ * row;
            S* to = this->gradient_.data() + p.gradient * row;
            if (shape_.diagonal) {
                Base::add_product(M::load(g + p.unit * row), influence, to);
            } else {
                for (std::size_t i = 0; i < hidden; ++i)
                    Base::add_product(M::load(g + i * row), influence + i * row, to);
            }
        }
        if (shape_.outputs) this->add_readout_gradients(j, 1, state(t));
    }

    UnitDerivatives<V> unit_;
    std::size_t each_;
    std::vector<Parameter> parameters_;
    Buffer<S> by_slot_, by_state_, fresh_, influence_;
};

// One thread's share of the losses and gradients.
template <class V, class S = ScalarOf<V>>
void network_influences(const NetworkProblem<S>& problem, const CellInLanes<V>& cell, const UnitDerivatives<V>& unit,
                        Work& work, const NetworkResults<S>& results) {
    InfluenceLanes<V> group(problem, cell, unit);
    for_each_group<V>(problem.shape.runs, work, [&](std::size_t first, std::size_t count) {
        group.begin(first, count);
        for (std::size_t b = 0; b < problem.shape.batch && !work.cancelled(); ++b) {
            group.begin_sequence(b);
            for (std::size_t t = 1; t <= problem.shape.length && !work.cancelled(); ++t) group.forward(t, work);
            group.end_sequence(results.initial_gradient);
        }
        group.finish(results.loss, results.gradient);
    });
}

}  // namespace rnnlatch
