// Trains a block of latches, one run a lane; a lane whose run stops takes the next run at once.
//
// Lanes may be at different presentations of their runs, so what happens every so many presentations (an update, the end of a
// criterion's window, the last presentation) is due at a time of the block's clock, which counts the block's presentations.
// Between such times a presentation costs the forward and backward walk and one step of the algorithm. No lane ever reads
// another's values.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "algorithms/gradient_descent.hpp"
#include "cells/latch_neuron.hpp"
#include "drivers/lane_driver.hpp"
#include "engine/latch_problem.hpp"
#include "engine/latch_sequence.hpp"
#include "engine/work.hpp"
#include "lanes/buffer.hpp"
#include "tasks/minimal_latch.hpp"

namespace rnnlatch {

class BlockTrainer {
   public:
    BlockTrainer(const LatchProblem& problem, const LatchResults& results, Work& work, std::size_t lanes)
        : problem_(problem),
          results_(results),
          work_(work),
          lanes_(lanes),
          parameters_(problem.inputs() + (problem.train_w ? 1 : 0)),
          task_(problem.task, Philox(problem.key), Purpose::noise, lanes),
          descent_({problem.mean_gradient ? 1.0 / static_cast<double>(problem.batch_size) : 1.0, problem.uses_momentum,
                    problem.uses_penalty, problem.uses_clip},
                   parameters_, lanes),
          run_(lanes, nobody),
          theta_((problem.inputs() + 1) * lanes),
          gradient_((problem.inputs() + 1) * lanes),
          states_((problem.task.length + 1) * lanes),
          gradient_state_(lanes),
          gradient_drive_(problem.task.prefix * lanes),
          window_cost_(lanes),
          window_wrong_(lanes),
          last_loss_(lanes),
          last_error_(lanes),
          batch_cost_(lanes),
          norm_(lanes),
          threshold_(lanes),
          start_(lanes),
          update_due_(lanes, never),
          window_due_(lanes, never),
          end_due_(lanes, never),
          update_(lanes, -1) {}

    // Trains runs until there are none left or the work is cancelled.
    void train() {
        for (std::size_t lane = 0; lane < lanes_; ++lane) take_run(lane);
        find_next_times();
        while (active_ > 0 && !work_.cancelled()) present();
    }

   private:
    static constexpr std::size_t nobody = std::numeric_limits<std::size_t>::max();
    static constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();

    double* weight() { return theta_.data() + problem_.inputs() * lanes_; }

    // ---- one presentation in all lanes ------------------------------------------------------------------------------

    void present() {
        task_.present(states_.data() + lanes_);
        drive_with_inputs(lanes_, problem_.task.prefix, task_.positive(), theta_.data(), states_.data() + lanes_);
        LaneDriver<LatchNeuron>::forward(lanes_, problem_.task.length, weight(), states_.data());
        measure();
        backward();
        ++clock_;
        if (clock_ == next_update_) update();
        if (clock_ == next_stop_) stop();
    }

    // Adds up the costs of the presentation and keeps their derivatives.
    void measure() {
        const std::size_t lanes = lanes_;
        const double *last = states_.data() + problem_.task.length * lanes, *wanted = task_.desired();
        double *gradient = gradient_state_.data(), *window_cost = window_cost_.data(), *wrong = window_wrong_.data(),
               *batch_cost = batch_cost_.data();
        for (std::size_t lane = 0; lane < lanes; lane += lanes64) {
            const auto [cost, deviation, is_wrong] = latch_cost(load<f64>(last + lane), load<f64>(wanted + lane));
            store(gradient + lane, deviation);
            accumulate(window_cost + lane, cost);
            accumulate(batch_cost + lane, cost);
            accumulate(wrong + lane, is_wrong);
        }
    }

