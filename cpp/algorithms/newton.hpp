// Newton's method in lanes, with the exact Hessian H of the batch's mean cost and its gradient G:
//   Delta = -learning_rate (H + damping I)^-1 G, scaled so that max |Delta| <= largest_step
// Undamped it goes to the nearest point without a slope, be it a minimum, a saddle or a maximum. Where the matrix is singular
// to rounding (a pivot of the LU decomposition is less than n epsilon times the largest), or a step is not finite, the run is
// at its end and keeps its parameters.
#pragma once

#include <Eigen/Core>
#include <Eigen/LU>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <limits>
#include <utility>
#include <vector>

#include "drivers/trained_network.hpp"
#include "engine/training_problem.hpp"
#include "gradients/hessian_columns.hpp"

namespace rnnlatch {

class Newton {
   public:
    using Network = TrainedNetwork<NetworkLanes<Twice<f64>>>;

    struct Rates {
        double learning_rate, damping, largest_step;
    };
    using RatesOf = std::function<Rates(std::size_t run)>;

    Newton(const TrainingProblem& problem, SequenceTask& task, const CellInLanes<Dual<Twice<f64>>>& cell,
           RatesOf rates_of)
        : network_(problem.network, problem.trainable, task, problem.cell, Remember::everything),
          columns_(problem.network, cell),
          rates_of_(std::move(rates_of)),
          trainable_(problem.trainable),
          work_(problem.work),
          share_(1.0 / static_cast<double>(problem.batch_size)),
          rates_(task_lanes),
          singular_(task_lanes),
          hessian_(trainable_.size() * trainable_.size() * task_lanes) {}

    Network& network() { return network_; }
    bool finite(std::size_t lane) const { return !singular_[lane] && network_.finite(lane); }

    void set_lane(std::size_t lane, std::size_t run) {
        rates_[lane] = rates_of_(run);
        singular_[lane] = false;
        clear_batch(lane);
    }

    void clear_lane(std::size_t lane) {
        clear_batch(lane);
        network_.clear_lane(lane);
    }

    void present(const PresentationRows& shown) {
        network_.show(shown.index);
        network_.walk_there_and_back();
        columns_.take(network_.parameters(), network_.shown());
        double* sum = hessian_.data();
        for (const std::size_t along : trainable_) {
            if (work_ && work_->cancelled()) return;
            columns_.walk(along);
            for (const std::size_t place : trainable_) {
                const double* column = columns_.column(place);
                for (std::size_t lane = 0; lane < task_lanes; ++lane) sum[lane] += column[lane];
                sum += task_lanes;
            }
        }
    }

    void step(const double* mask) {
        for (std::size_t lane = 0; lane < task_lanes; ++lane) {
            if (mask[lane] > 0) step_of(lane);
        }
        network_.changed();
    }

   private:
    void clear_batch(std::size_t lane) {
        network_.clear_gradient_of(lane);
        for (std::size_t at = lane; at < hessian_.size(); at += task_lanes) hessian_[at] = 0.0;
    }

    void step_of(std::size_t lane) {
        const Rates& rates = rates_[lane];
        const std::size_t n = trainable_.size();
        const auto size = static_cast<Eigen::Index>(n);
        Eigen::MatrixXd h(size, size);
        Eigen::VectorXd g(size);
        for (std::size_t k = 0; k < n * n; ++k) h.data()[k] = share_ * hessian_[k * task_lanes + lane];
        for (std::size_t i = 0; i < n; ++i) g.data()[i] = share_ * network_.gradient(i)[lane];
        h.diagonal().array() += rates.damping;
        clear_batch(lane);
        const Eigen::PartialPivLU<Eigen::MatrixXd> lu(h);
        const Eigen::ArrayXd pivots = lu.matrixLU().diagonal().array().abs();
        const double rounding = static_cast<double>(n) * std::numeric_limits<double>::epsilon();
        if (!(pivots.minCoeff() > rounding * pivots.maxCoeff())) return stop(lane);
        const Eigen::VectorXd step = rates.learning_rate * lu.solve(g);
        double largest = 0;
        for (std::size_t i = 0; i < n; ++i) {
            if (!std::isfinite(step.data()[i])) return stop(lane);
            largest = std::max(largest, std::abs(step.data()[i]));
        }
        const double scale = largest > rates.largest_step ? rates.largest_step / largest : 1.0;
        for (std::size_t i = 0; i < n; ++i) network_.theta(i)[lane] -= scale * step.data()[i];
    }

    void stop(std::size_t lane) { singular_[lane] = true; }

    Network network_;
    HessianColumns columns_;
    RatesOf rates_of_;
    std::vector<std::size_t> trainable_;
    const Work* work_;
    double share_;
    std::vector<Rates> rates_;
    std::vector<bool> singular_;
    Buffer<double> hessian_;  // of the batch, summed: columns of rows
};

}  // namespace rnnlatch
