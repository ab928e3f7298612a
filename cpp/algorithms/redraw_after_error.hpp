// A control in lanes: after every wrong presentation all trainable numbers are drawn anew, from N(0, std). It learns nothing.
//
// The numbers are those of Purpose::proposal, and word 1 of the counter is the number of the redraw, from 0.
#pragma once

#include <cstddef>
#include <cstdint>

#include "drivers/trained_network.hpp"
#include "engine/training_problem.hpp"
#include "lanes/normal.hpp"
#include "lanes/streams.hpp"

namespace rnnlatch {

class RedrawAfterError {
    using V = Twice<f64>;
    using M = Memory<V>;

   public:
    using Network = TrainedNetwork<NetworkLanes<V>>;

    // `std`: one a run
    RedrawAfterError(const TrainingProblem& problem, SequenceTask& task, const double* std)
        : network_(problem.network, problem.trainable, task, problem.cell, Remember::all_states),
          streams_(problem.key, problem.stream),
          std_of_run_(std),
          std_(task_lanes),
          redraws_(task_lanes) {}

    Network& network() { return network_; }
    bool finite(std::size_t lane) const { return network_.finite(lane); }

    void set_lane(std::size_t lane, std::size_t run) {
        streams_.set_lane(lane, run);
        std_[lane] = std_of_run_[run];
        redraws_[lane] = 0;
    }

    void clear_lane(std::size_t lane) { network_.clear_lane(lane); }

    void present(const PresentationRows& shown) {
        network_.show(shown.index);
        network_.walk_there();
    }

    void step(const double* mask) {
        const V zero = constant_like<V>(0.0);
        const auto redrawn = (M::load(mask) > zero) & (M::load(network_.wrong()) > zero);
        if (!any(redrawn)) return;
        const V scale = M::load(std_.data());
        const auto prepared = streams_.prepare(redraws_.data());
        const std::size_t count = network_.trainable();
        for (std::size_t i = 0; i < count; i += 4) {
            u32 words[4];
            f32 normal[4];
            streams_.words(prepared, Purpose::proposal, static_cast<std::uint32_t>(i / 4), words);
            box_muller(words[0], words[1], normal[0], normal[1]);
            box_muller(words[2], words[3], normal[2], normal[3]);
            for (std::size_t j = 0; j < 4 && i + j < count; ++j) {
                double* theta = network_.theta(i + j);
                const V drawn = scale * V{widen_low(normal[j]), widen_high(normal[j])};
                M::store(theta, select(redrawn, drawn, M::load(theta)));
            }
        }
        for (std::size_t lane = 0; lane < task_lanes; ++lane) {
            redraws_[lane] += mask[lane] > 0 && network_.wrong()[lane] > 0 ? 1 : 0;
        }
        network_.changed();
    }

   private:
    Network network_;
    LaneStreams streams_;
    const double* std_of_run_;
    Buffer<double> std_;
    Buffer<std::uint32_t> redraws_;
};

}  // namespace rnnlatch
