// The pointwise map of a cell, and its pullback, over the columns of the matrix driver.
//
// The driver is compiled once per scalar; it knows a cell by these two functions and the numbers that describe it (see
// cells/vanilla_rnn.hpp). Arrays of several slots, states, or kept numbers lie one after the other, at the given distance;
// within each, columns lie `stride` apart, and a column is `packs` packs of units.
#pragma once

#include <cstddef>

#include "lanes/pack.hpp"
#include "lanes/twice.hpp"
#include "matrix/product.hpp"

namespace rnnlatch {

// Several arrays of the same shape, `distance` apart.
template <class Scalar>
struct Arrays {
    Scalar* data;
    std::size_t distance;

    Scalar* operator[](std::size_t i) const { return data + i * distance; }
};

struct Columns {
    std::size_t count, packs, stride;
};

template <class Scalar>
struct PointwiseCell {
    std::size_t states, gates, slots, kept;
    const std::size_t *input_slot, *hidden_slot;
    void (*forward)(Columns, Arrays<const Scalar> a, Arrays<const Scalar> previous, Arrays<Scalar> next,
                    Arrays<Scalar> kept);
    // g comes as dE/d(next) and leaves as the direct part of dE/d(previous).
    void (*pullback)(Columns, Arrays<const Scalar> previous, Arrays<const Scalar> next, Arrays<const Scalar> kept,
                     Arrays<Scalar> g, Arrays<Scalar> delta);
};

namespace detail {

// f(memory, place) for pairs of packs, side by side to hide the latency of the formulas, then for single packs.
template <class Scalar, class F>
RNNLATCH_INLINE void for_each_pack(Columns columns, F f) {
    using P = PackOf<Scalar>;
    constexpr std::size_t lanes = lanes_of<Scalar>;
    if (columns.stride == columns.packs * lanes) {  // one long column
        columns.packs *= columns.count;
        columns.count = 1;
    }
    for (std::size_t column = 0; column < columns.count; ++column) {
        const std::size_t begin = column * columns.stride, end = begin + columns.packs * lanes;
        std::size_t place = begin;
        for (; place + 2 * lanes <= end; place += 2 * lanes) f(Memory<Twice<P>>{}, place);
        if (place < end) f(Memory<P>{}, place);
    }
}

template <class P>
auto loaded_type(Memory<P>) -> P;

}  // namespace detail

template <class Cell, class Scalar>
constexpr PointwiseCell<Scalar> pointwise() {
    constexpr auto forward = [](Columns columns, Arrays<const Scalar> a, Arrays<const Scalar> previous,
                                Arrays<Scalar> next, Arrays<Scalar> kept) {
        detail::for_each_pack<Scalar>(columns, [&](auto memory, std::size_t place) {
            using P = decltype(detail::loaded_type(memory));
            P sums[Cell::slots], old[Cell::states], state[Cell::states], remembered[Cell::kept + 1];
            for (std::size_t i = 0; i < Cell::slots; ++i) sums[i] = memory.load(a[i] + place);
            for (std::size_t i = 0; i < Cell::states; ++i) old[i] = memory.load(previous[i] + place);
            Cell::forward(sums, old, state, remembered);
            for (std::size_t i = 0; i < Cell::states; ++i) memory.store(next[i] + place, state[i]);
            if constexpr (Cell::kept > 0) {
                for (std::size_t i = 0; i < Cell::kept; ++i) memory.store(kept[i] + place, remembered[i]);
            }
        });
    };
    constexpr auto pullback = [](Columns columns, Arrays<const Scalar> previous, Arrays<const Scalar> next,
                                 Arrays<const Scalar> kept, Arrays<Scalar> g, Arrays<Scalar> delta) {
        detail::for_each_pack<Scalar>(columns, [&](auto memory, std::size_t place) {
            using P = decltype(detail::loaded_type(memory));
            P old[Cell::states], state[Cell::states], remembered[Cell::kept + 1], g_state[Cell::states];
            P g_sums[Cell::slots], g_old[Cell::states];
            for (std::size_t i = 0; i < Cell::states; ++i) {
                old[i] = memory.load(previous[i] + place);
                state[i] = memory.load(next[i] + place);
                g_state[i] = memory.load(g[i] + place);
            }
            if constexpr (Cell::kept > 0) {
                for (std::size_t i = 0; i < Cell::kept; ++i) remembered[i] = memory.load(kept[i] + place);
            }
            Cell::pullback(old, state, remembered, g_state, g_sums, g_old);
            for (std::size_t i = 0; i < Cell::slots; ++i) memory.store(delta[i] + place, g_sums[i]);
            for (std::size_t i = 0; i < Cell::states; ++i) memory.store(g[i] + place, g_old[i]);
        });
    };
    return {Cell::states, Cell::gates, Cell::slots, Cell::kept, Cell::input_slot, Cell::hidden_slot, forward, pullback};
}

}  // namespace rnnlatch
