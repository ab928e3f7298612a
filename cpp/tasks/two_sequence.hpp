// Two sequences: which of two prototypes, drawn once a run, does the sequence begin with? Everything after it is noise.
//
// Source: Bengio, Simard, Frasconi (1994), sec. V-E. A sequence of class c shows the first elements of prototype c, of which
// there may be a varying number, with noise of their own.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "tasks/two_class_task.hpp"

namespace rnnlatch {

class TwoSequence : public TwoClassTask {
   public:
    // `given`: prototypes (2, prefix_high) for all runs, or null: drawn.
    TwoSequence(const Settings& settings, const DrawnTaskArguments& arguments, const TaskNoise& noise,
                std::size_t prefix_low, std::size_t prefix_high, const double* given)
        : TwoClassTask(settings, arguments, noise),
          prefix_low_(prefix_low),
          prefix_high_(prefix_high),
          given_(given),
          prototype_(task_lanes * 2 * prefix_high),
          kept_(task_lanes * prefix_high) {}

    void set_lane(std::size_t lane, std::size_t run) override {
        TwoClassTask::set_lane(lane, run);
        for (std::size_t c = 0; c < 2; ++c) {
            for (std::size_t k = 0; k < prefix_high_; ++k) {
                prototype(lane, c)[k] = given_ ? given_[c * prefix_high_ + k]
                                               : uniform(lane, Purpose::prototype, static_cast<std::uint32_t>(c), k);
            }
        }
    }

   protected:
    void fill(const std::uint32_t* index, Part part, double* inputs) override {
        const std::size_t rows = length();
        if (has_noise()) {
            draw_noise(index, part, rows, inputs, task_lanes);
        } else {
            std::fill_n(inputs, rows * task_lanes, 0.0);
        }
        for (std::size_t lane = 0; lane < task_lanes; ++lane) {  // the prefix, as it will be once it is scaled
            double* kept = kept_.data() + lane * prefix_high_;
            for_prefix(index, lane, inputs,
                       [&](double& at, double element) { *kept++ = element + prefix_scale_[lane] * at; });
        }
        scale_rows(noise_scale_, rows, inputs, task_lanes);
        for (std::size_t lane = 0; lane < task_lanes; ++lane) {
            const double* kept = kept_.data() + lane * prefix_high_;
            for_prefix(index, lane, inputs, [&](double& at, double) { at = *kept++; });
        }
    }

   private:
    double* prototype(std::size_t lane, std::size_t c) { return prototype_.data() + (2 * lane + c) * prefix_high_; }

    // f(number in the row of the inputs, element of the prototype) for the steps of a lane's prefix.
    template <class F>
    void for_prefix(const std::uint32_t* index, std::size_t lane, double* inputs, F f) {
        const double* element = prototype(lane, positive(index, lane));
        const std::size_t steps = between(prefix_low_, prefix_high_, form_word(1, lane));
        for (std::size_t k = 0; k < steps; ++k) f(inputs[(begin(lane) + k) * task_lanes + lane], element[k]);
    }

    std::size_t prefix_low_, prefix_high_;
    const double* given_;
    Buffer<double> prototype_;  // (lane, class, element)
    Buffer<double> kept_;       // (lane, element)
};

}  // namespace rnnlatch
