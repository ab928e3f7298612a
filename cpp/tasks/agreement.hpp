// Agreement: a subject, a clause, and which form the verb takes, that of the singular or of the plural?
//
// Symbols: 0 is the article, then come the nouns in the singular, the nouns in the plural, prepositions, and adverbs. A
// sentence is an article, the subject and the clause; the clause has phrases of a preposition, an article and a noun, and
// adverbs, in any order. Words 4 to 6 of Purpose::form are the subject, its number, and how many nouns intervene; word 8 + k
// tells of the step that is k steps before the last one whether a phrase begins there, or which number its noun has; word k
// of Purpose::symbol is which preposition, noun or adverb it shows.
//
// Source: the examples of courses for Goodfellow, Bengio and Courville (2016), section 10.7; Linzen, Dupoux and Goldberg
// (2016) for intervening nouns and attractors. The language is ours.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "lanes/buffer.hpp"
#include "tasks/symbolic_task.hpp"

namespace rnnlatch {

class Agreement : public SymbolicTask {
   public:
    static constexpr std::size_t before_clause = 2, phrase = 3;  // steps: of the subject; of a phrase
    struct Form {
        std::uint32_t nouns, prepositions, adverbs;
        std::size_t fewest, most;     // nouns that intervene; no more than fit
        const double* of_attractors;  // the probability that one has the other number, in each run
        std::uint32_t symbols() const { return 1 + 2 * nouns + prepositions + adverbs; }
    };

    Agreement(const Settings& settings, const DrawnTaskArguments& arguments, const Form& form)
        : SymbolicTask(settings, arguments),
          form_(form),
          kind_(settings.length_high * task_lanes),
          which_(settings.length_high * task_lanes) {}

    void set_lane(std::size_t lane, std::size_t run) override {
        SymbolicTask::set_lane(lane, run);
        attractor_below_[lane] = form_.of_attractors[run] * 0x1p32;
    }

    void draw_symbols(const std::uint32_t* index, Part part, std::uint32_t* symbols, const ShownRows& rows) override {
        draw_form(index, part, rows.start);
        std::fill_n(symbols, length() * task_lanes, 0u);
        const std::size_t steps = length() - earliest() - before_clause;
        const auto to = [](Buffer<std::uint32_t>& words) {
            return [&words](std::size_t k, u32 word) { store(words.data() + k * task_lanes, word); };
        };
        for_each_word(index, form_of(part), own_words + steps, [&](std::size_t k, u32 word) {
            if (k >= own_words) to(kind_)(k - own_words, word);
        });
        for_each_word(index, symbol_of(part), steps, to(which_));
        u32 words[4];
        form_words(index, part, words);
        for (std::size_t lane = 0; lane < task_lanes; ++lane) {
            const bool plural = words[1][lane] >> 31;
            symbols[(begin(lane) + 1) * task_lanes + lane] = noun(words[0][lane], plural);
            put_clause(lane, plural, words[2][lane], symbols);
            rows.target[lane] = plural;
            rows.weight[lane] = 1.0;
        }
    }

   protected:
    std::size_t steps(std::size_t, std::size_t drawn, std::uint32_t) const override { return drawn + before_clause; }

   private:
    static constexpr std::size_t own_words = 8;  // of Purpose::form before those of the steps

    void put_clause(std::size_t lane, bool plural, std::uint32_t word, std::uint32_t* symbols) const {
        const std::uint32_t first_preposition = 1 + 2 * form_.nouns;
        std::size_t phrases = between(form_.fewest, std::min(form_.most, drawn(lane) / phrase), word);
        for (std::size_t left = drawn(lane); left > 0;) {  // steps, this one included
            const auto at = [&](std::size_t later) { return (left - 1 - later) * task_lanes + lane; };
            std::uint32_t* shown = symbols + (length() - left) * task_lanes + lane;
            const std::size_t parts = left - (phrase - 1) * phrases;  // phrases and adverbs
            if (between(0, parts - 1, kind_[at(0)]) >= phrases) {
                *shown = any(first_preposition + form_.prepositions, form_.adverbs, which_[at(0)]);
                --left;
                continue;
            }
            const bool attracts = static_cast<double>(kind_[at(2)]) < attractor_below_[lane];
            *shown = any(first_preposition, form_.prepositions, which_[at(0)]);
            shown[2 * task_lanes] = noun(which_[at(2)], plural != attracts);
            left -= phrase;
            --phrases;
        }
    }

    std::uint32_t noun(std::uint32_t word, bool plural) const {
        return any(plural ? 1 + form_.nouns : 1, form_.nouns, word);
    }

    static std::uint32_t any(std::uint32_t first, std::uint32_t count, std::uint32_t word) {
        return static_cast<std::uint32_t>(between(first, first + count - 1, word));
    }

    Form form_;
    Buffer<std::uint32_t> kind_, which_;  // random words of steps, that of the last one first
    std::array<double, task_lanes> attractor_below_{};
};

}  // namespace rnnlatch
