// First and second derivatives of a sequence's loss by every use of a parameter, kept in factors until the next sequence.
//
// The use of a weight at step t has the derivative dE/da(t) x(t) and the curvature H(a(t)) x(t)^2 of Becker and LeCun
// (gradients/curvature.hpp), a the sum that the weight adds to and x what it multiplies: T rows for a sum and T for a sender
// serve all weights between them. A readout's weight is used at the judged steps, an initial state once.
#pragma once

#include <algorithm>
#include <cstddef>

#include "gradients/curvature.hpp"

namespace rnnlatch {

template <class V>
class StepDerivatives : public CurvatureWalk<V> {
    using Base = CurvatureWalk<V>;

   protected:
    using Base::at_, Base::cell_, Base::row, Base::shape_, Base::slot_rows_, Base::state, Base::state_rows_;
    using typename Base::M;

   public:
    using typename Base::S;

    // The uses of a parameter, one after the other: rows of dE/da, of H(a), and of x.
    struct Uses {
        const S *first, *second, *sender;
        std::size_t count, factor_step, sender_step;

        // f(derivative, curvature) for every use.
        template <class F>
        RNNLATCH_INLINE void for_each(F f) const {
            const S *g = first, *h = second, *x = sender;
            for (std::size_t k = 0; k < count; ++k, g += factor_step, h += factor_step, x += sender_step) {
                const V value = Memory<V>::load(x);
                f(Memory<V>::load(g) * value, Memory<V>::load(h) * (value * value));
            }
        }
    };

    StepDerivatives(const NetworkProblem<S>& problem, const CellInLanes<V>& cell, const UnitDerivatives<V>& unit)
        : Base(problem, cell, unit, false),
          first_(shape_.length * slot_rows_ * row),
          second_(first_.size()),
          initial_second_(state_rows_ * row) {}

    void walk_backward() {
        const std::size_t size = slot_rows_ * row;
        for (std::size_t t = shape_.length; t > 0; --t) {
            this->backward(t);
            std::copy_n(this->delta_of(t), size, first_.data() + (t - 1) * size);
            std::copy_n(this->h_slots_.data(), size, second_.data() + (t - 1) * size);
        }
    }

    void end_sequence(const View<S>* initial_gradient) {
        Base::end_sequence(initial_gradient);
        std::copy_n(this->h_.data(), initial_second_.size(), initial_second_.data());
    }

    // Of the parameter in this row (ParameterRows); stays right from sequence to sequence.
    Uses uses(std::size_t place) {
        const std::size_t hidden = shape_.hidden;
        if (place >= at_.initial) {
            const std::size_t from = (place - at_.initial) * row;
            return {this->gradient_.data() + place * row, initial_second_.data() + from, one(), 1, 0, 0};
        }
        if (place >= at_.bias_out) return of_output(place - at_.bias_out, one(), 0);
        if (place >= at_.weight_out) {
            const std::size_t k = place - at_.weight_out;
            return of_output(k / hidden, state(this->judged_step(0)) + k % hidden * row, state_rows_ * row);
        }
        if (place >= at_.bias_hh) return of_slot(cell_.hidden_slot, place - at_.bias_hh, one(), 0);
        if (place >= at_.bias_ih) return of_slot(cell_.input_slot, place - at_.bias_ih, one(), 0);
        if (place < at_.weight_hh) {
            const std::size_t inputs = shape_.inputs;
            return of_slot(cell_.input_slot, place / inputs, this->input(1) + place % inputs * row, inputs * row);
        }
        const std::size_t k = place - at_.weight_hh, unit = shape_.diagonal ? k : k / hidden;
        const std::size_t from = shape_.diagonal ? unit : k % hidden;
        const bool same = this->problem_.same_step && this->same_step(unit, from);
        return of_slot(cell_.hidden_slot, unit, state(same ? 1 : 0) + from * row, state_rows_ * row);
    }

   private:
    const S* one() const { return this->ones_.data(); }

    // n: the row of a gate's unit in the weights.
    Uses of_slot(const std::size_t* slot, std::size_t n, const S* sender, std::size_t sender_step) const {
        const std::size_t from = (slot[n / shape_.hidden] * shape_.hidden + n % shape_.hidden) * row;
        return {first_.data() + from, second_.data() + from, sender, shape_.length, slot_rows_ * row, sender_step};
    }

    Uses of_output(std::size_t o, const S* sender, std::size_t sender_step) const {
        const S *g = this->output_gradient_.data() + o * row, *h = this->output_curvature_.data() + o * row;
        return {g, h, sender, shape_.judgements(), shape_.outputs * row, sender_step};
    }

    Buffer<S> first_, second_, initial_second_;  // of a sequence: by the slots, and by the initial states
};

}  // namespace rnnlatch
