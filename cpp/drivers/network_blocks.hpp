// Many networks over threads: a thread takes a group of lanes after the other.
//
// A lane's numbers depend on nothing but its own run, so the number of threads does not change a bit. Two groups side by side,
// to hide the latency of a step, were slower than one after the other: the two packs of a row do it already, and one group
// stays nearer in the caches.
#pragma once

#include <algorithm>
#include <cstddef>

#include "drivers/network_lanes.hpp"
#include "drivers/staged_networks.hpp"
#include "engine/work.hpp"

namespace rnnlatch {

template <class V>
std::size_t groups_of_lanes(std::size_t runs) {
    return (runs + Row<V>::lanes - 1) / Row<V>::lanes;
}

// f(first run, runs) for every group that this thread gets.
template <class V, class F>
void for_each_group(std::size_t runs, Work& work, F f) {
    while (const auto taken = work.take()) {
        const std::size_t first = *taken * Row<V>::lanes;
        f(first, std::min(Row<V>::lanes, runs - first));
        work.finish_one();
    }
}

// Every sequence of a group there and back.
template <class Group, class S>
void walk_there_and_back(const NetworkShape& shape, Group& group, const Work& work, const View<S>* initial_gradient) {
    for (std::size_t b = 0; b < shape.batch && !work.cancelled(); ++b) {
        group.begin_sequence(b);
        group.walk_forward();
        group.judge();
        group.walk_backward();
        group.end_sequence(initial_gradient);
    }
}

// Groups that a thread takes at a time where their numbers are staged.
template <class V>
std::size_t groups_of_a_bundle(std::size_t runs, int threads) {
    constexpr std::size_t most = 8;
    return std::clamp<std::size_t>(groups_of_lanes<V>(runs) / (4 * static_cast<std::size_t>(threads)), 1, most);
}

template <class V>
std::size_t bundles_of_groups(std::size_t runs, std::size_t groups) {
    return (groups_of_lanes<V>(runs) + groups - 1) / groups;
}

// One thread's share of the losses and gradients, a bundle of groups after the other.
template <class V, class S = ScalarOf<V>>
void network_gradients(const NetworkProblem<S>& whole, const CellInLanes<V>& cell, std::size_t groups, Work& work,
                       const NetworkResults<S>& all) {
    const std::size_t runs = whole.shape.runs, width = groups * Row<V>::lanes;
    StagedNetworks<S> staged(whole, all, width);
    NetworkLanes<V> group(staged.problem, cell, Remember::everything);
    while (const auto taken = work.take()) {
        const std::size_t first = *taken * width, count = std::min(width, runs - first);
        staged.begin(first, count);
        for (std::size_t at = first; at < first + count; at += Row<V>::lanes) {
            group.begin(at, std::min(Row<V>::lanes, first + count - at));
            walk_there_and_back(whole.shape, group, work, staged.results.initial_gradient);
            group.finish(staged.results.loss, staged.results.gradient);
        }
        staged.finish(first, count);
        work.finish_one();
    }
}

// One thread's share of the gradients and their derivatives in the directions.
template <class V, class S = ScalarOf<V>>
void network_gradient_derivatives(const NetworkProblem<S>& problem, const CellInLanes<V>& cell, Work& work,
                                  const NetworkResults<S>& results, const NetworkViews<const S>& directions,
                                  const NetworkViews<S>& product) {
    NetworkLanes<V> group(problem, cell, Remember::everything);
    for_each_group<V>(problem.shape.runs, work, [&](std::size_t first, std::size_t count) {
        group.begin(first, count, directions);
        walk_there_and_back(problem.shape, group, work, results.initial_gradient);
        group.finish(results.loss, results.gradient, product);
    });
}

// One thread's share of the states and outputs.
template <class V, class S = ScalarOf<V>>
void network_states(const NetworkProblem<S>& problem, const CellInLanes<V>& cell, Work& work,
                    const NetworkResults<S>& results) {
    NetworkForward<V> group(problem, cell, Remember::all_states);
    for_each_group<V>(problem.shape.runs, work, [&](std::size_t first, std::size_t count) {
        group.begin(first, count);
        for (std::size_t b = 0; b < problem.shape.batch && !work.cancelled(); ++b) {
            group.begin_sequence(b);
            group.walk_forward();
            group.bring_out_states(results.states, results.output);
        }
    });
}

}  // namespace rnnlatch
