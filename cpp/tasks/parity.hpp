// Parity: is the number of +1 among the inputs, each +1 or -1, odd?
//
// Source: Bengio, Simard, Frasconi (1994), sec. V-E. The sign of the first step is the one that makes the parity that of the
// sequence's class, which leaves every sequence of a class equally likely.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "tasks/two_class_task.hpp"

namespace rnnlatch {

class Parity : public TwoClassTask {
   public:
    using TwoClassTask::TwoClassTask;

   protected:
    void fill(const std::uint32_t* index, Part part, double* inputs) override {
        const std::size_t rows = length();
        if (has_noise()) {
            draw_noise(index, part, rows, inputs, task_lanes);
            scale_rows(noise_scale_, rows, inputs, task_lanes);
        } else {
            std::fill_n(inputs, rows * task_lanes, 0.0);
        }
        std::uint32_t odd[task_lanes] = {};
        double first[task_lanes] = {};
        for_each_word(index, symbol_of(part), rows, [&](std::size_t row, u32 word) {
            for (std::size_t lane = 0; lane < task_lanes; ++lane) {
                if (row < begin(lane)) continue;
                const std::uint32_t plus = word[lane] >> 31;
                const double sign = plus ? 1.0 : -1.0;
                odd[lane] ^= plus;
                if (row == begin(lane)) first[lane] = sign;
                inputs[row * task_lanes + lane] += sign;
            }
        });
        for (std::size_t lane = 0; lane < task_lanes; ++lane) {
            if ((odd[lane] == 1u) != positive(index, lane))
                inputs[begin(lane) * task_lanes + lane] -= 2.0 * first[lane];
        }
    }
};

}  // namespace rnnlatch
