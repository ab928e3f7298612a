// Trains a group of networks one presentation after another, one run a lane; a lane whose run stops takes the next at once.
//
// Algorithm owns the networks and has
//   network()            the lanes' parameters, and cost and error of the last presentation (drivers/trained_network.hpp)
//   set_lane(lane, run)  a new run begins in a lane, whose parameters are there already
//   clear_lane(lane)     no run is left for a lane: it goes on computing, and nothing may come of it
//   present(shown)       shows sequences and learns from them what it needs
//   step(mask)           changes parameters in the lanes whose batch is complete (a row, 1 or 0)
//   finite(lane)         whether all numbers of the run are, so that it can go on
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "engine/lane_runs.hpp"
#include "engine/presentation_order.hpp"
#include "engine/training_problem.hpp"
#include "lanes/buffer.hpp"

namespace rnnlatch {

template <class Algorithm>
class StepwiseTrainer {
   public:
    // make_algorithm(task) -> std::unique_ptr<Algorithm>
    template <class Make>
    StepwiseTrainer(const TrainingProblem& problem, const TrainingResults& results, Work& work,
                    const Make& make_algorithm)
        : problem_(problem),
          results_(results),
          task_(problem.make_task()),
          algorithm_(make_algorithm(*task_)),
          order_(problem.key, problem.stream, *task_),
          runs_(problem, results, work),
          index_(task_lanes),
          number_(task_lanes),
          mask_(task_lanes) {}

    // Trains runs until there are none left or the work is cancelled.
    void train() {
        for (std::size_t lane = 0; lane < task_lanes; ++lane) take_run(lane);
        while (runs_.going_on()) present();
    }

   private:
    void present() {
        for (std::size_t lane = 0; lane < task_lanes; ++lane) {
            const bool busy = runs_.busy(lane);
            index_[lane] = busy ? order_.index(runs_.run(lane), runs_.seen(lane)) : 0;
            number_[lane] = busy ? static_cast<std::uint32_t>(runs_.seen(lane)) : 0;
        }
        algorithm_->present({index_.data(), number_.data()});
        auto& network = algorithm_->network();
        bool any = false;
        for (std::size_t lane = 0; lane < task_lanes; ++lane) {
            mask_[lane] = 0;
            if (!runs_.busy(lane)) continue;
            runs_.present(lane, network.cost()[lane], network.wrong()[lane]);
            const bool due = runs_.seen(lane) % problem_.batch_size == 0;
            mask_[lane] = due ? 1 : 0;
            any |= due;
        }
        if (any) algorithm_->step(mask_.data());
        for (std::size_t lane = 0; lane < task_lanes; ++lane) {
            if (!runs_.busy(lane)) continue;
            const auto outcome = runs_.verdict(lane, algorithm_->finite(lane));
            if (!outcome) continue;
            network.bring_out_lane(lane, runs_.run(lane), results_.parameters);
            runs_.write(lane, *outcome);
            take_run(lane);
        }
    }

    void take_run(std::size_t lane) {
        const auto run = runs_.take(lane);
        if (!run) return algorithm_->clear_lane(lane);
        task_->set_lane(lane, *run);
        algorithm_->network().set_lane(lane, *run, problem_.network.parameters);
        algorithm_->set_lane(lane, *run);
    }

    const TrainingProblem& problem_;
    TrainingResults results_;
    std::unique_ptr<SequenceTask> task_;
    std::unique_ptr<Algorithm> algorithm_;
    PresentationOrder order_;
    LaneRuns runs_;
    Buffer<std::uint32_t> index_, number_;
    Buffer<double> mask_;
};

}  // namespace rnnlatch
