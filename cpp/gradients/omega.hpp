// The regulariser of the error's norm in lanes, on the way back; its immediate gradient is added to that of the loss.
//
//   Omega = sum over t of (ratio_t - 1)^2,  ratio_t = |arrived_t|^2 / |delta_t|^2,  arrived_t = phi'(a_{t-1}) W^T delta_t
// with delta_t = dE/da_t whole, loss of later steps and all. Immediate: of the W in arrived_t, all else taken as constant;
// with respect to the recurrent weights. A step whose |delta_t|^2 is below 1e-20, as in the authors' code, is left out.
// Source: Pascanu, Mikolov, Bengio (2013), eqs. 9, 10; the readings that rnnlatch.gradients.omega has by default.
#pragma once

#include <cstddef>

#include "drivers/network_lanes.hpp"

namespace rnnlatch {

// Of networks of plain units that read the step before.
template <class V>
class OmegaLanes : public NetworkLanes<V> {
    using Base = NetworkLanes<V>;

   protected:
    using Base::at_, Base::gradient_, Base::row, Base::shape_, Base::state;
    using typename Base::M;

   public:
    using typename Base::S;

    OmegaLanes(const NetworkProblem<S>& problem, const CellInLanes<V>& cell, Remember remember)
        : Base(problem, cell, remember),
          omega_(row),
          ones_of_units_(shape_.hidden * row, S{1}),
          slope_(shape_.hidden * row),
          pulled_(shape_.hidden * row) {}

    // How much of it a lane's gradient gets.
    void set_omega(std::size_t lane, S omega) { omega_[lane] = omega; }

    void walk_backward() {
        for (std::size_t t = shape_.length; t > 0; --t) {
            this->backward(t);
            if (t > 1) add_omega(t);
        }
    }

   private:
    void add_omega(std::size_t t) {
        const std::size_t hidden = shape_.hidden;
        const V zero = constant_like<V>(0.0), one = constant_like<V>(1.0);
        const S *delta = this->delta_of(t),
                *back = this->carried_.data();  // W^T delta: the loss of step t - 1 is to come
        this->cell_.pullback(0, hidden, hidden, state(t - 2), state(t - 1), this->kept_of(t - 1), ones_of_units_.data(),
                             slope_.data(), pulled_.data());
        V size = zero, norm = zero;
        for (std::size_t i = 0; i < hidden; ++i) {
            const V d = M::load(delta + i * row), arrived = M::load(slope_.data() + i * row) * M::load(back + i * row);
            size = fma(d, d, size);
            norm = fma(arrived, arrived, norm);
        }
        const auto negligible = size < constant_like<V>(1e-20);  // not where it is NaN
        const V of_step = select(negligible, zero, M::load(omega_.data()));
        const V omega = select(this->has_begun(t - 1), of_step, zero);
        const V unit = select(negligible, one, size);
        const V by_square = constant_like<V>(4.0) * (norm / unit - one) / unit;
        for (std::size_t i = 0; i < hidden; ++i) {
            const V slope = M::load(slope_.data() + i * row);
            const V pulled = omega * by_square * (slope * slope) * M::load(back + i * row);
            M::store(pulled_.data() + i * row, select(omega == zero, zero, pulled));
        }
        S* gradient = gradient_.data() + at_.weight_hh * row;
        for (std::size_t i = 0; i < hidden; ++i) {
            if (shape_.diagonal) {
                Base::add_product(M::load(delta + i * row), pulled_.data() + i * row, gradient + i * row);
                continue;
            }
            for (std::size_t k = 0; k < hidden; ++k, gradient += row) {
                Base::add_product(M::load(delta + i * row), pulled_.data() + k * row, gradient);
            }
        }
    }

    Buffer<S> omega_, ones_of_units_, slope_, pulled_;
};

}  // namespace rnnlatch
