// Adding and multiplication: two numbers of a sequence are marked; their sum or product is the target.
//
// One feature is a number at each step, the other one marks. Sources and what is different in each:
//   pascanu2013     (marker, value); values in (0, 1); one mark in the first tenth, one up to the half; target (x_0 + x_1)/2 or
//                   x_0 x_1. Pascanu, Mikolov and Bengio (2013), the authors' code.
//   hochreiter1997  (value, marker); sums of values in (-1, 1), products of those in (0, 1); one mark on the first ten steps,
//                   one on the first L/2 - 1 of the others, L the length before it is extended; the first and the last marker
//                   are -1, and a first value that would be marked is 0 or 1, which changes nothing; target 1/2 +
//                   (x_0 + x_1)/4 or x_0 x_1. Hochreiter and Schmidhuber (1997), experiments 4 and 5.
//   arjovsky2016    (value, marker); values in (0, 1); a mark in each half; target x_0 + x_1. Arjovsky, Shah and Bengio (2016).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "lanes/normal.hpp"
#include "tasks/drawn_task.hpp"
#include "tasks/window.hpp"

namespace rnnlatch {

class MarkedValues : public DrawnTask {
   public:
    enum class Variant { pascanu2013, hochreiter1997, arjovsky2016 };

    // `extra`: by how much of its length a sequence may be longer than it, one share a run.
    MarkedValues(const Settings& settings, const DrawnTaskArguments& arguments, bool product, Variant variant,
                 const double* extra)
        : DrawnTask(settings, arguments),
          product_(product),
          variant_(variant),
          extra_(extra),
          extra_of_lane_(task_lanes) {}

    void set_lane(std::size_t lane, std::size_t run) override {
        DrawnTask::set_lane(lane, run);
        extra_of_lane_[lane] = extra_[run];
    }

    void draw(const std::uint32_t* index, Part part, const ShownRows& rows) override {
        draw_form(index, part, rows.start);
        draw_values(index, part, rows.inputs);
        u32 words[4];
        form_words(index, part, words);
        for (std::size_t lane = 0; lane < task_lanes; ++lane) {
            mark(lane, {words[0][lane], words[1][lane]}, rows.inputs, rows.target);
            rows.weight[lane] = 1.0;
        }
    }

   protected:
    std::size_t steps(std::size_t lane, std::size_t drawn, std::uint32_t word) const override {
        const auto most = static_cast<std::size_t>(extra_of_lane_[lane] * static_cast<double>(drawn));
        // Hochreiter and Schmidhuber have the longest length too
        const std::size_t last = is(Variant::hochreiter1997) ? most : std::max<std::size_t>(most, 1) - 1;
        return drawn + between(0, last, word);
    }

   private:
    bool is(Variant variant) const { return variant_ == variant; }
    std::size_t value_feature() const { return is(Variant::pascanu2013) ? 1 : 0; }

    // Numbers without marks for every step of the lanes' sequences; zeros before them.
    void draw_values(const std::uint32_t* index, Part part, double* inputs) const {
        constexpr std::size_t step = 2 * task_lanes;
        const std::size_t before = earliest();
        std::fill_n(inputs, before * step, 0.0);
        const bool symmetric = is(Variant::hochreiter1997) && !product_;
        const f64 scale = constant(symmetric ? 1.0 : 0.5), middle = constant(symmetric ? 0.0 : 0.5);  // both exact
        double* last = inputs + (length() - 1) * step;
        const std::size_t value = value_feature() * task_lanes, marker = task_lanes - value;
        for_each_word(index, noise_of(part), length() - before, [&](std::size_t k, u32 word) {
            double* row = last - k * step;
            store(row + value, symmetric_uniform_low(word) * scale + middle);
            store(row + value + lanes64, symmetric_uniform_high(word) * scale + middle);
            M::store(row + marker, constant_like<V>(0.0));
        });
    }

    void mark(std::size_t lane, const std::uint32_t (&words)[2], double* inputs, double* target) const {
        constexpr std::size_t step = 2 * task_lanes;
        const std::size_t steps = length() - begin(lane);
        double* values = inputs + begin(lane) * step + value_feature() * task_lanes + lane;
        double* markers = inputs + begin(lane) * step + (1 - value_feature()) * task_lanes + lane;
        std::size_t at[2];
        choose(lane, steps, words, at);
        double x[2];
        for (std::size_t k = 0; k < 2; ++k) {
            if (is(Variant::hochreiter1997) && at[k] == 0) values[0] = product_ ? 1.0 : 0.0;
            markers[at[k] * step] = 1.0;
            x[k] = values[at[k] * step];
        }
        if (is(Variant::hochreiter1997)) markers[0] = markers[(steps - 1) * step] = -1.0;
        if (product_) {
            target[lane] = x[0] * x[1];
        } else if (is(Variant::hochreiter1997)) {
            target[lane] = 0.5 + (x[0] + x[1]) / 4.0;
        } else {
            target[lane] = is(Variant::pascanu2013) ? (x[0] + x[1]) / 2.0 : x[0] + x[1];
        }
    }

    // The steps that are marked.
    void choose(std::size_t lane, std::size_t steps, const std::uint32_t (&words)[2], std::size_t (&at)[2]) const {
        if (is(Variant::hochreiter1997)) {
            at[0] = std::min(between(0, 9, words[0]), steps - 1);
            const std::size_t others = std::max<std::size_t>(drawn(lane) / 2, 2) - 1;
            const std::size_t other = between(0, others - 1, words[1]);
            at[1] = std::min(other < at[0] ? other : other + 1, steps - 1);
            return;
        }
        const bool tenths = is(Variant::pascanu2013);
        const Window windows[2] = {{0.0, tenths ? 0.1 : 0.5}, {tenths ? 0.1 : 0.5, tenths ? 0.4 : 0.5}};
        for (std::size_t k = 0; k < 2; ++k) at[k] = windows[k].step(steps, false, words[k]);
    }

    bool product_;
    Variant variant_;
    const double* extra_;
    Buffer<double> extra_of_lane_;
};

}  // namespace rnnlatch
