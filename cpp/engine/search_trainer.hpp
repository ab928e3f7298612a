// Trains a group of networks by a search (algorithms/search.hpp), one run a lane; a lane whose run stops takes the next at once.
//
// Every lane evaluates a proposal of its own, and is at a place of its own in its training set: a lane that gives a proposal
// up goes on with the next while its neighbours go on with theirs. An evaluation counts as a presentation of every sequence
// of the set, whatever was saved: by giving up, or by knowing what the network makes of the sequences before its readout.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "algorithms/search.hpp"
#include "drivers/trained_network.hpp"
#include "engine/lane_runs.hpp"
#include "engine/last_states.hpp"
#include "engine/stored_sequences.hpp"
#include "engine/training_problem.hpp"

namespace rnnlatch {

template <class Search>
class SearchTrainer {
   public:
    using RatesOf = std::function<typename Search::Rates(std::size_t run)>;

    SearchTrainer(const TrainingProblem& problem, const TrainingResults& results, Work& work,
                  const typename Search::Settings& settings, RatesOf rates_of, bool save_work)
        : problem_(problem),
          results_(results),
          task_(problem.make_task()),
          drawing_task_(problem.make_task()),
          network_(problem.network, problem.trainable, *task_, problem.cell, Remember::all_states),
          sequences_(*drawing_task_, problem.network.shape.judgements(), problem.network.shape.targets()),
          runs_(problem, results, work),
          rates_of_(std::move(rates_of)),
          save_work_(save_work),
          last_states_(problem.network.shape, problem.trainable, sequences_.sequences()),
          is_bias_(problem.trainable.size()),
          searches_(task_lanes, Search(settings)) {
        const ParameterRows at(problem.network.shape);
        for (std::size_t i = 0; i < is_bias_.size(); ++i) {
            is_bias_[i] = problem.trainable[i] >= at.bias_ih && problem.trainable[i] < at.weight_out;
        }
    }

    // Trains runs until there are none left or the work is cancelled.
    void train() {
        for (std::size_t lane = 0; lane < task_lanes; ++lane) take_run(lane);
        end_of_changes();
        while (runs_.going_on()) {
            network_.show_by([this](const ShownRows& rows) { sequences_.show(shown_, rows); });
            network_.walk_there();
            for (std::size_t lane = 0; lane < task_lanes; ++lane) {
                if (runs_.busy(lane)) add(lane);
            }
            end_of_changes();
        }
    }

   private:
    struct Sums {
        double cost = 0, wrong = 0;
        std::size_t right_before = 0, shown = 0;

        void add(double more, double more_wrong) {
            cost += std::isfinite(more) ? more : std::numeric_limits<double>::infinity();
            wrong += more_wrong;
            right_before += wrong == 0.0 ? 1 : 0;
            ++shown;
        }
    };

    Evaluation means(std::size_t lane, const Sums& sums) const {
        const auto count = static_cast<double>(sequences_.sequences());
        Evaluation found{sums.cost / count, sums.wrong / count, sums.right_before, sums.shown == sequences_.sequences(),
                         false};
        found.meets = found.complete && runs_.meets(runs_.run(lane), found.loss, found.error);
        return found;
    }

    // What the sequence that was just shown adds to the evaluation in this lane.
    void add(std::size_t lane) {
        if (remembers()) last_states_.keep(lane, shown_[lane], network_.last_states());
        sums_[lane].add(network_.cost()[lane], network_.wrong()[lane]);
        ++shown_[lane];
        const Evaluation found = means(lane, sums_[lane]);
        const bool out = save_work_ && !last_look_[lane] && searches_[lane].hopeless(found);
        if (!found.complete && !out) return;
        end_evaluation(lane, found, shown_[lane]);
        while (runs_.going_on() && runs_.busy(lane) && readout_only(lane))
            end_evaluation(lane, evaluate_readout(lane), 0);
    }

