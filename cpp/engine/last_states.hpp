// What the networks of a group made of every sequence of their training sets, for searches that change one number at a time.
//
// A proposal that differs from a point known here in the readout alone need not be walked again. Known is the last point that
// was accepted after a walk; the last states of the proposal under way wait beside it.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>
#include <vector>

#include "drivers/sequence_readout.hpp"
#include "engine/stored_sequences.hpp"
#include "tasks/sequence_task.hpp"

namespace rnnlatch {

class LastStates {
   public:
    using V = Twice<f64>;

    // `trainable`: the rows of the coordinates.
    LastStates(const NetworkShape& shape, const std::vector<std::size_t>& trainable, std::size_t sequences)
        : hidden_(shape.hidden),
          readout_(shape),
          target_(shape.targets() * task_lanes),
          weight_(task_lanes),
          cost_(task_lanes),
          wrong_(task_lanes) {
        const ParameterRows at(shape);
        for (std::size_t i = 0; i < trainable.size(); ++i) {
            const bool read = trainable[i] >= at.weight_out && trainable[i] < at.initial;
            in_readout_.push_back(read);
            if (!read) others_.push_back(trainable[i]);
        }
        used_ = shape.outputs > 0 && !shape.every && others_.size() < trainable.size();
        if (!used_) return;
        const std::size_t rows = (sequences + task_lanes - 1) / task_lanes * hidden_;
        for (Lane& lane : lanes_) {
            for (Point* point : {&lane.known, &lane.walked}) {
                point->at.resize(others_.size());
                point->states.resize(rows * task_lanes);
            }
        }
    }

    // Whether there is anything to gain.
    bool used() const { return used_; }
    bool in_readout(std::size_t coordinate) const { return in_readout_[coordinate]; }

    void forget(std::size_t lane) { lanes_[lane].any = false; }

    // The last states of a sequence that was walked, rows of the group's units.
    void keep(std::size_t lane, std::size_t sequence, const double* states) {
        double* to = place(lanes_[lane].walked.states, sequence);
        for (std::size_t j = 0; j < hidden_; ++j) to[j * task_lanes] = states[j * task_lanes + lane];
    }

    // All of them were walked with these parameters.
    void keep_point(std::size_t lane, const double* parameters) {
        std::vector<double>& to = lanes_[lane].walked.at;
        for (std::size_t i = 0; i < others_.size(); ++i) to[i] = parameters[others_[i] * task_lanes + lane];
    }

    // That point was accepted.
    void accept(std::size_t lane) {
        std::swap(lanes_[lane].known, lanes_[lane].walked);
        lanes_[lane].any = true;
    }

    // Whether these parameters differ from the known point in the readout at most.
    bool knows(std::size_t lane, const double* parameters) const {
        const std::vector<double>& known = lanes_[lane].known.at;
        bool same = lanes_[lane].any;
        for (std::size_t i = 0; same && i < others_.size(); ++i) {
            same = known[i] == parameters[others_[i] * task_lanes + lane];
        }
        return same;
    }

    // f(cost, wrong) of every sequence in turn, of the network in this lane of the parameters, which is known.
    template <class F>
    void judge(std::size_t lane, const double* parameters, const StoredSequences& sequences, const SequenceTask& task,
               F f) {
        readout_.take(parameters, lane);
        for (std::size_t first = 0; first < sequences.sequences(); first += task_lanes) {
            sequences.show_targets(lane, first, target_.data(), weight_.data());
            const double* output =
                readout_.judge(place(lanes_[lane].known.states, first), target_.data(), weight_.data(), cost_.data());
            task.judge_one_run(lane, output, target_.data(), wrong_.data());
            const std::size_t count = std::min(task_lanes, sequences.sequences() - first);
            for (std::size_t k = 0; k < count; ++k) f(cost_[k], weight_[k] > 0 ? wrong_[k] : 0.0);
        }
    }

   private:
    struct Point {
        std::vector<double> at;  // its coordinates outside the readout
        Buffer<double> states;   // (row of sequences, unit)
    };
    struct Lane {
        Point known, walked;
        bool any = false;  // known
    };

    double* place(Buffer<double>& states, std::size_t sequence) const {
        return states.data() + sequence / task_lanes * hidden_ * task_lanes + sequence % task_lanes;
    }

    std::size_t hidden_;
    SequenceReadout<V> readout_;
    Buffer<double> target_, weight_, cost_, wrong_;
    std::vector<bool> in_readout_;
    std::vector<std::size_t> others_;
    bool used_ = false;
    std::array<Lane, task_lanes> lanes_;
};

}  // namespace rnnlatch
