// Walks a one-unit cell over a sequence, forward and backward, in all lanes of a block.
//
// Rows are time steps, columns are lanes: states[t * lanes + lane]. Row 0 is the initial state, rows 1..length the sequence.
#pragma once

#include <cstddef>

#include "lanes/twice.hpp"

namespace rnnlatch {

// The packs that go through a formula side by side; a block holds a whole number of groups.
using Group = Twice<Twice<f64>>;
inline constexpr std::size_t group_lanes = sizeof(Group) / sizeof(double);

template <class Cell>
struct LaneDriver {
    // Rows 1..length hold the drive h_t on entry and the state on return.
    static void forward(std::size_t lanes, std::size_t length, const double* weight, double* states) {
        using M = Memory<Group>;
        for (std::size_t t = 1; t <= length; ++t) {
            const double* previous = states + (t - 1) * lanes;
            double* current = states + t * lanes;
            for (std::size_t lane = 0; lane < lanes; lane += group_lanes) {
                const Group a = fma(M::load(weight + lane), M::load(previous + lane), M::load(current + lane));
                M::store(current + lane, Cell::activate(a));
            }
        }
    }

    // From dC/dx_length: adds dC/dw to gradient_weight (where with_weight) and writes dC/dh_t of the first `drives` steps to
    // gradient_drive, a row each.
    template <bool with_weight>
    static void backward(std::size_t lanes, std::size_t length, std::size_t drives, const double* weight,
                         const double* states, const double* gradient_state, double* gradient_weight,
                         double* gradient_drive) {
        using M = Memory<Group>;
        for (std::size_t lane = 0; lane < lanes; lane += group_lanes) {
            const Group w = M::load(weight + lane);
            Group sum = with_weight ? M::load(gradient_weight + lane) : Group{};
            Group g = M::load(gradient_state + lane) * Cell::derivative(M::load(states + length * lanes + lane));
            const auto step = [&](std::size_t t) {
                const Group previous = M::load(states + (t - 1) * lanes + lane);
                if constexpr (with_weight) sum = fma(g, previous, sum);
                return (g * w) * Cell::derivative(previous);
            };
            std::size_t t = length;
            for (; t > drives; --t) g = step(t);
            for (; t > 0; --t) {
                M::store(gradient_drive + (t - 1) * lanes + lane, g);
                g = step(t);
            }
            if constexpr (with_weight) M::store(gradient_weight + lane, sum);
        }
    }
};

}  // namespace rnnlatch
