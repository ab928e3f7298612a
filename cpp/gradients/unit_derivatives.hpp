// The derivatives of one unit's map, got from its pullback: first ones by basis vectors, second ones by dual numbers.
//
// Rows, for `hidden` units each: by_slot[s][k] = d(new state s)/d(slot k), by_state[s][r] = d(new state s)/d(previous state r).
#pragma once

#include <cstddef>

#include "drivers/cell_in_lanes.hpp"
#include "lanes/dual.hpp"

namespace rnnlatch {

template <class V>
struct UnitDerivatives {
    using S = ScalarOf<V>;

    void (*jacobian)(std::size_t hidden, const S* previous, const S* next, const S* kept, S* by_slot, S* by_state);
    // Units [first, last): the diagonal second derivatives by the slots and, in part, by the previous states, from those by the
    // new states: products of squared first derivatives, and where second_order what dE/d(new states) adds.
    void (*curvature)(std::size_t first, std::size_t last, std::size_t hidden, const S* a, const S* previous,
                      const S* next, const S* kept, const S* g_next, const S* h_next, bool second_order, S* h_a,
                      S* h_previous);
};

namespace detail {

template <class Cell, class V>
struct UnitMaps : CellMaps<Cell, V> {
    using Base = CellMaps<Cell, V>;
    using typename Base::S;
    static constexpr std::size_t states = Cell::states, slots = Cell::slots;

    struct Unit {
        V previous[states], next[states], kept[Base::kept_room];

        Unit(std::size_t unit, std::size_t hidden, const S* old, const S* fresh, const S* remembered) {
            Base::template load_all<states>(unit, hidden, old, previous);
            Base::template load_all<states>(unit, hidden, fresh, next);
            Base::template load_all<Cell::kept>(unit, hidden, remembered, kept);
        }

        // Row s of the Jacobians.
        void row(std::size_t s, V* by_slot, V* by_state) const {
            V basis[states];
            for (std::size_t r = 0; r < states; ++r) basis[r] = constant_like<V>(r == s ? 1.0 : 0.0);
            Cell::pullback(previous, next, kept, basis, by_slot, by_state);
        }
    };

    static void jacobian(std::size_t hidden, const S* previous, const S* next, const S* kept, S* by_slot, S* by_state) {
        for (std::size_t i = 0; i < hidden; ++i) {
            const Unit unit(i, hidden, previous, next, kept);
            for (std::size_t s = 0; s < states; ++s) {
                V slot[slots], state[states];
                unit.row(s, slot, state);
                Base::template store_all<slots>(i, hidden, slot, by_slot + s * slots * hidden * Row<V>::stride);
                Base::template store_all<states>(i, hidden, state, by_state + s * states * hidden * Row<V>::stride);
            }
        }
    }

    static void curvature(std::size_t first, std::size_t last, std::size_t hidden, const S* a, const S* previous,
                          const S* next, const S* kept, const S* g_next, const S* h_next, bool second_order, S* h_a,
                          S* h_previous) {
        for (std::size_t i = first; i < last; ++i) {
            const Unit unit(i, hidden, previous, next, kept);
            V h[states], of_slot[slots], of_state[states];
            Base::template load_all<states>(i, hidden, h_next, h);
            for (V& each : of_slot) each = constant_like<V>(0.0);
            for (V& each : of_state) each = constant_like<V>(0.0);
            for (std::size_t s = 0; s < states; ++s) {
                V slot[slots], state[states];
                unit.row(s, slot, state);
                for (std::size_t k = 0; k < slots; ++k) of_slot[k] = fma(slot[k] * slot[k], h[s], of_slot[k]);
                for (std::size_t r = 0; r < states; ++r) of_state[r] = fma(state[r] * state[r], h[s], of_state[r]);
            }
            if (second_order) {
                V value[slots], g[states];
                Base::template load_all<slots>(i, hidden, a, value);
                Base::template load_all<states>(i, hidden, g_next, g);
                for (std::size_t k = 0; k < slots; ++k) of_slot[k] = of_slot[k] + second(value, unit.previous, g, k);
                for (std::size_t r = 0; r < states; ++r) {
                    of_state[r] = of_state[r] + second(value, unit.previous, g, slots + r);
                }
            }
            Base::template store_all<slots>(i, hidden, of_slot, h_a);
            Base::template store_all<states>(i, hidden, of_state, h_previous);
        }
    }

    // The second derivative of the sum of g and the new states by one argument: a slot, or after the slots a previous state.
    static V second(const V* a, const V* previous, const V* g, std::size_t argument) {
        using D = Dual<V>;
        D slot[slots], old[states], fresh[states], remembered[Base::kept_room], weight[states];
        D by_slot[slots], by_state[states];
        const auto dual = [argument](V value, std::size_t place) {
            return D{value, constant_like<V>(place == argument ? 1.0 : 0.0)};
        };
        for (std::size_t k = 0; k < slots; ++k) slot[k] = dual(a[k], k);
        for (std::size_t r = 0; r < states; ++r) old[r] = dual(previous[r], slots + r);
        for (std::size_t s = 0; s < states; ++s) weight[s] = D{g[s], constant_like<V>(0.0)};
        Cell::forward(slot, old, fresh, remembered);
        Cell::pullback(old, fresh, remembered, weight, by_slot, by_state);
        return argument < slots ? by_slot[argument].tangent : by_state[argument - slots].tangent;
    }

    static UnitDerivatives<V> table() { return {&jacobian, &curvature}; }
};

}  // namespace detail

template <class V>
UnitDerivatives<V> unit_derivatives(CellKind kind, Activation activation) {
    using detail::UnitMaps;
    if (kind == CellKind::lstm) return UnitMaps<LSTM, V>::table();
    if (kind == CellKind::gru) return UnitMaps<GRU, V>::table();
    switch (activation) {
        case Activation::tanh:
            return UnitMaps<VanillaRNN<Activation::tanh>, V>::table();
        case Activation::logistic:
            return UnitMaps<VanillaRNN<Activation::logistic>, V>::table();
        case Activation::relu:
            return UnitMaps<VanillaRNN<Activation::relu>, V>::table();
        case Activation::linear:
            return UnitMaps<VanillaRNN<Activation::linear>, V>::table();
        default:
            return UnitMaps<VanillaRNN<Activation::sign>, V>::table();
    }
}

}  // namespace rnnlatch
