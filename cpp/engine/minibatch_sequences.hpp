// The sequences of a minibatch, drawn by a task in lanes, in the form in which the matrix driver takes them.
//
// All lanes of the task belong to the one run. Sequences end together, so the minibatch is as long as its longest sequence
// and what stands in the rows before that is left out.
//
// Where a task shows streams, the state at the end of a sequence may be carried to the one that goes on with its stream: then
// a minibatch is one sequence of each stream, and they begin in the states in which those of the last minibatch ended.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "drivers/network_matrix.hpp"
#include "drivers/network_problem.hpp"
#include "lanes/buffer.hpp"
#include "tasks/sequence_task.hpp"

namespace rnnlatch {

template <class Scalar>
class MinibatchSequences {
   public:
    // At most `most` sequences at once; middle and tolerance as in Targets.
    MinibatchSequences(SequenceTask& task, const NetworkShape& shape, std::size_t most, double middle, double tolerance,
                       bool carries)
        : task_(task),
          time_(task.length()),
          features_(task.features()),
          terms_(shape.every ? time_ : 1),
          targets_per_term_(shape.targets()),
          groups_((most + task_lanes - 1) / task_lanes),
          index_(task_lanes),
          symbol_rows_(task.symbolic() ? groups_ * time_ * task_lanes : 0),
          input_rows_(task.symbolic() ? 0 : groups_ * time_ * features_ * task_lanes),
          start_(groups_ * task_lanes),
          target_rows_(groups_ * terms_ * targets_per_term_ * task_lanes),
          weight_rows_(groups_ * terms_ * task_lanes),
          symbols_(task.symbolic() ? most * time_ : 0),
          inputs_(task.symbolic() ? 0 : most * time_ * features_),
          lengths_(most),
          values_(most * terms_ * targets_per_term_),
          classes_(shape.loss == Loss::softmax_cross_entropy ? most * terms_ : 0),
          weights_(most * terms_),
          wrong_(most),
          hidden_(shape.hidden),
          carried_(carries ? shape.states * most * hidden_ : 0) {
        for (std::size_t lane = 0; lane < task_lanes; ++lane) task_.set_lane(lane, 0);
        batch_ = {most,
                  time_,
                  inputs_.empty() ? nullptr : inputs_.data(),
                  symbols_.empty() ? nullptr : symbols_.data(),
                  lengths_.data(),
                  {},
                  hidden_};
        for (std::size_t state = 0; state < shape.states; ++state) batch_.initial[state] = carried(state);
        targets_ = {shape.loss,      shape.every,   values_.data(), classes_.empty() ? nullptr : classes_.data(),
                    weights_.data(), wrong_.data(), middle,         tolerance};
    }

    // The sequences with the indices index_of(0), ..., index_of(count - 1).
    template <class IndexOf>
    void draw(std::size_t count, Part part, const IndexOf& index_of) {
        for (std::size_t first = 0; first < count; first += task_lanes) {
            for (std::size_t lane = 0; lane < task_lanes; ++lane) {
                index_[lane] = index_of(std::min(first + lane, count - 1));
            }
            draw_group(first / task_lanes, part);
        }
        double earliest = static_cast<double>(time_ - 1);
        for (std::size_t b = 0; b < count; ++b) earliest = std::min(earliest, start_[b]);
        const auto dropped = static_cast<std::size_t>(earliest);
        batch_.size = count, batch_.steps = time_ - dropped;
        for (std::size_t b = 0; b < count; ++b) {
            bring_out(b, dropped);
            if (!carried_.empty() && index_of(b) < task_.continued_after()) begin_stream(b);
        }
        std::fill_n(wrong_.data(), count, std::uint8_t{0});
    }

    const Minibatch<Scalar>& batch() const { return batch_; }
    const Targets<Scalar>& targets() const { return targets_; }
    bool symbolic() const { return !symbols_.empty(); }

