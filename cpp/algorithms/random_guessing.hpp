// Random guessing: all numbers are drawn anew, uniformly, until a guess meets the criterion.
//
// Where all answers must be right, a guess is out at the first wrong one, and the run is judged by the guess that was right
// for longest; else by the one with the least error, or the least cost where the criterion is about the cost. Of equals the
// first one counts.
// Source: Schmidhuber, Hochreiter, Bengio (2001), "Evaluating benchmark problems by random guessing".
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "algorithms/search.hpp"

namespace rnnlatch {

class RandomGuessing {
   public:
    struct Settings {};
    struct Rates {
        double low, high;
    };
    static constexpr bool has_start = false, one_at_a_time = false;
    static constexpr std::size_t draws(std::size_t coordinates) { return coordinates; }

    explicit RandomGuessing(const Settings&) {}

    template <class Put>
    void begin(SearchBegin begin, const Rates& rates, Put put) {
        draws_ = std::move(begin.draws);
        rates_ = rates;
        measure_ = begin.measure;
        all_right_ = measure_ == Measure::consecutive || (measure_ == Measure::error && begin.threshold == 0.0);
        evaluation_ = 0;
        guess_ = std::move(begin.start);
        propose(put);
    }

    bool hopeless(const Evaluation& so_far) const { return all_right_ && so_far.error > 0; }

    template <class Put>
    Decision decide(const Evaluation& found, Put put) {
        const bool better = evaluation_ == 0 || found.meets || is_better(found);
        if (better) best_ = {guess_, found};
        if (found.meets) return {true, Outcome::converged};
        ++evaluation_;
        propose(put);
        return {better, {}};
    }

    const BestPoint& best() const { return best_; }

   private:
    bool is_better(const Evaluation& found) const {
        if (all_right_) return found.right_before > best_.found.right_before;
        return measure_ == Measure::cost ? found.loss < best_.found.loss : found.error < best_.found.error;
    }

    template <class Put>
    void propose(Put put) {
        const double* u = draws_.draw(evaluation_);
        for (std::size_t i = 0; i < guess_.size(); ++i) {
            guess_[i] = rates_.low + (rates_.high - rates_.low) * u[i];
            put(i, guess_[i]);
        }
    }

    ProposalDraws draws_;
    Rates rates_{};
    Measure measure_{};
    bool all_right_ = false;
    std::size_t evaluation_ = 0;
    std::vector<double> guess_;
    BestPoint best_{};
};

}  // namespace rnnlatch
