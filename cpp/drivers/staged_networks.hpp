// Several groups of networks at a time between arrays that have the run fastest and a thread's own rows.
//
// Where the run is the fastest index, a group alone would take one cache line of every number, each from another page, and
// with a power of two of networks all of those lines belong in the same few places of the caches. A bundle of groups takes
// longer pieces, to where each group finds everything side by side: 1.1 times as fast for 4,096 networks of 5 units.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>
#include <vector>

#include "drivers/network_problem.hpp"
#include "lanes/buffer.hpp"

namespace rnnlatch {

// A problem and its results as one thread sees them: for the runs of a bundle, in which runs keep their numbers, some views
// lead to rows of the thread's. Arrays that are shared, long, or have another index fastest stay where they are.
template <class S>
class StagedNetworks {
   public:
    NetworkProblem<S> problem;
    NetworkResults<S> results;

    StagedNetworks(const NetworkProblem<S>& whole, const NetworkResults<S>& all, std::size_t width)
        : problem(whole), results(all), width_(width) {
        const NetworkShape& shape = whole.shape;
        for_each_parameter(shape, problem.parameters,
                           [&](auto& view, std::size_t, std::size_t rows, std::size_t columns) {
                               stage(view, {rows, columns, 1}, taken_);
                           });
        stage(problem.inputs, {shape.batch, shape.length, shape.inputs}, taken_);
        if (shape.every) {
            stage(problem.targets, {shape.batch, shape.length, shape.targets()}, taken_);
        } else {
            stage(problem.targets, {shape.batch, shape.targets(), 1}, taken_);
        }
        for_each_parameter(shape, results.gradient,
                           [&](auto& view, std::size_t, std::size_t rows, std::size_t columns) {
                               stage(view, {rows, columns, 1}, given_);
                           });
        rows_.resize(lines_ * width_);
        S* next = rows_.data();
        for (auto& each : taken_) next = each.settle(next, width_);
        for (auto& each : given_) next = each.settle(next, width_);
    }

    void begin(std::size_t first, std::size_t count) {
        for (auto& each : taken_) {
            each.lead_to_rows(first);
            each.for_each_line([&](const S* line, S* row) { std::copy_n(line + first, count, row); }, width_);
        }
        for (auto& each : given_) each.lead_to_rows(first);
    }

    void finish(std::size_t first, std::size_t count) {
        for (const auto& each : given_) {
            each.for_each_line([&](S* line, const S* row) { std::copy_n(row, count, line + first); }, width_);
        }
    }

   private:
    using Sizes = std::array<std::size_t, 3>;

    template <class T>
    struct Staged {
        View<T>* view;
        View<T> whole;
        Sizes size;
        S* rows = nullptr;

        std::size_t lines() const { return size[0] * size[1] * size[2]; }

        S* settle(S* to, std::size_t width) {
            rows = to;
            const auto step = static_cast<std::ptrdiff_t>(width);
            view->stride[2] = step;
            view->stride[1] = step * static_cast<std::ptrdiff_t>(size[2]);
            view->stride[0] = view->stride[1] * static_cast<std::ptrdiff_t>(size[1]);
            return to + lines() * width;
        }

        // Run `first` is where the rows begin.
        void lead_to_rows(std::size_t first) { view->data = rows - first; }

        // f(run 0 of the line in the caller's array, first run of the bundle in the rows)
        template <class F>
        void for_each_line(F f, std::size_t width) const {
            S* row = rows;
            for (std::size_t i = 0; i < size[0]; ++i) {
                for (std::size_t j = 0; j < size[1]; ++j) {
                    const View<T> line = whole.at(i).at(j);
                    for (std::size_t k = 0; k < size[2]; ++k, row += width) {
                        f(line.data + static_cast<std::ptrdiff_t>(k) * line.stride[0], row);
                    }
                }
            }
        }
    };

    template <class T>
    void stage(View<T>& view, Sizes size, std::vector<Staged<T>>& all) {
        constexpr std::size_t most = 1 << 17;  // bytes, of a second-level cache
        const Staged<T> staged{&view, view, size};
        if (!view || view.run != 1 || (lines_ + staged.lines()) * width_ * sizeof(S) > most) return;
        lines_ += staged.lines();
        all.push_back(staged);
    }

    std::size_t width_, lines_ = 0;
    std::vector<Staged<const S>> taken_;
    std::vector<Staged<S>> given_;
    Buffer<S> rows_;
};

}  // namespace rnnlatch
