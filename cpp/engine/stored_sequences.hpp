// The training sets of the runs in a group's lanes, drawn once a run; every lane may be shown another sequence of its own.
//
// A set is kept as arrays, sequence by sequence: to be shown, the sequences of all lanes are turned into rows in registers.
// The inputs of a task that all runs share are used where they are.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "drivers/lane_rows.hpp"
#include "lanes/buffer.hpp"
#include "tasks/sequence_task.hpp"

namespace rnnlatch {

class StoredSequences {
   public:
    // `task` draws the sets, and is put into the runs that it draws for. Each sequence has so many terms of the loss, and
    // targets of a term.
    StoredSequences(SequenceTask& task, std::size_t terms, std::size_t targets)
        : task_(task),
          terms_(terms),
          targets_(terms * targets),
          numbers_(task.length() * task.features()),
          rows_((numbers_ + about_numbers()) * task_lanes),
          index_(task_lanes) {
        if (task.shared_inputs()) {
            draw(sets_[0]);
            inputs_.fill(task.shared_inputs());
        } else {
            sets_[0].inputs.resize(numbers_);
            sets_[0].about.resize(about_numbers());
            inputs_.fill(sets_[0].inputs.data());
        }
        about_.fill(sets_[0].about.data());
    }

    std::size_t sequences() const { return task_.sequences(); }

    // Draws the set of a run into a lane. One that never had a run has a single sequence of zeros.
    void set_lane(std::size_t lane, std::size_t run) {
        if (task_.shared_inputs()) return;
        for (std::size_t each = 0; each < task_lanes; ++each) task_.set_lane(each, run);
        Set& set = sets_[1 + lane];
        draw(set);
        inputs_[lane] = set.inputs.data();
        about_[lane] = set.about.data();
    }

    // Sequence number which[lane] of every lane.
    void show(const std::size_t* which, const ShownRows& rows) const {
        using V = Twice<f64>;
        const double *inputs[task_lanes], *about[task_lanes];
        for (std::size_t lane = 0; lane < task_lanes; ++lane) {
            inputs[lane] = inputs_[lane] + which[lane] * numbers_;
            about[lane] = about_[lane] + which[lane] * about_numbers();
            rows.start[lane] = *about[lane]++;
        }
        gather_lanes<V>(inputs, numbers_, rows.inputs);
        gather_lanes<V>(about, targets_, rows.target);
        for (auto& each : about) each += targets_;
        gather_lanes<V>(about, terms_, rows.weight);
    }

    // Targets and weights of the sequences of one lane from a multiple of task_lanes on, one a lane of the rows.
    void show_targets(std::size_t lane, std::size_t first, double* target, double* weight) const {
        const double* about[task_lanes];
        for (std::size_t each = 0; each < task_lanes; ++each) {
            about[each] = about_[lane] + (first + each) * about_numbers() + 1;
        }
        gather_lanes<Twice<f64>>(about, targets_, target);
        for (auto& each : about) each += targets_;
        gather_lanes<Twice<f64>>(about, terms_, weight);
    }

   private:
    struct Set {
        Buffer<double> inputs;  // (sequence, time, feature)
        Buffer<double> about;   // (sequence, start | targets | weights)
    };

    std::size_t about_numbers() const { return 1 + targets_ + terms_; }

    // All sequences of the run that is in every lane of the task, a row of them at a time.
    void draw(Set& set) {
        const bool inputs_too = !task_.shared_inputs();
        const std::size_t count = sequences(), room = (count + task_lanes - 1) / task_lanes * task_lanes;
        if (inputs_too) set.inputs.resize(room * numbers_);
        set.about.resize(room * about_numbers());
        double *inputs = rows_.data(), *about = inputs + numbers_ * task_lanes;
        const ShownRows rows{inputs, about, about + task_lanes, about + (1 + targets_) * task_lanes};
        for (std::size_t first = 0; first < count; first += task_lanes) {
            for (std::size_t lane = 0; lane < task_lanes; ++lane) {
                index_[lane] = static_cast<std::uint32_t>(std::min(first + lane, count - 1));
            }
            task_.draw(index_.data(), Part::training, rows);
            if (inputs_too) bring_out(inputs, numbers_, set.inputs.data() + first * numbers_);
            bring_out(about, about_numbers(), set.about.data() + first * about_numbers());
        }
    }

    static void bring_out(const double* rows, std::size_t numbers, double* to) {
        scatter<Twice<f64>>(rows, numbers, 1, 0, task_lanes,
                            View<double>{to, static_cast<std::ptrdiff_t>(numbers), {1, 0, 0}});
    }

    SequenceTask& task_;
    std::size_t terms_, targets_, numbers_;
    std::array<Set, 1 + task_lanes> sets_;  // one for all or for nobody, then those of the lanes
    std::array<const double*, task_lanes> inputs_, about_;
    Buffer<double> rows_;  // of the sequences that are being drawn
    Buffer<std::uint32_t> index_;
};

}  // namespace rnnlatch
