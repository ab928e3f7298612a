// Shows fresh test sequences to trained latches, one run a lane, without learning.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "cells/latch_neuron.hpp"
#include "drivers/lane_driver.hpp"
#include "engine/latch_sequence.hpp"
#include "engine/work.hpp"
#include "lanes/buffer.hpp"
#include "tasks/minimal_latch.hpp"

namespace rnnlatch {

struct LatchEvaluation {
    MinimalLatch::Settings task;
    std::int64_t presentations;  // test sequences a run, the classes in turn
    Key key;
    const std::uint64_t* stream;
    const double *weight, *input, *noise_std, *target;  // input (runs, 2, prefix)
    double *loss, *error, *state_mean_abs;              // mean cost, share of wrong signs, mean |x_T|: one a run
};

class BlockEvaluator {
   public:
    BlockEvaluator(const LatchEvaluation& evaluation, Work& work, std::size_t lanes)
        : evaluation_(evaluation),
          work_(work),
          lanes_(lanes),
          task_(evaluation.task, Philox(evaluation.key), Purpose::test, lanes),
          weight_(lanes),
          input_(2 * evaluation.task.prefix * lanes),
          states_((evaluation.task.length + 1) * lanes),
          cost_(lanes),
          wrong_(lanes),
          magnitude_(lanes) {}

    // All runs need the same number of presentations, so a block takes as many as it has lanes and finishes them together.
    void evaluate() {
        while (take_runs() > 0) {
            for (std::int64_t p = 0; p < evaluation_.presentations && !work_.cancelled(); ++p) present();
            if (work_.cancelled()) return;
            write_results();
        }
    }

   private:
    std::size_t take_runs() {
        taken_.clear();
        const std::size_t inputs = 2 * evaluation_.task.prefix;
        for (std::size_t lane = 0; lane < lanes_; ++lane) {
            const auto run = work_.take();
            if (!run) break;
            taken_.push_back(*run);
            task_.set_lane(lane, evaluation_.stream[*run], evaluation_.noise_std[*run], evaluation_.target[*run]);
            weight_[lane] = evaluation_.weight[*run];
            for (std::size_t p = 0; p < inputs; ++p) input_[p * lanes_ + lane] = evaluation_.input[*run * inputs + p];
            cost_[lane] = wrong_[lane] = magnitude_[lane] = 0.0;
        }
        return taken_.size();
    }

    void present() {
        const std::size_t length = evaluation_.task.length;
        task_.present(states_.data() + lanes_);
        drive_with_inputs(lanes_, evaluation_.task.prefix, task_.positive(), input_.data(), states_.data() + lanes_);
        LaneDriver<LatchNeuron>::forward(lanes_, length, weight_.data(), states_.data());
        const double* last = states_.data() + length * lanes_;
        for (std::size_t lane = 0; lane < lanes_; lane += lanes64) {
            const f64 state = load<f64>(last + lane);
            const LatchCost judged = latch_cost(state, load<f64>(task_.desired() + lane));
            accumulate(cost_.data() + lane, judged.cost);
            accumulate(wrong_.data() + lane, judged.wrong);
            accumulate(magnitude_.data() + lane, abs(state));
        }
    }

    void write_results() {
        const auto count = static_cast<double>(evaluation_.presentations);
        for (std::size_t lane = 0; lane < taken_.size(); ++lane) {
            const std::size_t run = taken_[lane];
            evaluation_.loss[run] = cost_[lane] / count;
            evaluation_.error[run] = wrong_[lane] / count;
            evaluation_.state_mean_abs[run] = magnitude_[lane] / count;
            work_.finish_one();
        }
    }

    LatchEvaluation evaluation_;
    Work& work_;
    std::size_t lanes_;
    MinimalLatch task_;
    Buffer<double> weight_, input_, states_, cost_, wrong_, magnitude_;
    std::vector<std::size_t> taken_;
};

}  // namespace rnnlatch
