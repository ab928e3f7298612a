// Tasks whose sequences are drawn: their lengths, their random words, which answers are right.
//
// Purpose::form has the lengths in words 0 and 1 and a sequence's own form from word 4 on (form_words). A length may serve
// many consecutive sequences: then its words are those of the number of its group. What stands in the steps has words
// counted from the last step backwards, so that a sequence is the same however many rows there are before it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "lanes/buffer.hpp"
#include "lanes/normal.hpp"
#include "lanes/streams.hpp"
#include "tasks/answers.hpp"
#include "tasks/sequence_task.hpp"

namespace rnnlatch {

// floor(count word / 2^32): a number from 0 to count - 1 in every lane.
RNNLATCH_INLINE u32 below(u32 word, std::uint32_t count) {
    const u64 factor = broadcast<u64>(std::uint64_t{count});
    const u64 even = multiply_low_halves(bits<u64>(word), factor) >> 32;
    const u64 odd = multiply_low_halves(bits<u64>(word) >> 32, factor) >> 32;
    return bits<u32>(merge_halves(even, odd));
}

// An integer from `low` to `high` by a random word.
inline std::size_t between(std::size_t low, std::size_t high, std::uint32_t word) {
    return low + static_cast<std::size_t>(static_cast<std::uint64_t>(word) * (high - low + 1) >> 32);
}

// What all drawn tasks are told: which lengths are drawn, how many sequences share one, what is compared with a target, and
// of the runs one value each.
struct DrawnTaskArguments {
    std::size_t drawn_low, drawn_high;
    std::uint32_t length_shared_by;
    Answers answers;
    Key key;
    const std::uint64_t* stream;
    const double *target_low, *target_high, *tolerance;
};

class DrawnTask : public SequenceTask {
   public:
    DrawnTask(const Settings& settings, const DrawnTaskArguments& arguments)
        : SequenceTask(settings),
          low_(task_lanes),
          high_(task_lanes),
          arguments_(arguments),
          streams_(arguments.key, arguments.stream),
          tolerance_(task_lanes),
          form_(4 * task_lanes),
          drawn_(task_lanes),
          begin_(task_lanes) {}

    void set_lane(std::size_t lane, std::size_t run) override {
        streams_.set_lane(lane, run);
        low_[lane] = arguments_.target_low[run];
        high_[lane] = arguments_.target_high[run];
        tolerance_[lane] = arguments_.tolerance[run];
    }

    void judge(const double* output, const double* target, double* wrong) const override {
        const auto middle = constant_like<V>(0.5) * (M::load(low_.data()) + M::load(high_.data()));
        find_wrong(arguments_.answers, output, target, M::load(tolerance_.data()), middle, wrong);
    }

    void judge_one_run(std::size_t lane, const double* output, const double* target, double* wrong) const override {
        const double middle = 0.5 * (low_[lane] + high_[lane]);
        find_wrong(arguments_.answers, output, target, constant_like<V>(tolerance_[lane]), constant_like<V>(middle),
                   wrong);
    }

   protected:
    using V = Twice<f64>;
    using M = Memory<V>;

    // The steps of a sequence whose drawn length is this; `word` is random.
    virtual std::size_t steps(std::size_t, std::size_t drawn, std::uint32_t) const { return drawn; }

    // Draws lengths, and with them where the sequences begin.
    void draw_form(const std::uint32_t* index, Part part, double* start) {
        const std::uint32_t* group = index;
        std::uint32_t shared[task_lanes];
        if (arguments_.length_shared_by > 1) {
            for (std::size_t lane = 0; lane < task_lanes; ++lane) {
                shared[lane] = index[lane] / arguments_.length_shared_by;
            }
            group = shared;
        }
        for_each_word(group, form_of(part), 4,
                      [this](std::size_t k, u32 word) { store(form_.data() + k * task_lanes, word); });
        for (std::size_t lane = 0; lane < task_lanes; ++lane) {
            drawn_[lane] = between(arguments_.drawn_low, arguments_.drawn_high, form_word(0, lane));
            begin_[lane] = length() - std::min(length(), steps(lane, drawn_[lane], form_word(1, lane)));
            start[lane] = static_cast<double>(begin_[lane]);
        }
    }

    // Four words of a sequence's own form.
    void form_words(const std::uint32_t* index, Part part, u32 (&words)[4]) const {
        streams_.words(streams_.prepare(index), form_of(part), 1, words);
    }

    std::uint32_t form_word(std::size_t word, std::size_t lane) const { return form_[word * task_lanes + lane]; }
    // The row with which a lane's sequence begins; its length as it was drawn.
    std::size_t begin(std::size_t lane) const { return begin_[lane]; }
    std::size_t drawn(std::size_t lane) const { return drawn_[lane]; }
    std::size_t earliest() const { return *std::min_element(begin_.begin(), begin_.end()); }

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

    static Purpose form_of(Part part) { return part == Part::test ? Purpose::form_test : Purpose::form; }
    static Purpose noise_of(Part part) { return part == Part::test ? Purpose::test : Purpose::noise; }
    static Purpose symbol_of(Part part) { return part == Part::test ? Purpose::symbol_test : Purpose::symbol; }

    const LaneStreams& streams() const { return streams_; }

    Buffer<double> low_, high_;  // the targets of two classes

   private:
    DrawnTaskArguments arguments_;
    LaneStreams streams_;
    Buffer<double> tolerance_;
    Buffer<std::uint32_t> form_;
    Buffer<std::size_t> drawn_, begin_;
};

}  // namespace rnnlatch
