// Rows of lanes, what a block of networks computes with, and the way between them and arrays of any strides.
//
// A row holds one number of every network of a group: one V, the packs that go through a formula side by side. Buffers are
// rows one after the other; a matrix is its rows in the order of its elements.
#pragma once

#include <cstddef>

#include "lanes/math32.hpp"
#include "lanes/twice.hpp"

namespace rnnlatch {

// What a row of V is made of: its scalars, how many lanes it has, how many scalars lie from one row to the next, and the
// packs that make it up, which kernels that need many registers take one by one.
template <class V>
struct Row;

template <class P>
struct Row<Twice<P>> {
    using Scalar = decltype(P{}[0] + P{}[0]);
    using Half = P;
    static constexpr std::size_t lanes = 2 * sizeof(P) / sizeof(Scalar), stride = lanes, half = lanes / 2;
    static RNNLATCH_INLINE P load_half(const Scalar* from) { return load<P>(from); }
    static RNNLATCH_INLINE void store_half(Scalar* to, P pack) { store(to, pack); }
};

template <class V>
using ScalarOf = typename Row<V>::Scalar;

// An array with a run axis and up to three others; strides in elements, 0 along the run axis where the runs share it.
template <class T>
struct View {
    T* data = nullptr;
    std::ptrdiff_t run = 0, stride[3] = {0, 0, 0};

    explicit operator bool() const { return data != nullptr; }
    // Without its first axis after the run, at an index there.
    View at(std::size_t index) const {
        return {data + static_cast<std::ptrdiff_t>(index) * stride[0], run, {stride[1], stride[2], 0}};
    }
};

// rows x columns elements of `count` runs from `first` on, to rows of lanes; lanes without a run get 0.
template <class V, class T>
void gather(View<T> from, std::size_t rows, std::size_t columns, std::size_t first, std::size_t count,
            ScalarOf<V>* to) {
    using S = ScalarOf<V>;
    const auto* start = from.data + static_cast<std::ptrdiff_t>(first) * from.run;
    for (std::size_t i = 0; i < rows; ++i) {
        const auto* element = start + static_cast<std::ptrdiff_t>(i) * from.stride[0];
        for (std::size_t j = 0; j < columns; ++j, element += from.stride[1], to += Row<V>::stride) {
            if (count == Row<V>::lanes && from.run == 1) {
                for (std::size_t lane = 0; lane < Row<V>::lanes; ++lane) to[lane] = static_cast<S>(element[lane]);
                continue;
            }
            const auto* at = element;
            for (std::size_t lane = 0; lane < count; ++lane, at += from.run) to[lane] = static_cast<S>(*at);
            for (std::size_t lane = count; lane < Row<V>::lanes; ++lane) to[lane] = S{};
        }
    }
}

// The way back; lanes without a run are left out.
template <class V, class T>
void scatter(const ScalarOf<V>* from, std::size_t rows, std::size_t columns, std::size_t first, std::size_t count,
             View<T> to) {
    auto* start = to.data + static_cast<std::ptrdiff_t>(first) * to.run;
    for (std::size_t i = 0; i < rows; ++i) {
        auto* element = start + static_cast<std::ptrdiff_t>(i) * to.stride[0];
        for (std::size_t j = 0; j < columns; ++j, element += to.stride[1], from += Row<V>::stride) {
            if (count == Row<V>::lanes && to.run == 1) {
                for (std::size_t lane = 0; lane < Row<V>::lanes; ++lane) element[lane] = static_cast<T>(from[lane]);
                continue;
            }
            auto* at = element;
            for (std::size_t lane = 0; lane < count; ++lane, at += to.run) *at = static_cast<T>(from[lane]);
        }
    }
}

}  // namespace rnnlatch
