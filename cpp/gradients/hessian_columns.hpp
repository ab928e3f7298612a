// Columns of the Hessian of networks that are trained in lanes: the derivative of the gradient in one direction at a time, by
// dual numbers through the same code (lanes/dual.hpp).
#pragma once

#include <algorithm>
#include <cstddef>

#include "drivers/network_lanes.hpp"
#include "lanes/dual.hpp"
#include "tasks/sequence_task.hpp"

namespace rnnlatch {

class HessianColumns : public NetworkLanes<Dual<Twice<f64>>> {
    using Base = NetworkLanes<Dual<Twice<f64>>>;

   public:
    HessianColumns(const NetworkProblem<double>& problem, const CellInLanes<Dual<Twice<f64>>>& cell)
        : Base(problem, cell, Remember::everything) {
        inputs_.resize(shape_.length * shape_.inputs * row);
    }

    // The parameters of the lanes, and the sequences that they see.
    void take(const double* parameters, const ShownRows& shown) {
        spread(parameters, parameters_);
        spread(shown.inputs, inputs_);
        spread(shown.target, target_);
        spread(shown.weight, weight_);
        spread(shown.start, start_);
        latest_start_ = static_cast<std::size_t>(*std::max_element(shown.start, shown.start + task_lanes));
    }

    // The derivatives of the gradient by the parameter in this row: afterwards column(i) has that of parameter i.
    void walk(std::size_t place) {
        double* tangent = parameters_.data() + place * row + task_lanes;
        std::fill_n(tangent, task_lanes, 1.0);
        parameters_changed();
        take_initial_states();
        std::fill(gradient_.begin(), gradient_.end(), 0.0);
        walk_forward();
        judge();
        walk_backward();
        end_sequence(nullptr);
        copy_shared_biases();
        std::fill_n(tangent, task_lanes, 0.0);
    }

    const double* column(std::size_t place) const { return gradient_.data() + place * row + task_lanes; }

   private:
    // Rows of values to rows of dual numbers, whose derivatives stay 0.
    static void spread(const double* from, Buffer<double>& to) {
        for (std::size_t at = 0; at < to.size(); at += row, from += task_lanes) {
            std::copy_n(from, task_lanes, to.data() + at);
        }
    }
};

}  // namespace rnnlatch