    void end_evaluation(std::size_t lane, const Evaluation& found, std::size_t walked) {
        sums_[lane] = {};
        shown_[lane] = 0;
        if (last_look_[lane]) return end_run(lane, Outcome::exhausted, found);
        const bool first = runs_.seen(lane) == 0;
        runs_.evaluate(lane, static_cast<std::int64_t>(sequences_.sequences()), static_cast<std::int64_t>(walked));
        if (Search::has_start && first && !std::isfinite(found.loss)) return end_run(lane, Outcome::diverged, found);
        const bool keeps = remembers() && walked == sequences_.sequences();
        if (keeps) last_states_.keep_point(lane, network_.parameters());
        const Decision decision = searches_[lane].decide(found, putting(lane));
        if (keeps && decision.accepted) last_states_.accept(lane);
        const bool exhausted = !decision.outcome && runs_.seen(lane) >= problem_.max_presentations;
        if (!decision.outcome && !exhausted) return;
        const BestPoint& best = searches_[lane].best();
        for (std::size_t i = 0; i < best.at.size(); ++i) put(lane, i, best.at[i]);
        if (best.found.complete) return end_run(lane, decision.outcome.value_or(Outcome::exhausted), best.found);
        last_look_[lane] = true;  // what was given up is looked at to its end, for the report
    }

    // ---- proposals that change the readout alone --------------------------------------------------------------------

    bool remembers() const { return Search::one_at_a_time && save_work_ && last_states_.used(); }

    bool readout_only(std::size_t lane) const {
        return remembers() && last_states_.in_readout(last_put_[lane]) &&
               last_states_.knows(lane, network_.parameters());
    }

    Evaluation evaluate_readout(std::size_t lane) {
        Sums sums;
        last_states_.judge(lane, network_.parameters(), sequences_, *task_,
                           [&](double cost, double wrong) { sums.add(cost, wrong); });
        return means(lane, sums);
    }

    void end_run(std::size_t lane, Outcome outcome, const Evaluation& found) {
        runs_.set_result(lane, found.loss, found.error);
        network_.bring_out_lane(lane, runs_.run(lane), results_.parameters);
        runs_.write(lane, outcome);
        take_run(lane);
    }

    void take_run(std::size_t lane) {
        last_look_[lane] = false;
        last_states_.forget(lane);
        const auto run = runs_.take(lane);
        if (!run) return network_.clear_lane(lane);
        task_->set_lane(lane, *run);
        sequences_.set_lane(lane, *run);
        network_.set_lane(lane, *run, problem_.network.parameters);
        SearchBegin begin{ProposalDraws(problem_.key, problem_.stream[*run], Search::draws(network_.trainable())),
                          std::vector<double>(network_.trainable()), problem_.measure, problem_.threshold[*run]};
        for (std::size_t i = 0; i < begin.start.size(); ++i) begin.start[i] = network_.theta(i)[lane];
        searches_[lane].begin(std::move(begin), rates_of_(*run), putting(lane));
    }

    auto putting(std::size_t lane) {
        return [this, lane](std::size_t i, double value) { put(lane, i, value); };
    }

    void put(std::size_t lane, std::size_t i, double value) {
        network_.theta(i)[lane] = value;
        last_put_[lane] = i;
        biases_changed_ |= is_bias_[i] != 0;
    }

    void end_of_changes() {
        if (biases_changed_) network_.changed();
        biases_changed_ = false;
    }

    const TrainingProblem& problem_;
    TrainingResults results_;
    std::unique_ptr<SequenceTask> task_, drawing_task_;
    TrainedNetwork<NetworkLanes<Twice<f64>>> network_;
    StoredSequences sequences_;
    LaneRuns runs_;
    RatesOf rates_of_;
    bool save_work_;
    LastStates last_states_;
    std::vector<std::uint8_t> is_bias_;  // by coordinate
    std::vector<Search> searches_;
    Sums sums_[task_lanes];
    std::size_t shown_[task_lanes] = {};     // sequences of the set, in the evaluation of each lane
    std::size_t last_put_[task_lanes] = {};  // the coordinate that was changed last
    bool last_look_[task_lanes] = {};
    bool biases_changed_ = false;
};

}  // namespace rnnlatch