    // Sequences of the minibatch that the last walk over it found wrong.
    std::size_t wrong() const {
        return static_cast<std::size_t>(
            std::count(wrong_.begin(), wrong_.begin() + static_cast<std::ptrdiff_t>(batch_.size), std::uint8_t{1}));
    }

    // The states that are carried from a minibatch to the next one, (state, sequence, unit); none where they are not.
    Buffer<Scalar>& carried() { return carried_; }
    // Where those of one of the cell's states are, or null.
    Scalar* carried(std::size_t state) {
        return carried_.empty() ? nullptr : carried_.data() + state * lengths_.size() * hidden_;
    }

   private:
    void begin_stream(std::size_t b) {
        for (Scalar* at = carried_.data() + b * hidden_; at < carried_.data() + carried_.size();
             at += lengths_.size() * hidden_) {
            std::fill_n(at, hidden_, Scalar{0});
        }
    }

    void draw_group(std::size_t group, Part part) {
        const ShownRows rows{input_rows_.data() + group * time_ * features_ * task_lanes * !symbolic(),
                             start_.data() + group * task_lanes,
                             target_rows_.data() + group * terms_ * targets_per_term_ * task_lanes,
                             weight_rows_.data() + group * terms_ * task_lanes};
        if (symbolic()) {
            task_.draw_symbols(index_.data(), part, symbol_rows_.data() + group * time_ * task_lanes, rows);
        } else {
            task_.draw(index_.data(), part, rows);
        }
    }

    // Sequence b out of its lane, from the row `dropped` on.
    void bring_out(std::size_t b, std::size_t dropped) {
        const std::size_t group = b / task_lanes, lane = b % task_lanes, steps = batch_.steps;
        lengths_[b] = static_cast<std::int64_t>(time_) - static_cast<std::int64_t>(start_[b]);
        if (symbolic()) {
            const std::uint32_t* from = symbol_rows_.data() + (group * time_ + dropped) * task_lanes + lane;
            for (std::size_t t = 0; t < steps; ++t) symbols_[b * steps + t] = from[t * task_lanes];
        } else {
            const double* from = input_rows_.data() + (group * time_ + dropped) * features_ * task_lanes + lane;
            Scalar* to = inputs_.data() + b * steps * features_;
            for (std::size_t k = 0; k < steps * features_; ++k) to[k] = static_cast<Scalar>(from[k * task_lanes]);
        }
        const std::size_t skipped = targets_.every ? dropped : 0, terms = terms_ - skipped;
        const double* target = target_rows_.data() + (group * terms_ + skipped) * targets_per_term_ * task_lanes + lane;
        const double* weight = weight_rows_.data() + (group * terms_ + skipped) * task_lanes + lane;
        for (std::size_t k = 0; k < terms; ++k) weights_[b * terms + k] = static_cast<Scalar>(weight[k * task_lanes]);
        for (std::size_t k = 0; k < terms * targets_per_term_; ++k) {
            const double each = target[k * task_lanes];
            if (classes_.empty()) {
                values_[b * terms * targets_per_term_ + k] = static_cast<Scalar>(each);
            } else {
                classes_[b * terms + k] = static_cast<std::int64_t>(each);
            }
        }
    }

    SequenceTask& task_;
    const std::size_t time_, features_, terms_, targets_per_term_, groups_;
    Buffer<std::uint32_t> index_, symbol_rows_;
    Buffer<double> input_rows_, start_, target_rows_, weight_rows_;
    Buffer<std::uint32_t> symbols_;
    Buffer<Scalar> inputs_;
    Buffer<std::int64_t> lengths_;
    Buffer<Scalar> values_;
    Buffer<std::int64_t> classes_;
    Buffer<Scalar> weights_;
    Buffer<std::uint8_t> wrong_;
    const std::size_t hidden_;
    Buffer<Scalar> carried_;
    Minibatch<Scalar> batch_{};
    Targets<Scalar> targets_{};
};

}  // namespace rnnlatch
