// Many networks over threads: a thread takes a block, a few groups of lanes, and walks them side by side.
//
// A lane's numbers depend on nothing but its own run, so neither the block's size nor the number of threads changes a bit.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "drivers/network_lanes.hpp"
#include "engine/work.hpp"

namespace rnnlatch {

// How the runs are shared out: groups of lanes, some of them a block.
struct NetworkBlocks {
    std::size_t lanes, groups_a_block, runs;

    // Two groups side by side hide the latency of a step, as long as every thread has a block.
    NetworkBlocks(std::size_t lanes_a_group, std::size_t all_runs, int threads)
        : lanes(lanes_a_group), groups_a_block(2), runs(all_runs) {
        const std::size_t groups = (runs + lanes - 1) / lanes;
        if (groups < 2 * static_cast<std::size_t>(threads)) groups_a_block = 1;
    }

    std::size_t count() const { return (runs + lanes * groups_a_block - 1) / (lanes * groups_a_block); }
};

// For every block that this thread gets: begin(group, first run, runs) for its groups, then f(groups in use).
template <class Group, class Begin, class F>
void for_each_block(const NetworkBlocks& blocks, Work& work, std::vector<Group>& groups, Begin begin, F f) {
    while (const auto block = work.take()) {
        std::size_t used = 0;
        for (; used < groups.size(); ++used) {
            const std::size_t first = (*block * blocks.groups_a_block + used) * blocks.lanes;
            if (first >= blocks.runs) break;
            begin(groups[used], first, std::min(blocks.lanes, blocks.runs - first));
        }
        f(used);
        work.finish_one();
    }
}

namespace detail {

template <class Group, class... Arguments>
std::vector<Group> groups_of(const NetworkBlocks& blocks, const Arguments&... arguments) {
    std::vector<Group> groups;
    for (std::size_t g = 0; g < blocks.groups_a_block; ++g) groups.emplace_back(arguments...);
    return groups;
}

// Every sequence there and back.
template <class Group>
void walk_there_and_back(const NetworkShape& shape, std::vector<Group>& groups, std::size_t used, const Work& work,
                         const View<ScalarOf<typename Group::Lanes>>* initial_gradient) {
    const auto each = [&](auto f) { std::for_each_n(groups.begin(), used, f); };
    for (std::size_t b = 0; b < shape.batch && !work.cancelled(); ++b) {
        each([b](auto& group) { group.begin_sequence(b); });
        for (std::size_t t = 1; t <= shape.length; ++t) each([t](auto& group) { group.forward(t); });
        each([](auto& group) { group.judge(); });
        for (std::size_t t = shape.length; t > 0; --t) each([t](auto& group) { group.backward(t); });
        each([&](auto& group) { group.end_sequence(initial_gradient); });
    }
}

}  // namespace detail

// One thread's share of the losses and gradients; where V is dual, of the gradients' derivatives in the directions.
template <class V, class S = ScalarOf<V>>
void network_gradients(const NetworkProblem<S>& problem, const CellInLanes<V>& cell, const NetworkBlocks& blocks,
                       Work& work, const NetworkResults<S>& results, const NetworkViews<const S>& directions = {},
                       const NetworkViews<S>& product = {}) {
    auto groups = detail::groups_of<NetworkLanes<V>>(blocks, problem, cell, Remember::everything);
    const auto begin = [&](auto& group, std::size_t first, std::size_t count) {
        group.begin(first, count, directions);
    };
    for_each_block(blocks, work, groups, begin, [&](std::size_t used) {
        detail::walk_there_and_back(problem.shape, groups, used, work, results.initial_gradient);
        std::for_each_n(groups.begin(), used,
                        [&](auto& group) { group.finish(results.loss, results.gradient, product); });
    });
}

// One thread's share of the states and outputs.
template <class V, class S = ScalarOf<V>>
void network_states(const NetworkProblem<S>& problem, const CellInLanes<V>& cell, const NetworkBlocks& blocks,
                    Work& work, const NetworkResults<S>& results) {
    auto groups = detail::groups_of<NetworkLanes<V>>(blocks, problem, cell, Remember::all_states);
    const auto begin = [](auto& group, std::size_t first, std::size_t count) { group.begin(first, count); };
    for_each_block(blocks, work, groups, begin, [&](std::size_t used) {
        const auto each = [&](auto f) { std::for_each_n(groups.begin(), used, f); };
        for (std::size_t b = 0; b < problem.shape.batch && !work.cancelled(); ++b) {
            each([b](auto& group) { group.begin_sequence(b); });
            for (std::size_t t = 1; t <= problem.shape.length; ++t) each([t](auto& group) { group.forward(t); });
            each([&](auto& group) { group.bring_out_states(results.states, results.output); });
        }
    });
}

}  // namespace rnnlatch
