// A cell as the lane driver sees it: its counts, and its maps for a range of units as functions.
//
// The driver is compiled once for each kind of row, not once for each cell and each activation; a call a step costs little
// beside the functions in it. Rows of a step: slots, states and kept numbers one after the other, each of `hidden` units.
#pragma once

#include <cstddef>

#include "cells/gru.hpp"
#include "cells/lstm.hpp"
#include "cells/vanilla_rnn.hpp"
#include "drivers/lane_rows.hpp"
#include "drivers/small_network.hpp"

namespace rnnlatch {

enum class CellKind { vanilla, lstm, gru };

template <class V>
struct CellInLanes {
    using S = ScalarOf<V>;

    std::size_t states, gates, slots, kept;
    const std::size_t *input_slot, *hidden_slot;
    // units [first, last): (slots, previous states) -> new states and what is kept
    void (*forward)(std::size_t first, std::size_t last, std::size_t hidden, const S* a, const S* previous, S* next,
                    S* kept);
    // dE/d(new states) -> dE/d(slots), and the direct part of dE/d(previous states)
    void (*pullback)(std::size_t first, std::size_t last, std::size_t hidden, const S* previous, const S* next,
                     const S* kept, const S* g_next, S* g_a, S* g_previous);

    // Whole steps of a dense network of so many units, or null.
    void (*small_forward)(const DenseSteps<S>& steps, const S* u, S* h) = nullptr;
    void (*small_backward)(const DenseSteps<S>& steps, const S* h, S* delta, S* g) = nullptr;
    void (*small_weights)(const DenseSteps<S>& steps, const S* delta, const S* h, const S* u, S* weight_ih,
                          S* weight_hh, S* bias) = nullptr;

    // Whether gate g adds both of its products to slot g.
    bool plain() const {
        for (std::size_t g = 0; g < gates; ++g) {
            if (input_slot[g] != g || hidden_slot[g] != g) return false;
        }
        return slots == gates;
    }
};

namespace detail {

template <class Cell, class V>
struct CellMaps {
    using S = ScalarOf<V>;
    using M = Memory<V>;
    static constexpr std::size_t kept_room = Cell::kept ? Cell::kept : 1;

    template <std::size_t n>
    static RNNLATCH_INLINE void load_all(std::size_t unit, std::size_t hidden, const S* from, V* to) {
        for (std::size_t i = 0; i < n; ++i) to[i] = M::load(from + (i * hidden + unit) * Row<V>::stride);
    }

    template <std::size_t n>
    static RNNLATCH_INLINE void store_all(std::size_t unit, std::size_t hidden, const V* from, S* to) {
        for (std::size_t i = 0; i < n; ++i) M::store(to + (i * hidden + unit) * Row<V>::stride, from[i]);
    }

    static void forward(std::size_t first, std::size_t last, std::size_t hidden, const S* a, const S* previous, S* next,
                        S* kept) {
        for (std::size_t unit = first; unit < last; ++unit) {
            V slots[Cell::slots], old[Cell::states], fresh[Cell::states], remembered[kept_room];
            load_all<Cell::slots>(unit, hidden, a, slots);
            load_all<Cell::states>(unit, hidden, previous, old);
            Cell::forward(slots, old, fresh, remembered);
            store_all<Cell::states>(unit, hidden, fresh, next);
            store_all<Cell::kept>(unit, hidden, remembered, kept);
        }
    }

    static void pullback(std::size_t first, std::size_t last, std::size_t hidden, const S* previous, const S* next,
                         const S* kept, const S* g_next, S* g_a, S* g_previous) {
        for (std::size_t unit = first; unit < last; ++unit) {
            V old[Cell::states], fresh[Cell::states], remembered[kept_room], g[Cell::states];
            V g_slots[Cell::slots], g_old[Cell::states];
            load_all<Cell::states>(unit, hidden, previous, old);
            load_all<Cell::states>(unit, hidden, next, fresh);
            load_all<Cell::kept>(unit, hidden, kept, remembered);
            load_all<Cell::states>(unit, hidden, g_next, g);
            Cell::pullback(old, fresh, remembered, g, g_slots, g_old);
            store_all<Cell::slots>(unit, hidden, g_slots, g_a);
            store_all<Cell::states>(unit, hidden, g_old, g_previous);
        }
    }

    static CellInLanes<V> table() {
        return {Cell::states,     Cell::gates,       Cell::slots, Cell::kept,
                Cell::input_slot, Cell::hidden_slot, &forward,    &pullback};
    }
};

}  // namespace detail

namespace detail {

template <class Cell, class V, std::size_t units = 1>
void set_small(std::size_t hidden, CellInLanes<V>& cell) {
    if (hidden == units) {
        cell.small_forward = &SmallNetwork<Cell, V, units>::forward;
        cell.small_backward = &SmallNetwork<Cell, V, units>::backward;
        cell.small_weights = &SmallNetwork<Cell, V, units>::weights;
    }
    if constexpr (units < small_network) set_small<Cell, V, units + 1>(hidden, cell);
}

}  // namespace detail

template <class V>
CellInLanes<V> cell_in_lanes(CellKind kind, Activation activation, std::size_t hidden) {
    using detail::CellMaps;
    if (kind == CellKind::lstm) return CellMaps<LSTM, V>::table();
    if (kind == CellKind::gru) return CellMaps<GRU, V>::table();
    switch (activation) {
        case Activation::logistic:
            return CellMaps<VanillaRNN<Activation::logistic>, V>::table();
        case Activation::relu:
            return CellMaps<VanillaRNN<Activation::relu>, V>::table();
        case Activation::linear:
            return CellMaps<VanillaRNN<Activation::linear>, V>::table();
        case Activation::sign:
            return CellMaps<VanillaRNN<Activation::sign>, V>::table();
        default:
            break;
    }
    using Cell = VanillaRNN<Activation::tanh>;
    CellInLanes<V> cell = CellMaps<Cell, V>::table();
    if constexpr (Row<V>::stride == Row<V>::lanes) detail::set_small<Cell>(hidden, cell);
    return cell;
}

}  // namespace rnnlatch
