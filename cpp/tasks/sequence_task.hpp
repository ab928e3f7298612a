// Tasks for networks: what a presentation shows in every lane, drawn in the lanes.
//
// A task fills rows of lanes (drivers/lane_rows.hpp): inputs (time x features), the number of rows before each lane's
// sequence begins, targets, and the weights of the loss's terms. Sequences are aligned at their end. A sequence is known by
// its index: it is drawn from the counters again wherever it is shown, by whichever lane (lanes/philox.hpp; word 1 is the
// index). Sequences with an even index are of class 0, the others of class 1.
//
// What the sequences of all drawn tasks have in common is here; one header a task says what stands in their rows.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "drivers/lane_rows.hpp"
#include "lanes/buffer.hpp"
#include "lanes/normal.hpp"
#include "lanes/streams.hpp"

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

    // The inputs of all sequences, (sequence, time, feature), where they are the same for all runs; otherwise null.
    virtual const double* shared_inputs() const { return nullptr; }

    // Puts a run into a lane, before its first presentation.
    virtual void set_lane(std::size_t lane, std::size_t run) = 0;

    // Draws the sequences with these indices, one a lane.
    virtual void draw(const std::uint32_t* index, Part part, const ShownRows& rows) = 0;

    // Whether the inputs at each step are 0 but for a single 1, so that draw_symbols can give its number instead.
    virtual bool symbolic() const { return false; }
    // As draw, with symbols (time x lanes) in place of rows.inputs; any of them stand in the rows before a sequence begins.
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

// The columns of the runs: one value a run.
struct DrawnTaskColumns {
    const std::uint64_t* stream;
    const double *noise_std, *prefix_noise_std, *target_low, *target_high, *tolerance;
};

// A task whose sequences are drawn: lengths, noise, two classes with a target each.
class DrawnTask : public SequenceTask {
   public:
    DrawnTask(const Settings& settings, bool uniform_noise, Key key, const DrawnTaskColumns& columns)
        : SequenceTask(settings),
          columns_(columns),
          streams_(key, columns.stream),
          uniform_noise_(uniform_noise),
          noise_scale_(task_lanes),
          prefix_scale_(task_lanes),
          low_(task_lanes),
          high_(task_lanes),
          tolerance_(task_lanes),
          form_(4 * task_lanes),
          begin_(task_lanes) {}

    void set_lane(std::size_t lane, std::size_t run) override {
        streams_.set_lane(lane, run);
        // a uniform variable on (-1, 1) has standard deviation 1/sqrt(3)
        const double unit = uniform_noise_ ? 1.7320508075688772 : 1.0;
        noise_scale_[lane] = columns_.noise_std[run] * unit;
        prefix_scale_[lane] = columns_.prefix_noise_std[run] * unit;
        low_[lane] = columns_.target_low[run];
        high_[lane] = columns_.target_high[run];
        tolerance_[lane] = columns_.tolerance[run];
    }

    void draw(const std::uint32_t* index, Part part, const ShownRows& rows) override {
        draw_form(index, part);
        for (std::size_t lane = 0; lane < task_lanes; ++lane) {
            rows.start[lane] = static_cast<double>(begin_[lane]);
            rows.target[lane] = positive(index, lane) ? high_[lane] : low_[lane];
            rows.weight[lane] = 1.0;
        }
        fill(index, part, rows.inputs);
    }

    void judge(const double* output, const double* target, double* wrong) const override {
        for (std::size_t lane = 0; lane < task_lanes; ++lane) {
            wrong[lane] = is_right(lane, output[lane], target[lane]) ? 0.0 : 1.0;
        }
    }

    void judge_one_run(std::size_t lane, const double* output, const double* target, double* wrong) const override {
        for (std::size_t each = 0; each < task_lanes; ++each) {
            wrong[each] = is_right(lane, output[each], target[each]) ? 0.0 : 1.0;
        }
    }

