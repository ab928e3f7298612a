// Simulated annealing of functions of real numbers: one coordinate moves at a time.
//
// A move draws coordinate h uniformly from within v_h of where it is, or from the whole box if that led outside. A cost that is
// higher by d is accepted with probability exp(-d / T), a lower one always. After every N_S moves of each coordinate its v_h is
// changed so that about half of them are accepted. After N_T times that, T <- cooling T, and the search goes on from the best
// point. It is stuck when at the ends of the last temperatures the cost was the same within a tolerance, and as near the best.
//
// Source: Corana, Marchesi, Martini, Ridella (1987), "Minimizing multimodal functions of continuous variables with the
// simulated annealing algorithm"; Bengio, Simard, Frasconi (1994), sec. V-A.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

#include "algorithms/search.hpp"

namespace rnnlatch {

class SimulatedAnnealing {
   public:
    struct Settings {
        std::size_t steps_per_cycle, cycles_per_temperature, patience;
    };
    struct Rates {
        double temperature, step, box, cooling, adapt, stuck_tolerance;
    };
    static constexpr bool has_start = true, one_at_a_time = true;
    static constexpr std::size_t draws(std::size_t) { return 3; }

    explicit SimulatedAnnealing(const Settings& settings) : settings_(settings) {}

    template <class Put>
    void begin(SearchBegin begin, const Rates& rates, Put) {
        draws_ = std::move(begin.draws);
        rates_ = rates;
        x_ = std::move(begin.start);
        v_.assign(x_.size(), rates.step);
        accepted_.assign(x_.size(), 0);
        ends_.clear();
        evaluation_ = h_ = step_ = cycle_ = 0;
        limit_ = std::numeric_limits<double>::infinity();
    }

    bool hopeless(const Evaluation& so_far) const { return so_far.loss > limit_; }

    template <class Put>
    Decision decide(const Evaluation& found, Put put) {
        const bool accepted = found.complete && found.loss <= limit_;
        if (evaluation_ == 0) {
            loss_ = found.loss;
            best_ = {x_, found};
            if (found.meets) return {true, Outcome::converged};
        } else {
            if (accepted) {
                x_[h_] = proposed_;
                loss_ = found.loss;
                ++accepted_[h_];
                if (found.meets || loss_ < best_.found.loss) best_ = {x_, found};
                if (found.meets) return {true, Outcome::converged};
            } else {
                put(h_, x_[h_]);
            }
            if (++h_ == x_.size() && end_step(put)) return {accepted, Outcome::stuck};
        }
        propose(put);
        return {accepted, {}};
    }

    const BestPoint& best() const { return best_; }

   private:
    // Every coordinate has moved once more. Whether the search is stuck.
    template <class Put>
    bool end_step(Put put) {
        h_ = 0;
        if (++step_ < settings_.steps_per_cycle) return false;
        step_ = 0;
        adapt_steps();
        if (++cycle_ < settings_.cycles_per_temperature) return false;
        cycle_ = 0;
        if (is_stuck()) return true;
        rates_.temperature *= rates_.cooling;
        for (std::size_t i = 0; i < x_.size(); ++i) {
            if (x_[i] != best_.at[i]) put(i, best_.at[i]);
        }
        x_ = best_.at;
        loss_ = best_.found.loss;
        return false;
    }

    void adapt_steps() {
        for (std::size_t i = 0; i < x_.size(); ++i) {
            const double ratio = static_cast<double>(accepted_[i]) / static_cast<double>(settings_.steps_per_cycle);
            if (ratio > 0.6) v_[i] *= 1.0 + rates_.adapt * (ratio - 0.6) / 0.4;
            if (ratio < 0.4) v_[i] /= 1.0 + rates_.adapt * (0.4 - ratio) / 0.4;
            v_[i] = std::min(v_[i], 2.0 * rates_.box);
            accepted_[i] = 0;
        }
    }

    bool is_stuck() {
        const auto near = [this](double loss) { return std::abs(loss_ - loss) <= rates_.stuck_tolerance; };
        const bool stuck = ends_.size() == settings_.patience && std::all_of(ends_.begin(), ends_.end(), near) &&
                           loss_ - best_.found.loss <= rates_.stuck_tolerance;
        ends_.push_back(loss_);
        if (ends_.size() > settings_.patience) ends_.erase(ends_.begin());
        return stuck;
    }

    template <class Put>
    void propose(Put put) {
        const double* u = draws_.draw(++evaluation_);
        proposed_ = x_[h_] + (2.0 * u[0] - 1.0) * v_[h_];
        if (std::abs(proposed_) > rates_.box) proposed_ = -rates_.box + 2.0 * rates_.box * u[1];
        // Metropolis' rule, u <= exp(-(f' - f) / T), as a limit on f', which is known before f' is
        limit_ = u[2] > 0 ? loss_ - rates_.temperature * std::log(u[2]) : std::numeric_limits<double>::infinity();
        put(h_, proposed_);
    }

    Settings settings_;
    ProposalDraws draws_;
    Rates rates_{};
    std::vector<double> x_, v_;
    std::vector<std::size_t> accepted_;  // moves of each coordinate since its step was adapted
    std::vector<double> ends_;           // costs at the ends of the last temperatures
    std::size_t evaluation_ = 0, h_ = 0, step_ = 0, cycle_ = 0;
    double loss_ = 0, proposed_ = 0, limit_ = 0;
    BestPoint best_{};
};

}  // namespace rnnlatch
