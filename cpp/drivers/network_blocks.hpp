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

// f(groups in use) for every block that this thread gets; f starts with groups that have begun their runs.
template <class Group, class F>
void for_each_block(const NetworkBlocks& blocks, Work& work, std::vector<Group>& groups, F f) {
    while (const auto block = work.take()) {
        std::size_t used = 0;
        for (; used < groups.size(); ++used) {
            const std::size_t first = (*block * blocks.groups_a_block + used) * blocks.lanes;
            if (first >= blocks.runs) break;
            groups[used].begin(first, std::min(blocks.lanes, blocks.runs - first));
        }
        f(used);
        work.finish_one();
    }
}

// One thread's share of the losses and gradients.
template <class V, class T>
void network_gradients(const NetworkProblem<T>& problem, const CellInLanes<V>& cell, const NetworkBlocks& blocks,
                       Work& work, const NetworkResults<T>& results) {
    std::vector<NetworkLanes<V, T>> groups;
    for (std::size_t g = 0; g < blocks.groups_a_block; ++g) groups.emplace_back(problem, cell, true);
    for_each_block(blocks, work, groups, [&](std::size_t used) {
        const auto each = [&](auto f) { std::for_each_n(groups.begin(), used, f); };
        for (std::size_t b = 0; b < problem.shape.batch && !work.cancelled(); ++b) {
            each([b](auto& group) { group.begin_sequence(b); });
            for (std::size_t t = 1; t <= problem.shape.length; ++t) each([t](auto& group) { group.forward(t); });
            each([](auto& group) { group.judge(); });
            for (std::size_t t = problem.shape.length; t > 0; --t) each([t](auto& group) { group.backward(t); });
            each([&](auto& group) { group.end_sequence(results.initial_gradient); });
        }
        each([&](auto& group) { group.finish(results.loss, results.gradient); });
    });
}

// One thread's share of the states and outputs.
template <class V, class T>
void network_states(const NetworkProblem<T>& problem, const CellInLanes<V>& cell, const NetworkBlocks& blocks,
                    Work& work, const NetworkResults<T>& results) {
    std::vector<NetworkLanes<V, T>> groups;
    for (std::size_t g = 0; g < blocks.groups_a_block; ++g) groups.emplace_back(problem, cell, false);
    for_each_block(blocks, work, groups, [&](std::size_t used) {
        const auto each = [&](auto f) { std::for_each_n(groups.begin(), used, f); };
        for (std::size_t b = 0; b < problem.shape.batch && !work.cancelled(); ++b) {
            each([b](auto& group) { group.begin_sequence(b); });
            for (std::size_t t = 1; t <= problem.shape.length; ++t) each([t](auto& group) { group.forward(t); });
            each([&](auto& group) { group.bring_out_states(results.states, results.output); });
        }
    });
}

}  // namespace rnnlatch
