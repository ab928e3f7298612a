// The diagonal second derivatives of Becker and LeCun in lanes, for every step by itself and summed.
//
// Source: Becker, LeCun (1988), as in LeCun et al., "Efficient BackProp", eqs. 54-56, 61; through time as in Bengio, Simard,
// Frasconi (1994), eq. 6. With H for second derivatives of the loss, backwards from the outputs:
//   H(a) = f'(a)^2 H(x) [+ f''(a) dE/dx],   H(x_j of the step before) = sum over i of w_ij^2 H(a_i),
//   H(w_ij at step t) = H(a_i) x_j^2,        H(w_ij) = their sum over steps (and the mean over sequences).
// Without the term in brackets (second_order off) nothing is negative. Where the sources are silent:
//   - a unit of several slots and states (LSTM, GRU): squared entries of its Jacobian in the place of f', its second
//     derivatives by each slot and each previous state in the place of f''; products of different paths are left out, as the
//     recursion leaves them out between units;
//   - the outputs' second derivatives are exact for each output: 1, y (1 - y) of the logistic function, p (1 - p) of the softmax;
//   - at a weight that two steps share, second derivatives across steps are left out.
#pragma once

#include <cstddef>
#include <utility>

#include "drivers/network_blocks.hpp"
#include "gradients/unit_derivatives.hpp"

namespace rnnlatch {

// The second derivatives of a term of the loss by its outputs.
template <class V>
void judge_curvature(Loss loss, std::size_t outputs, const ScalarOf<V>* y, V weight, ScalarOf<V>* h) {
    using M = Memory<V>;
    constexpr std::size_t row = Row<V>::stride;
    const V zero = constant_like<V>(0.0);
    const auto unused = weight == zero;
    V largest = M::load(y), partition = zero;
    for (std::size_t o = 1; o < outputs; ++o) largest = max(M::load(y + o * row), largest);
    for (std::size_t o = 0; o < outputs; ++o) partition = partition + exp(M::load(y + o * row) - largest);
    for (std::size_t o = 0; o < outputs; ++o) {
        V second = constant_like<V>(1.0);
        if (loss != Loss::half_squared_error) {
            const V logit = M::load(y + o * row);
            const V p = loss == Loss::logistic_cross_entropy ? logistic(logit) : exp(logit - largest) / partition;
            second = fnma(p, p, p);
        }
        M::store(h + o * row, select(unused, zero, weight * second));
    }
}

template <class T>
struct CurvatureResults {
    NetworkViews<T> sum, by_step;  // (run, ...) and, without data where not wanted, (run, batch, time, ...)
};

// The way back with both derivatives: after backward(t) there are dE/d(slots of step t) and, beside it, their curvature.
template <class V>
class CurvatureWalk : public NetworkLanes<V> {
    using Base = NetworkLanes<V>;

   protected:
    using Base::at_, Base::parameters_, Base::problem_, Base::row, Base::shape_, Base::state;
    using typename Base::M;

   public:
    using typename Base::S;

    CurvatureWalk(const NetworkProblem<S>& problem, const CellInLanes<V>& cell, const UnitDerivatives<V>& unit,
                  bool second_order)
        : Base(problem, cell, Remember::everything),
          output_curvature_(this->output_gradient_.size()),
          h_(this->state_rows_ * row),
          h_slots_(this->slot_rows_ * row),
          unit_(unit),
          second_order_(second_order),
          squares_(parameters_.size()),
          h_previous_(h_.size()) {}

    void begin(std::size_t first, std::size_t count) {
        Base::begin(first, count);
        square_parameters();
    }

    void parameters_changed() {
        Base::parameters_changed();
        square_parameters();
    }

    void judge() {
        Base::judge();
        for (std::size_t j = 0; j < shape_.judgements(); ++j) {
            judge_curvature<V>(shape_.loss, shape_.judged(), this->compared(state(this->judged_step(j))),
                               M::load(this->weight_.data() + j * row),
                               output_curvature_.data() + j * shape_.judged() * row);
        }
        std::fill(h_.begin(), h_.end(), S{});
    }

    void backward(std::size_t t) {
        Base::backward(t);
        const S* g = this->carried_next_.data();  // dE/d(states of step t), the loss of the step with it
        const bool waiting = t <= this->latest_start_;
        const std::size_t hidden = shape_.hidden;
        if (second_order_) this->forward(t);  // for the pre-activations
        const auto units = [&](std::size_t first, std::size_t last) {
            unit_.curvature(first, last, hidden, this->slots_.data(), state(t - 1), state(t), this->kept_of(t), g,
                            h_.data(), second_order_, h_slots_.data(), h_previous_.data());
        };
        std::swap(parameters_, squares_);
        std::swap(this->output_gradient_, output_curvature_);
        if (judged(t)) this->add_output_gradient(shape_.every ? t - 1 : 0, h_.data());
        if (problem_.same_step) {
            for (std::size_t i = hidden; i-- > 0;) {
                units(i, i + 1);
                if (waiting) this->hold_back(t, h_slots_.data() + i * row, 1);
                for (std::size_t k = 0; k < i; ++k) {
                    if (this->same_step(i, k)) add_weighted(i, k, h_.data());
                }
            }
            std::fill(h_previous_.begin(), h_previous_.end(), S{});
            for (std::size_t i = 0; i < hidden; ++i) {
                for (std::size_t k = 0; k < hidden; ++k) {
                    if (!this->same_step(i, k)) add_weighted(i, k, h_previous_.data());
                }
            }
        } else {
            units(0, hidden);
            if (waiting) this->hold_back(t, h_slots_.data(), this->slot_rows_);
            this->add_recurrent_gradient(h_slots_.data(), h_previous_.data());
        }
        std::swap(parameters_, squares_);
        std::swap(this->output_gradient_, output_curvature_);
        if (waiting) this->keep_waiting(t, h_.data(), h_previous_.data(), this->state_rows_);
        std::swap(h_, h_previous_);
    }

