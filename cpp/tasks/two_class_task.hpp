// Tasks of two classes with a target each, and noise: sequences with an even index are of class 0, the others of class 1.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "lanes/buffer.hpp"
#include "lanes/normal.hpp"
#include "tasks/drawn_task.hpp"

namespace rnnlatch {

// The noise: of which kind, and its size in each run.
struct TaskNoise {
    bool uniform;
    const double *std, *prefix_std;
};

class TwoClassTask : public DrawnTask {
   public:
    TwoClassTask(const Settings& settings, const DrawnTaskArguments& arguments, const TaskNoise& noise)
        : DrawnTask(settings, arguments), noise_scale_(task_lanes), prefix_scale_(task_lanes), noise_(noise) {}

    void set_lane(std::size_t lane, std::size_t run) override {
        DrawnTask::set_lane(lane, run);
        // a uniform variable on (-1, 1) has standard deviation 1/sqrt(3)
        const double unit = noise_.uniform ? 1.7320508075688772 : 1.0;
        noise_scale_[lane] = noise_.std[run] * unit;
        prefix_scale_[lane] = noise_.prefix_std[run] * unit;
    }

    void draw(const std::uint32_t* index, Part part, const ShownRows& rows) override {
        draw_form(index, part, rows.start);
        for (std::size_t lane = 0; lane < task_lanes; ++lane) {
            rows.target[lane] = positive(index, lane) ? high_[lane] : low_[lane];
            rows.weight[lane] = 1.0;
        }
        fill(index, part, rows.inputs);
    }

   protected:
    // Everything that stands in the rows of the inputs. Rows before a sequence begins may hold any finite numbers.
    virtual void fill(const std::uint32_t* index, Part part, double* inputs) = 0;

    static bool positive(const std::uint32_t* index, std::size_t lane) { return index[lane] & 1u; }

    bool has_noise() const {
        const auto some = [](const Buffer<double>& scale) {
            return std::any_of(scale.begin(), scale.end(), [](double each) { return each != 0.0; });
        };
        return some(noise_scale_) || some(prefix_scale_);
    }

    // The `count` numbers of unit noise at these indices, a row each, `stride` scalars apart.
    void draw_noise(const std::uint32_t* index, Part part, std::size_t count, double* to, std::size_t stride) const {
        const auto prepared = streams().prepare(index);
        std::uint32_t block = 0;
        for (std::size_t k = 0; k < count; k += 4, ++block) {
            u32 words[4];
            streams().words(prepared, noise_of(part), block, words);
            if (noise_.uniform) {
                for (std::size_t j = 0; j < 4 && k + j < count; ++j, to += stride) {
                    store(to, symmetric_uniform_low(words[j]));
                    store(to + lanes64, symmetric_uniform_high(words[j]));
                }
                continue;
            }
            for (std::size_t j = 0; j < 4 && k + j < count; j += 2) {
                f32 normal[2];
                box_muller(words[j], words[j + 1], normal[0], normal[1]);
                for (std::size_t i = 0; i < 2 && k + j + i < count; ++i, to += stride) {
                    store(to, widen_low(normal[i]));
                    store(to + lanes64, widen_high(normal[i]));
                }
            }
        }
    }

    // Number k of those that one lane draws uniformly from (-1, 1), in plain code.
    double uniform(std::size_t lane, Purpose purpose, std::uint32_t presentation, std::size_t k) const {
        const Words words = streams().words_of(lane, purpose, static_cast<std::uint32_t>(k / 4), presentation);
        return (static_cast<double>(static_cast<std::int32_t>(words[k % 4])) + 0.5) * 0x1p-31;
    }

    // noise <- scale noise, from a row on.
    static void scale_rows(const Buffer<double>& scale, std::size_t rows, double* noise, std::size_t stride) {
        const auto factor = M::load(scale.data());
        for (std::size_t row = 0; row < rows; ++row, noise += stride) M::store(noise, M::load(noise) * factor);
    }

    Buffer<double> noise_scale_, prefix_scale_;

   private:
    TaskNoise noise_;
};

}  // namespace rnnlatch
