// A text as a task: to name, at every step, the symbol that comes some steps later.
//
// The text is cut into equal streams, one after the other, and each of them into rows of predictions, of which the last one may
// be shorter. Sequence row * streams + stream goes on where the one `streams` before it ended, so that a minibatch of all
// streams shows one row of the text.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "drivers/lane_losses.hpp"
#include "lanes/buffer.hpp"
#include "tasks/answers.hpp"
#include "tasks/symbol_rows.hpp"

namespace rnnlatch {

struct SymbolStreams {
    std::size_t count, predictions;  // streams; predictions of each
    std::size_t ahead;               // steps from a symbol to the one that is to be named
    double weight;                   // of a term of the loss

    // Rows of at most `length` predictions.
    std::size_t rows(std::size_t length) const { return (predictions + length - 1) / length; }
};

template <class Symbol>
class SymbolStream : public SequenceTask {
   public:
    // `text` has count * predictions + ahead symbols or more; it is used where it is.
    SymbolStream(const Settings& settings, const SymbolStreams& streams, const Answers& answers, const Symbol* text)
        : SequenceTask(settings),
          streams_(streams),
          answers_(answers),
          text_(text),
          symbols_(settings.length_high * task_lanes) {}

    bool closed() const override { return true; }
    bool symbolic() const override { return true; }
    std::size_t continued_after() const override { return streams_.count; }
    void set_lane(std::size_t, std::size_t) override {}

    void draw(const std::uint32_t* index, Part part, const ShownRows& rows) override {
        draw_symbols(index, part, symbols_.data(), rows);
        put_inputs(symbols_.data(), length(), features(), rows.inputs);
    }

    void draw_symbols(const std::uint32_t* index, Part, std::uint32_t* symbols, const ShownRows& rows) override {
        for (std::size_t lane = 0; lane < task_lanes; ++lane) {
            const std::size_t row = index[lane] / streams_.count, stream = index[lane] % streams_.count;
            const std::size_t steps = std::min(length(), streams_.predictions - row * length());
            const std::size_t before = length() - steps;
            rows.start[lane] = static_cast<double>(before);
            const Symbol* at = text_ + stream * streams_.predictions + row * length();
            for (std::size_t t = 0, place = lane; t < length(); ++t, place += task_lanes) {
                const bool begun = t >= before;
                symbols[place] = begun ? symbol(at[t - before]) : 0;
                rows.target[place] = begun ? symbol(at[t - before + streams_.ahead]) : 0;
                rows.weight[place] = begun ? streams_.weight : 0;
            }
        }
    }

    void judge(const double* output, const double* target, double* wrong) const override {
        constexpr auto unused = 0.0;
        find_wrong(answers_, output, target, constant_like<V>(unused), constant_like<V>(unused), wrong);
    }

    void judge_one_run(std::size_t, const double* output, const double* target, double* wrong) const override {
        judge(output, target, wrong);
    }

   private:
    using V = Twice<f64>;

    // The texts that we make have no other symbols; a file that was damaged meanwhile must not lead out of the weights.
    std::uint32_t symbol(Symbol given) const {
        return std::min(static_cast<std::uint32_t>(given), static_cast<std::uint32_t>(features() - 1));
    }

    SymbolStreams streams_;
    Answers answers_;
    const Symbol* text_;
    Buffer<std::uint32_t> symbols_;
};

}  // namespace rnnlatch