   protected:
    bool judged(std::size_t t) const { return shape_.every || t == shape_.length; }

    Buffer<S> output_curvature_;
    Buffer<S> h_, h_slots_;  // curvature by the states before the step walked last, and by its slots

   private:
    void square_parameters() {
        for (std::size_t i = 0; i < squares_.size(); ++i) squares_[i] = parameters_[i] * parameters_[i];
    }

    void add_weighted(std::size_t i, std::size_t k, S* to) const {
        Base::add_product(M::load(this->parameter(at_.weight_hh + i * shape_.hidden + k)), h_slots_.data() + i * row,
                          to + k * row);
    }

    UnitDerivatives<V> unit_;
    bool second_order_;
    Buffer<S> squares_, h_previous_;
};

// The curvatures of the runs of a call, with their gradients.
template <class V>
class CurvatureLanes : public CurvatureWalk<V> {
    using Base = CurvatureWalk<V>;
    using Base::at_, Base::cell_, Base::h_, Base::h_slots_, Base::problem_, Base::row, Base::shape_, Base::state;
    using typename Base::M;

   public:
    using typename Base::S;

    CurvatureLanes(const NetworkProblem<S>& problem, const CellInLanes<V>& cell, const UnitDerivatives<V>& unit,
                   bool second_order, const CurvatureResults<S>& results)
        : Base(problem, cell, unit, second_order),
          results_(results),
          step_(this->parameters_.size()),
          sum_(step_.size()) {}

    void begin(std::size_t first, std::size_t count) {
        Base::begin(first, count);
        std::fill(sum_.begin(), sum_.end(), S{});
    }

    void walk_backward() {
        for (std::size_t t = shape_.length; t > 0; --t) {
            this->backward(t);
            take_step(t);
        }
    }

    void end_sequence(const View<S>* initial_gradient) {
        Base::end_sequence(initial_gradient);
        for (std::size_t s = 0; s < shape_.states; ++s) {
            if (problem_.initial[s]) continue;
            const std::size_t rows = s * shape_.hidden;
            Base::add_rows(shape_.hidden, h_.data() + rows * row, sum_.data() + (at_.initial + rows) * row);
        }
    }

    void finish(const View<S>& loss, const NetworkViews<S>& gradient) {
        Base::finish(loss, gradient);
        this->bring_out(sum_.data(), results_.sum);
    }

   private:
    // The curvature of every parameter at step t.
    void take_step(std::size_t t) {
        const std::size_t j = shape_.every ? t - 1 : 0;
        const S* output = this->judged(t) ? this->output_curvature_.data() + j * shape_.judged() * row : nullptr;
        const std::size_t hidden = shape_.hidden;
        const auto product = [this](std::size_t at, const S* h, const S* x) {
            const V value = M::load(x);
            M::store(step_.data() + at * row, M::load(h) * (value * value));
        };
        for (std::size_t n = 0; n < this->units_; ++n) {
            const std::size_t g = n / hidden, i = n % hidden;
            const S* in = h_slots_.data() + (cell_.input_slot[g] * hidden + i) * row;
            const S* recurrent = h_slots_.data() + (cell_.hidden_slot[g] * hidden + i) * row;
            for (std::size_t k = 0; k < shape_.inputs; ++k) {
                product(at_.weight_ih + n * shape_.inputs + k, in, this->input(t) + k * row);
            }
            if (shape_.diagonal) {
                product(at_.weight_hh + n, recurrent, state(t - 1) + i * row);
            } else {
                for (std::size_t k = 0; k < hidden; ++k) {
                    const bool same = problem_.same_step && this->same_step(i, k);
                    product(at_.weight_hh + n * hidden + k, recurrent, state(same ? t : t - 1) + k * row);
                }
            }
            product(at_.bias_ih + n, in, this->ones_.data());
            product(at_.bias_hh + n, recurrent, this->ones_.data());
        }
        for (std::size_t o = 0; o < shape_.outputs; ++o) {
            for (std::size_t k = 0; k < hidden; ++k) {
                product(at_.weight_out + o * hidden + k, output ? output + o * row : zero_.data(), state(t) + k * row);
            }
            product(at_.bias_out + o, output ? output + o * row : zero_.data(), this->ones_.data());
        }
        Base::add_rows(at_.initial, step_.data(), sum_.data());
        for_each_parameter(shape_, results_.by_step, [&](auto view, auto before, auto rows, auto columns) {
            View<S> to = view.at(this->sequence_).at(t - 1);
            to.stride[1] = 1;
            scatter<V>(step_.data() + before * row, rows, columns, this->first_, this->count_, to);
        });
    }

    CurvatureResults<S> results_;
    Buffer<S> step_, sum_;
    Buffer<S> zero_ = Buffer<S>(row);
};

// One thread's share of the curvatures, and of the gradients.
template <class V, class S = ScalarOf<V>>
void network_curvatures(const NetworkProblem<S>& problem, const CellInLanes<V>& cell, const UnitDerivatives<V>& unit,
                        bool second_order, Work& work, const NetworkResults<S>& results,
                        const CurvatureResults<S>& curvature) {
    CurvatureLanes<V> group(problem, cell, unit, second_order, curvature);
    for_each_group<V>(problem.shape.runs, work, [&](std::size_t first, std::size_t count) {
        group.begin(first, count);
        walk_there_and_back(problem.shape, group, work, results.initial_gradient);
        group.finish(results.loss, results.gradient);
    });
}

}  // namespace rnnlatch
