// A group of networks that are trained in their lanes: parameters stay in rows, and a task fills the rows of a sequence.
//
// Base is NetworkLanes, or what adds to it. For each presentation: show, walk (there and back, which adds to the gradient);
// then an algorithm may change the rows of the trainable numbers, and says so: changed.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "drivers/network_lanes.hpp"
#include "tasks/sequence_task.hpp"

namespace rnnlatch {

template <class Base>
class TrainedNetwork : public Base {
    using Base::at_, Base::gradient_, Base::loss_, Base::parameters_, Base::row, Base::shape_, Base::states_;
    using typename Base::M;

   public:
    using typename Base::S;

    // `trainable`: which rows of the parameters are trained (ParameterRows). More arguments go to Base.
    template <class... More>
    TrainedNetwork(const NetworkProblem<S>& problem, const std::vector<std::size_t>& trainable, SequenceTask& task,
                   const CellInLanes<typename Base::Lanes>& cell, More&&... more)
        : Base(problem, cell, std::forward<More>(more)...),
          trainable_(trainable),
          task_(task),
          wrong_(Row<typename Base::Lanes>::lanes),
          worse_(Row<typename Base::Lanes>::lanes) {
        this->inputs_.resize(shape_.length * shape_.inputs * row);
    }

    // Puts a network of the caller's into a lane; and brings one out.
    void set_lane(std::size_t lane, std::size_t run, const NetworkViews<const S>& from) {
        for_each_number(from, run,
                        [&](const S& number, std::size_t place) { parameters_[place * row + lane] = number; });
        changed();
    }
    void bring_out_lane(std::size_t lane, std::size_t run, const NetworkViews<S>& to) const {
        for_each_number(to, run, [&](S& number, std::size_t place) { number = parameters_[place * row + lane]; });
    }
    // An idle lane goes on computing; of zeros nothing can come.
    void clear_lane(std::size_t lane) {
        for (std::size_t place = 0; place < at_.count; ++place) parameters_[place * row + lane] = S{};
        changed();
    }

    void show(const std::uint32_t* index, Part part = Part::training) {
        show_by([&](const ShownRows& rows) { task_.draw(index, part, rows); });
    }

    // Shows what fill(rows) puts there.
    template <class Fill>
    void show_by(Fill fill) {
        fill(shown());
        const S* start = this->start_.data();
        this->latest_start_ =
            static_cast<std::size_t>(*std::max_element(start, start + Row<typename Base::Lanes>::lanes));
        this->take_initial_states();
        std::fill(loss_.begin(), loss_.end(), S{});
    }

    // The rows of the sequences that were shown last.
    ShownRows shown() {
        return {this->inputs_.data(), this->start_.data(), this->target_.data(), this->weight_.data()};
    }
    const S* parameters() const { return parameters_.data(); }

    // Only there: cost and error.
    void walk_there() {
        this->walk_forward();
        this->judge();
        find_wrong();
    }

    void walk_there_and_back() {
        walk_there();
        this->walk_backward();
        this->end_sequence(nullptr);
        this->copy_shared_biases();
    }

    // After a change of parameters.
    void changed() { this->parameters_changed(); }

    // Of the presentation, by lane.
    const S* cost() const { return loss_.data(); }
    const S* wrong() const { return wrong_.data(); }

    const S* parameters() const { return parameters_.data(); }
    // The unit outputs after the last step.
    const S* last_states() { return this->state(shape_.length); }

    // The rows of trainable number i.
    std::size_t trainable() const { return trainable_.size(); }
    S* theta(std::size_t i) { return parameters_.data() + trainable_[i] * row; }
    S* gradient(std::size_t i) { return gradient_.data() + trainable_[i] * row; }

    void clear_gradient() { std::fill(gradient_.begin(), gradient_.end(), S{}); }

    void clear_gradient(const S* mask) {
        const auto cleared = M::load(mask) > constant_like<typename Base::Lanes>(0.0);
        for (std::size_t at = 0; at < gradient_.size(); at += row) {
            const auto g = M::load(gradient_.data() + at);
            M::store(gradient_.data() + at, select(cleared, constant_like<typename Base::Lanes>(0.0), g));
        }
    }

    void clear_gradient_of(std::size_t lane) {
        for (std::size_t at = lane; at < gradient_.size(); at += row) gradient_[at] = S{};
    }

    bool finite(std::size_t lane) const {
        S sum{};
        for (const std::size_t place : trainable_) sum += parameters_[place * row + lane] * S{};
        return sum == S{};
    }

   protected:
    SequenceTask& task() { return task_; }

   private:
    // A sequence is wrong where any of its judged steps is, apart from those without weight.
    void find_wrong() {
        std::fill(wrong_.begin(), wrong_.end(), S{});
        const std::size_t targets = shape_.targets();
        for (std::size_t j = 0; j < shape_.judgements(); ++j) {
            task_.judge(this->compared(this->state(this->judged_step(j))), this->target_.data() + j * targets * row,
                        worse_.data());
            const S* weight = this->weight_.data() + j * row;
            for (std::size_t lane = 0; lane < worse_.size(); ++lane) {
                if (weight[lane] > 0 && worse_[lane] > 0) wrong_[lane] = 1;
            }
        }
    }

    // f(number of a run, place among the rows)
    template <class Views, class F>
    void for_each_number(const Views& views, std::size_t run, F f) const {
        for_each_parameter(shape_, views,
                           [&](const auto& view, std::size_t before, std::size_t rows, std::size_t columns) {
                               auto* from = view.data + static_cast<std::ptrdiff_t>(run) * view.run;
                               for (std::size_t r = 0; r < rows; ++r) {
                                   for (std::size_t c = 0; c < columns; ++c) {
                                       f(from[static_cast<std::ptrdiff_t>(r) * view.stride[0] +
                                              static_cast<std::ptrdiff_t>(c) * view.stride[1]],
                                         before + r * columns + c);
                                   }
                               }
                           });
    }

    std::vector<std::size_t> trainable_;
    SequenceTask& task_;
    Buffer<S> wrong_, worse_;
};

}  // namespace rnnlatch