    void backward() {
        using Driver = LaneDriver<LatchNeuron>;
        const auto walk = problem_.train_w ? &Driver::backward<true> : &Driver::backward<false>;
        walk(lanes_, problem_.task.length, problem_.task.prefix, weight(), states_.data(), gradient_state_.data(),
             gradient_.data() + problem_.inputs() * lanes_, gradient_drive_.data());
        const std::size_t lanes = lanes_, cells = problem_.task.prefix * lanes_;
        double *negative = gradient_.data(), *positive = gradient_.data() + cells;
        const double* drive = gradient_drive_.data();
        for (std::size_t lane = 0; lane < lanes; lane += lanes64) {
            const i64 mask = load<i64>(task_.positive() + lane);
            for (std::size_t at = lane; at < cells; at += lanes) {
                const f64 g = load<f64>(drive + at);
                store(positive + at, load<f64>(positive + at) + select(mask, g, f64{}));
                store(negative + at, load<f64>(negative + at) + select(mask, f64{}, g));
            }
        }
    }

    // ---- what is due at times of the clock --------------------------------------------------------------------------

    // One step of the algorithm in the lanes whose batch is complete.
    void update() {
        if (problem_.batch_size > 1) {
            for (std::size_t lane = 0; lane < lanes_; ++lane) update_[lane] = -(update_due_[lane] == clock_);
        }
        if (problem_.record_every) record();
        const std::int64_t* mask = problem_.batch_size > 1 ? update_.data() : nullptr;
        if (descent_.step(mask, theta_.data(), gradient_.data())) next_stop_ = clock_;
        next_update_ = clock_ + 1;
        if (problem_.batch_size > 1) {
            next_update_ = never;
            for (std::size_t lane = 0; lane < lanes_; ++lane) {
                if (update_[lane]) update_due_[lane] += problem_.batch_size;
                next_update_ = std::min(next_update_, update_due_[lane]);
            }
        }
    }

    // Closes the windows that end now and replaces the runs that stop.
    void stop() {
        for (std::size_t lane = 0; lane < lanes_; ++lane) {
            if (run_[lane] == nobody) continue;
            const bool window_ends = window_due_[lane] == clock_;
            if (window_ends) close_window(lane, static_cast<double>(problem_.window));
            const Outcome outcome = !finite(lane)                        ? Outcome::diverged
                                    : window_ends && criterion_met(lane) ? Outcome::converged
                                                                         : Outcome::exhausted;
            if (outcome == Outcome::exhausted && end_due_[lane] != clock_) continue;
            write_result(lane, outcome);
            work_.finish_one();
            --active_;
            take_run(lane);
        }
        find_next_times();
    }

    void find_next_times() {
        next_update_ = next_stop_ = never;
        for (std::size_t lane = 0; lane < lanes_; ++lane) {
            next_update_ = std::min(next_update_, update_due_[lane]);
            next_stop_ = std::min({next_stop_, window_due_[lane], end_due_[lane]});
        }
        if (problem_.batch_size == 1) next_update_ = clock_ + 1;
    }

    void close_window(std::size_t lane, double presentations) {
        last_loss_[lane] = window_cost_[lane] / presentations;
        last_error_[lane] = window_wrong_[lane] / presentations;
        window_cost_[lane] = window_wrong_[lane] = 0.0;
        window_due_[lane] += problem_.window;
    }

    bool criterion_met(std::size_t lane) const {
        return (problem_.measure == Measure::cost && last_loss_[lane] < threshold_[lane]) ||
               (problem_.measure == Measure::error && last_error_[lane] <= threshold_[lane]);
    }

    bool finite(std::size_t lane) const {
        bool all = true;
        for (std::size_t p = 0; p < parameters_; ++p) all &= std::isfinite(theta_[p * lanes_ + lane]);
        return all;
    }

    void write_result(std::size_t lane, Outcome outcome) {
        const std::size_t run = run_[lane], inputs = problem_.inputs();
        const std::int64_t seen = clock_ - start_[lane];
        if (seen < problem_.window) close_window(lane, static_cast<double>(seen));  // none was completed: all there is
        results_.outcome[run] = static_cast<std::uint8_t>(outcome);
        results_.presentations[run] = seen;
        results_.loss[run] = last_loss_[lane];
        results_.error[run] = last_error_[lane];
        results_.weight[run] = weight()[lane];
        for (std::size_t p = 0; p < inputs; ++p) results_.input[run * inputs + p] = theta_[p * lanes_ + lane];
    }

    // ---- a run enters a lane ----------------------------------------------------------------------------------------