   protected:
    // Everything that stands in the rows of the inputs. Rows before a sequence begins may hold any finite numbers.
    virtual void fill(const std::uint32_t* index, Part part, double* inputs) = 0;

    static bool positive(const std::uint32_t* index, std::size_t lane) { return index[lane] & 1u; }
    // The row with which a lane's sequence begins.
    std::size_t begin(std::size_t lane) const { return begin_[lane]; }
    std::uint32_t form_word(std::size_t word, std::size_t lane) const { return form_[word * task_lanes + lane]; }

    // An integer from `low` to `high` by a random word.
    static std::size_t between(std::size_t low, std::size_t high, std::uint32_t word) {
        return low + static_cast<std::size_t>(static_cast<std::uint64_t>(word) * (high - low + 1) >> 32);
    }

    bool has_noise() const {
        const auto some = [](const Buffer<double>& scale) {
            return std::any_of(scale.begin(), scale.end(), [](double each) { return each != 0.0; });
        };
        return some(noise_scale_) || some(prefix_scale_);
    }

    // The `count` numbers of unit noise at these indices, a row each, `stride` scalars apart.
    void draw_noise(const std::uint32_t* index, Part part, std::size_t count, double* to, std::size_t stride) const {
        const Purpose purpose = part == Part::test ? Purpose::test : Purpose::noise;
        const auto prepared = streams_.prepare(index);
        std::uint32_t block = 0;
        for (std::size_t k = 0; k < count; k += 4, ++block) {
            u32 words[4];
            streams_.words(prepared, purpose, block, words);
            if (uniform_noise_) {
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

    // f(k, word) for the first `count` random words of a purpose.
    template <class F>
    void for_each_word(const std::uint32_t* index, Purpose purpose, std::size_t count, F f) const {
        const auto prepared = streams_.prepare(index);
        std::uint32_t block = 0;
        for (std::size_t k = 0; k < count; k += 4, ++block) {
            u32 words[4];
            streams_.words(prepared, purpose, block, words);
            for (std::size_t j = 0; j < 4 && k + j < count; ++j) f(k + j, words[j]);
        }
    }

    // Number k of those that one lane draws uniformly from (-1, 1), in plain code.
    double uniform(std::size_t lane, Purpose purpose, std::uint32_t presentation, std::size_t k) const {
        const Words words = streams_.words_of(lane, purpose, static_cast<std::uint32_t>(k / 4), presentation);
        return (static_cast<double>(static_cast<std::int32_t>(words[k % 4])) + 0.5) * 0x1p-31;
    }

    // noise <- scale noise, from a row on.
    static void scale_rows(const Buffer<double>& scale, std::size_t rows, double* noise, std::size_t stride) {
        using M = Memory<Twice<f64>>;
        const auto factor = M::load(scale.data());
        for (std::size_t row = 0; row < rows; ++row, noise += stride) M::store(noise, M::load(noise) * factor);
    }

    DrawnTaskColumns columns_;
    LaneStreams streams_;
    bool uniform_noise_;
    Buffer<double> noise_scale_, prefix_scale_, low_, high_, tolerance_;

   private:
    bool is_right(std::size_t lane, double y, double d) const {
        const double middle = 0.5 * (low_[lane] + high_[lane]);
        return tolerance_[lane] > 0 ? std::abs(y - d) < tolerance_[lane] : (y - middle) * (d - middle) > 0;
    }

    void draw_form(const std::uint32_t* index, Part part) {
        const Purpose purpose = part == Part::test ? Purpose::form_test : Purpose::form;
        for_each_word(index, purpose, 4,
                      [this](std::size_t k, u32 word) { store(form_.data() + k * task_lanes, word); });
        for (std::size_t lane = 0; lane < task_lanes; ++lane) {
            const std::size_t steps = between(settings_.length_low, settings_.length_high, form_word(0, lane));
            begin_[lane] = settings_.length_high - steps;
        }
    }

    Buffer<std::uint32_t> form_;
    Buffer<std::size_t> begin_;
};

}  // namespace rnnlatch
