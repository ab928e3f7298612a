// The minimal task (tasks/minimal_latch.hpp) as sequences for a network of one unit.
//
// The trainable inputs of the classes are input weights there: in step k of a sequence of class c input c L + k is 1 and all
// others are 0; then the last input, whose weight is 1, is noise.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "tasks/two_class_task.hpp"

namespace rnnlatch {

class LatchSequences : public TwoClassTask {
   public:
    LatchSequences(const Settings& settings, const DrawnTaskArguments& arguments, const TaskNoise& noise,
                   std::size_t prefix)
        : TwoClassTask(settings, arguments, noise), prefix_(prefix) {}

   protected:
    void fill(const std::uint32_t* index, Part part, double* inputs) override {
        const std::size_t rows = length(), step = features() * task_lanes;
        double* noise = inputs + 2 * prefix_ * task_lanes;
        std::fill_n(inputs, rows * step, 0.0);
        if (has_noise() && rows > prefix_) {
            draw_noise(index, part, rows - prefix_, noise + prefix_ * step, step);
            scale_rows(noise_scale_, rows - prefix_, noise + prefix_ * step, step);
        }
        for (std::size_t lane = 0; lane < task_lanes; ++lane) {
            const std::size_t column = positive(index, lane) ? prefix_ : 0;
            for (std::size_t k = 0; k < prefix_; ++k) {
                double* row = inputs + (begin(lane) + k) * step + lane;
                row[(column + k) * task_lanes] = 1.0;
                row[2 * prefix_ * task_lanes] = 0.0;
            }
        }
    }

   private:
    std::size_t prefix_;
};

}  // namespace rnnlatch