    void take_run(std::size_t lane) {
        const auto run = work_.take();
        run_[lane] = run.value_or(nobody);
        start_[lane] = clock_;
        update_due_[lane] = run ? clock_ + problem_.batch_size : never;
        window_due_[lane] = run ? clock_ + problem_.window : never;
        end_due_[lane] = run ? clock_ + problem_.max_presentations : never;
        window_cost_[lane] = window_wrong_[lane] = batch_cost_[lane] = 0.0;
        for (std::size_t p = 0; p <= problem_.inputs(); ++p) gradient_[p * lanes_ + lane] = 0.0;
        if (!run) {  // an idle lane goes on computing; with these values nothing can come of it
            for (std::size_t p = 0; p <= problem_.inputs(); ++p) theta_[p * lanes_ + lane] = 0.0;
            descent_.set_lane(lane, GradientDescent::idle());
            return;
        }
        ++active_;
        task_.set_lane(lane, problem_.stream[*run], problem_.noise_std[*run], problem_.target[*run]);
        descent_.set_lane(lane, {problem_.learning_rate[*run], problem_.momentum[*run], problem_.clip_norm[*run],
                                 problem_.l1[*run], problem_.l2[*run]});
        threshold_[lane] = problem_.threshold[*run];
        weight()[lane] = problem_.w[*run];
        initialise_inputs(lane, *run);
    }

    void initialise_inputs(std::size_t lane, std::size_t run) {
        const std::size_t inputs = problem_.inputs();
        const auto low = static_cast<std::uint32_t>(problem_.stream[run]);
        const auto high = static_cast<std::uint32_t>(problem_.stream[run] >> 32);
        if (problem_.initial) {
            for (std::size_t p = 0; p < inputs; ++p) theta_[p * lanes_ + lane] = problem_.initial[run * inputs + p];
            return;
        }
        Words words{};
        for (std::size_t p = 0; p < inputs; ++p) {
            if (p % 2 == 0) {
                words = philox4x32({counter_word(Purpose::initial, static_cast<std::uint32_t>(p / 2)), 0, low, high},
                                   problem_.key);
            }
            const double u = p % 2 == 0 ? unit_uniform(words[0], words[1]) : unit_uniform(words[2], words[3]);
            theta_[p * lanes_ + lane] = (2.0 * u - 1.0) * problem_.initial_input[run];
        }
    }

    // ---- learning curves --------------------------------------------------------------------------------------------

    void record() {
        descent_.gradient_norm(gradient_.data(), norm_.data());
        const std::size_t inputs = problem_.inputs(), records = problem_.records();
        for (std::size_t lane = 0; lane < lanes_; ++lane) {
            if (!update_[lane] || run_[lane] == nobody) continue;
            const double loss = batch_cost_[lane] / static_cast<double>(problem_.batch_size);
            batch_cost_[lane] = 0.0;
            const std::int64_t seen = clock_ - start_[lane];
            if (seen % problem_.record_every != 0) continue;
            const std::size_t at = run_[lane] * records + static_cast<std::size_t>(seen / problem_.record_every) - 1;
            results_.record_loss[at] = loss;
            results_.record_gradient_norm[at] = norm_[lane];
            results_.record_weight[at] = weight()[lane];
            for (std::size_t p = 0; p < inputs; ++p) results_.record_input[at * inputs + p] = theta_[p * lanes_ + lane];
        }
    }

    LatchProblem problem_;
    LatchResults results_;
    Work& work_;
    std::size_t lanes_, parameters_, active_ = 0;
    std::int64_t clock_ = 0, next_update_ = 0, next_stop_ = 0;
    MinimalLatch task_;
    GradientDescent descent_;
    std::vector<std::size_t> run_;
    Buffer<double> theta_, gradient_;  // rows: input of class 0, input of class 1, weight
    Buffer<double> states_, gradient_state_, gradient_drive_;
    Buffer<double> window_cost_, window_wrong_, last_loss_, last_error_, batch_cost_, norm_, threshold_;
    Buffer<std::int64_t> start_, update_due_, window_due_, end_due_;
    Buffer<std::int64_t> update_;  // mask of the lanes that the algorithm steps
};

}  // namespace rnnlatch
