// Algorithms that follow the gradient of back-propagation through time, for networks in lanes.
//
// Rule has set_lane(lane, Rates) and step(mask, theta, gradient) on rows that lie one after the other, as GradientDescent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>

#include "drivers/trained_network.hpp"
#include "engine/training_problem.hpp"

namespace rnnlatch {

template <class Rule, class Lanes = NetworkLanes<Twice<f64>>>
class FirstOrder {
   public:
    using Network = TrainedNetwork<Lanes>;
    using RatesOf = std::function<typename Rule::Rates(std::size_t run)>;

    FirstOrder(const TrainingProblem& problem, SequenceTask& task, Rule rule, RatesOf rates_of)
        : network_(problem.network, problem.trainable, task, problem.cell, Remember::everything),
          rule_(std::move(rule)),
          rates_of_(std::move(rates_of)),
          theta_(problem.trainable.size() * task_lanes),
          gradient_(theta_.size()),
          mask_(task_lanes) {}

    Network& network() { return network_; }

    void set_lane(std::size_t lane, std::size_t run) {
        rule_.set_lane(lane, rates_of_(run));
        network_.clear_gradient_of(lane);
        for (std::size_t i = 0; i < network_.trainable(); ++i) theta_[i * task_lanes + lane] = network_.theta(i)[lane];
    }

    void clear_lane(std::size_t lane) {
        rule_.set_lane(lane, Rule::idle());
        network_.clear_gradient_of(lane);
        network_.clear_lane(lane);
        for (std::size_t i = 0; i < network_.trainable(); ++i) theta_[i * task_lanes + lane] = 0.0;
    }

    void present(const PresentationRows& shown) {
        network_.show(shown.index);
        network_.walk_there_and_back();
    }

    void step(const double* mask) {
        bool all = true;
        for (std::size_t lane = 0; lane < task_lanes; ++lane) {
            mask_[lane] = mask[lane] > 0 ? -1 : 0;
            all &= mask[lane] > 0;
        }
        for (std::size_t i = 0; i < network_.trainable(); ++i) copy_row(network_.gradient(i), row(gradient_, i));
        rule_.step(all ? nullptr : mask_.data(), theta_.data(), gradient_.data());
        for (std::size_t i = 0; i < network_.trainable(); ++i) copy_row(row(theta_, i), network_.theta(i));
        network_.changed();
        network_.clear_gradient(mask);
    }

    bool finite(std::size_t lane) const { return network_.finite(lane); }

   private:
    static double* row(Buffer<double>& rows, std::size_t i) { return rows.data() + i * task_lanes; }
    static void copy_row(const double* from, double* to) { std::copy_n(from, task_lanes, to); }

    Network network_;
    Rule rule_;
    RatesOf rates_of_;
    Buffer<double> theta_, gradient_;  // rows of the trainable numbers
    Buffer<std::int64_t> mask_;
};

}  // namespace rnnlatch
