// Tasks for networks: what a presentation shows in every lane, drawn in the lanes.
//
// A task fills rows of lanes (drivers/lane_rows.hpp): inputs (time x features), the number of rows before each lane's
// sequence begins, targets, and the weights of the loss's terms. Sequences are aligned at their end. A sequence is known by
// its index: it is drawn from the counters again wherever it is shown, by whichever lane (lanes/philox.hpp; word 1 is the
// index).
#pragma once

#include <cstddef>
#include <cstdint>

#include "drivers/lane_rows.hpp"
#include "lanes/pack.hpp"

namespace rnnlatch {

using TaskRow = Row<Twice<f64>>;
inline constexpr std::size_t task_lanes = TaskRow::lanes;
static_assert(task_lanes == lanes32, "one register of random words serves a row of lanes");

// Where a presentation goes: rows of task_lanes numbers. A start is the number of steps before the sequence.
struct ShownRows {
    double *inputs, *start, *target, *weight;
};

// Which draws: those of training sequences, or of test sequences, which are always fresh.
enum class Part { training, test };

class SequenceTask {
   public:
    struct Settings {
        std::size_t length_low, length_high, features;
        std::uint32_t sequences;  // of a fixed training set; 0: always fresh
        bool random_order;
    };

    explicit SequenceTask(const Settings& settings) : settings_(settings) {}
    virtual ~SequenceTask() = default;

    // Whether a test shows the sequences of the training set too, for want of others.
    virtual bool closed() const { return false; }

    // How many sequences later the one comes that goes on where a sequence ended; 0: none does.
    virtual std::size_t continued_after() const { return 0; }

    // The inputs of all sequences, (sequence, time, feature), where they are the same for all runs; otherwise null.
    virtual const double* shared_inputs() const { return nullptr; }

    // Puts a run into a lane, before its first presentation.
    virtual void set_lane(std::size_t lane, std::size_t run) = 0;

    // Draws the sequences with these indices, one a lane.
    virtual void draw(const std::uint32_t* index, Part part, const ShownRows& rows) = 0;

    // Whether the inputs of a step are 1 for one symbol and 0 for all others. Then the symbols can be had without them.
    virtual bool symbolic() const { return false; }

    // The same as draw, but for the inputs: in their place the symbols, time rows of task_lanes, from 0 to features - 1 also
    // in the rows before a sequence begins.
    virtual void draw_symbols(const std::uint32_t*, Part, std::uint32_t*, const ShownRows&) {}

    // 1 where an output is on the wrong side of its target, or too far from it; `judged` rows of outputs.
    virtual void judge(const double* output, const double* target, double* wrong) const = 0;
    // The same where all lanes are sequences of the run in one lane.
    virtual void judge_one_run(std::size_t lane, const double* output, const double* target, double* wrong) const = 0;

    std::size_t length() const { return settings_.length_high; }
    std::size_t features() const { return settings_.features; }
    std::uint32_t sequences() const { return settings_.sequences; }
    bool random_order() const { return settings_.random_order; }

   protected:
    Settings settings_;
};

}  // namespace rnnlatch
