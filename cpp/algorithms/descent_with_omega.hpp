// Gradient descent in lanes on the loss and, with a weight, on the regulariser of the error's norm (gradients/omega.hpp).
#pragma once

#include <cstddef>
#include <utility>

#include "algorithms/first_order.hpp"
#include "algorithms/gradient_descent.hpp"
#include "gradients/omega.hpp"

namespace rnnlatch {

class DescentWithOmega : public FirstOrder<GradientDescent, OmegaLanes<Twice<f64>>> {
    using Base = FirstOrder<GradientDescent, OmegaLanes<Twice<f64>>>;

   public:
    // `omega`: one a run
    DescentWithOmega(const TrainingProblem& problem, SequenceTask& task, GradientDescent rule, RatesOf rates_of,
                     const double* omega)
        : Base(problem, task, std::move(rule), std::move(rates_of)), omega_of_run_(omega) {}

    void set_lane(std::size_t lane, std::size_t run) {
        Base::set_lane(lane, run);
        network().set_omega(lane, omega_of_run_[run]);
    }

    void clear_lane(std::size_t lane) {
        Base::clear_lane(lane);
        network().set_omega(lane, 0.0);
    }

   private:
    const double* omega_of_run_;
};

}  // namespace rnnlatch
