// A user's own sequences, which all runs share.
#pragma once

#include <cstddef>
#include <cstdint>

#include "drivers/lane_losses.hpp"
#include "tasks/answers.hpp"
#include "tasks/sequence_task.hpp"

namespace rnnlatch {

// Arrays (n, time, features), targets (n[, time], outputs) or classes (n[, time]), lengths (n) and mask (n[, time]) or null.
struct Dataset {
    const double *inputs, *targets;
    const std::int64_t *classes, *lengths;
    const double* mask;
    std::size_t outputs;  // numbers that are compared with a target at a step
    Loss loss;
    bool every;
    double middle, tolerance;  // between the sides of a target; 0: the side counts
};

class DatasetSequences : public SequenceTask {
   public:
    DatasetSequences(const Settings& settings, const Dataset& data) : SequenceTask(settings), data_(data) {}

    bool closed() const override { return true; }
    const double* shared_inputs() const override { return data_.inputs; }
    void set_lane(std::size_t, std::size_t) override {}

    void draw(const std::uint32_t* index, Part, const ShownRows& rows) override {
        const std::size_t time = length(), terms = data_.every ? time : 1, numbers = time * features();
        const bool classes = data_.classes != nullptr;
        const std::size_t targets = classes ? 1 : data_.outputs;
        const double* inputs[task_lanes];
        for (std::size_t lane = 0; lane < task_lanes; ++lane) inputs[lane] = data_.inputs + index[lane] * numbers;
        gather_lanes<Twice<f64>>(inputs, numbers, rows.inputs);
        for (std::size_t lane = 0; lane < task_lanes; ++lane) {
            const std::size_t i = index[lane];
            const auto steps = data_.lengths ? static_cast<std::size_t>(data_.lengths[i]) : time;
            rows.start[lane] = static_cast<double>(time - steps);
            for (std::size_t j = 0; j < terms; ++j) {
                for (std::size_t o = 0; o < targets; ++o) {
                    const std::size_t at = (i * terms + j) * targets + o;
                    rows.target[(j * targets + o) * task_lanes + lane] =
                        classes ? static_cast<double>(data_.classes[at]) : data_.targets[at];
                }
                const bool begun = !data_.every || j >= time - steps;
                rows.weight[j * task_lanes + lane] = !begun ? 0.0 : data_.mask ? data_.mask[i * terms + j] : 1.0;
            }
        }
    }

    void judge(const double* output, const double* target, double* wrong) const override {
        using V = Twice<f64>;
        find_wrong({data_.loss, data_.outputs}, output, target, constant_like<V>(data_.tolerance),
                   constant_like<V>(data_.middle), wrong);
    }

    void judge_one_run(std::size_t, const double* output, const double* target, double* wrong) const override {
        judge(output, target, wrong);  // all runs have the same targets
    }

   private:
    Dataset data_;
};

}  // namespace rnnlatch
