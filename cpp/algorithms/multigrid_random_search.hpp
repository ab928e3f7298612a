// Multi-grid random search: points are drawn uniformly from a box around the best one, which shrinks at each improvement.
//
// It is stuck when the last improvements, so many of them, lowered the cost by less than a tolerance in all.
// Source: Bengio, Simard, Frasconi (1994), sec. V-B.
#pragma once

#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

#include "algorithms/search.hpp"

namespace rnnlatch {

class MultigridRandomSearch {
   public:
    struct Settings {
        std::size_t patience;
    };
    struct Rates {
        double half_side, shrink, stuck_tolerance;
    };
    static constexpr bool has_start = true, one_at_a_time = false;
    static constexpr std::size_t draws(std::size_t coordinates) { return coordinates; }

    explicit MultigridRandomSearch(const Settings& settings) : settings_(settings) {}

    template <class Put>
    void begin(SearchBegin begin, const Rates& rates, Put) {
        draws_ = std::move(begin.draws);
        rates_ = rates;
        proposed_ = std::move(begin.start);
        evaluation_ = 0;
        losses_.clear();
        best_.found.loss = std::numeric_limits<double>::infinity();
    }

    bool hopeless(const Evaluation& so_far) const { return so_far.loss >= best_.found.loss; }

    template <class Put>
    Decision decide(const Evaluation& found, Put put) {
        const bool accepted = evaluation_ == 0 || (found.complete && found.loss < best_.found.loss);
        if (accepted) {
            if (evaluation_ > 0) rates_.half_side *= rates_.shrink;
            best_ = {proposed_, found};
            if (found.meets) return {true, Outcome::converged};
            if (is_stuck()) return {true, Outcome::stuck};
        }
        const double* u = draws_.draw(++evaluation_);
        for (std::size_t i = 0; i < proposed_.size(); ++i) {
            proposed_[i] = best_.at[i] + rates_.half_side * (2.0 * u[i] - 1.0);
            put(i, proposed_[i]);
        }
        return {accepted, {}};
    }

    const BestPoint& best() const { return best_; }

   private:
    bool is_stuck() {
        losses_.push_back(best_.found.loss);
        if (losses_.size() <= settings_.patience) return false;
        const double before = losses_.front();
        losses_.erase(losses_.begin());
        return before - best_.found.loss < rates_.stuck_tolerance;
    }

    Settings settings_;
    ProposalDraws draws_;
    Rates rates_{};
    std::vector<double> proposed_;
    std::vector<double> losses_;  // after the last improvements, as many as the patience, and before them
    std::size_t evaluation_ = 0;
    BestPoint best_{};
};

}  // namespace rnnlatch
