// The runs of a group's lanes: which run is in a lane, how far it is, how well it does, and when it stops.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "engine/training_problem.hpp"
#include "engine/work.hpp"

namespace rnnlatch {

class LaneRuns {
   public:
    static constexpr std::size_t nobody = std::numeric_limits<std::size_t>::max();

    LaneRuns(const TrainingProblem& problem, const TrainingResults& results, Work& work)
        : problem_(problem), results_(results), work_(work), lanes_(task_lanes) {}

    // Puts the next run into a lane, if there is one left.
    std::optional<std::size_t> take(std::size_t lane) {
        const auto run = work_.take();
        lanes_[lane] = Lane{};
        lanes_[lane].run = run.value_or(nobody);
        active_ += run ? 1 : 0;
        return run;
    }

    bool going_on() const { return active_ > 0 && !work_.cancelled(); }
    bool busy(std::size_t lane) const { return lanes_[lane].run != nobody; }
    std::size_t run(std::size_t lane) const { return lanes_[lane].run; }
    // Presentations of the run so far.
    std::int64_t seen(std::size_t lane) const { return lanes_[lane].seen; }

    // A presentation of the run in this lane, one after the other.
    void present(std::size_t lane, double cost, double wrong) {
        Lane& at = lanes_[lane];
        ++at.seen, ++at.computed;
        at.cost += cost, at.wrong += wrong;
        at.streak = wrong > 0 ? 0 : at.streak + 1;
        at.streak_cost = wrong > 0 ? 0.0 : at.streak_cost + cost;
        at.window_ends = at.seen % problem_.window == 0;
        if (at.window_ends) close_window(at, static_cast<double>(problem_.window));
    }

    // Several presentations at once, of which some were saved, and what all of them amount to: means over the set.
    void evaluate(std::size_t lane, std::int64_t presentations, std::int64_t computed) {
        lanes_[lane].seen += presentations;
        lanes_[lane].computed += computed;
    }
    void set_result(std::size_t lane, double loss, double error) {
        lanes_[lane].loss = loss, lanes_[lane].error = error, lanes_[lane].closed = true;
    }

    // Whether a loss and an error, of all sequences of a set, meet the criterion.
    bool meets(std::size_t run, double loss, double error) const {
        switch (problem_.measure) {
            case Measure::cost:
                return loss < problem_.threshold[run];
            case Measure::error:
                return error <= problem_.threshold[run];
            case Measure::consecutive:
                return error == 0.0;
            default:
                return false;
        }
    }

    // After the presentation and what the algorithm made of it.
    std::optional<Outcome> verdict(std::size_t lane, bool finite) {
        Lane& at = lanes_[lane];
        if (!finite) return Outcome::diverged;
        if (problem_.measure == Measure::consecutive) {
            if (at.streak >= problem_.window) {
                set_result(lane, at.streak_cost / static_cast<double>(at.streak), 0.0);
                return Outcome::converged;
            }
        } else if (at.window_ends && meets(at.run, at.loss, at.error)) {
            return Outcome::converged;
        }
        if (at.seen >= problem_.max_presentations) return Outcome::exhausted;
        return std::nullopt;
    }

    void write(std::size_t lane, Outcome outcome) {
        Lane& at = lanes_[lane];
        if (!at.closed && at.seen > 0) close_window(at, static_cast<double>(at.seen));  // all there is
        results_.outcome[at.run] = static_cast<std::uint8_t>(outcome);
        results_.presentations[at.run] = at.seen;
        results_.presentations_computed[at.run] = at.computed;
        results_.loss[at.run] = at.loss;
        results_.error[at.run] = at.error;
        work_.finish_one();
        --active_;
        at.run = nobody;
    }

   private:
    struct Lane {
        std::size_t run = nobody;
        std::int64_t seen = 0, computed = 0, streak = 0;
        double cost = 0, wrong = 0, streak_cost = 0;  // sums over the window, and over what was right in a row
        double loss = 0, error = 0;                   // of the last window
        bool window_ends = false, closed = false;
    };

    static void close_window(Lane& at, double presentations) {
        at.loss = at.cost / presentations, at.error = at.wrong / presentations;
        at.cost = at.wrong = 0;
        at.closed = true;
    }

    const TrainingProblem& problem_;
    TrainingResults results_;
    Work& work_;
    std::vector<Lane> lanes_;
    std::size_t active_ = 0;
};

}  // namespace rnnlatch
