// Rows of lanes, what a block of networks computes with, and the way between them and arrays of any strides.
//
// A row holds one number of every network of a group: one V, the packs that go through a formula side by side. Buffers are
// rows one after the other; a matrix is its rows in the order of its elements.
#pragma once

#include <cstddef>
#include <cstring>
#include <type_traits>

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
    using Pack = P;
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

namespace detail {

// Squares of lanes and consecutive elements, to rows or back; returns how many of the elements they cover.
template <class V, bool to_rows, class Element, class OfRows>
std::size_t transpose_squares(std::size_t elements, Element* element, std::ptrdiff_t run, OfRows* rows) {
    using P = typename Row<V>::Pack;
    constexpr std::size_t n = Row<V>::half;
    std::size_t at = 0;
    for (; at + n <= elements; at += n) {
        for (std::size_t lane = 0; lane < Row<V>::lanes; lane += n) {
            auto* of_run = element + static_cast<std::ptrdiff_t>(lane) * run + at;
            OfRows* of_rows = rows + at * Row<V>::stride + lane;
            P square[n];
            for (std::size_t i = 0; i < n; ++i) {
                square[i] =
                    load<P>(to_rows ? of_run + static_cast<std::ptrdiff_t>(i) * run : of_rows + i * Row<V>::stride);
            }
            transpose(square);
            for (std::size_t i = 0; i < n; ++i) {
                if constexpr (to_rows) {
                    store(of_rows + i * Row<V>::stride, square[i]);
                } else {
                    store(of_run + static_cast<std::ptrdiff_t>(i) * run, square[i]);
                }
            }
        }
    }
    return at;
}

// f(first element, elements, stride) for rows x columns elements: once where one stride leads through all, or a row at a time.
template <class T, class F>
void for_each_line(View<T> view, std::size_t rows, std::size_t columns, T* start, F f) {
    if (columns == 1) return f(start, rows, view.stride[0], 0);
    if (view.stride[0] == static_cast<std::ptrdiff_t>(columns) * view.stride[1]) {
        return f(start, rows * columns, view.stride[1], 0);
    }
    for (std::size_t i = 0; i < rows; ++i) {
        f(start + static_cast<std::ptrdiff_t>(i) * view.stride[0], columns, view.stride[1], i * columns);
    }
}

}  // namespace detail

// rows x columns elements of `count` runs from `first` on, to rows of lanes; lanes without a run get 0.
template <class V, class T>
void gather(View<T> from, std::size_t rows, std::size_t columns, std::size_t first, std::size_t count,
            ScalarOf<V>* to) {
    using S = ScalarOf<V>;
    constexpr bool same = std::is_same_v<std::remove_const_t<T>, S>;
    const bool full = count == Row<V>::lanes;
    const auto line = [&](T* element, std::size_t elements, std::ptrdiff_t stride, std::size_t before) {
        S* row = to + before * Row<V>::stride;
        std::size_t done = 0;
        if constexpr (same) {
            if (full && from.run == 1) {
                for (; done < elements; ++done, row += Row<V>::stride) {
                    std::memcpy(row, element + static_cast<std::ptrdiff_t>(done) * stride, Row<V>::lanes * sizeof(S));
                }
                return;
            }
            if (full && stride == 1) done = detail::transpose_squares<V, true>(elements, element, from.run, row);
        }
        for (row += done * Row<V>::stride; done < elements; ++done, row += Row<V>::stride) {
            T* at = element + static_cast<std::ptrdiff_t>(done) * stride;
            for (std::size_t lane = 0; lane < count; ++lane, at += from.run) row[lane] = static_cast<S>(*at);
            for (std::size_t lane = count; lane < Row<V>::lanes; ++lane) row[lane] = S{};
        }
    };
    detail::for_each_line(from, rows, columns, from.data + static_cast<std::ptrdiff_t>(first) * from.run, line);
}

// Consecutive elements of every lane, each from a place of its own, to rows.
template <class V, class S = ScalarOf<V>>
void gather_lanes(const S* const* from, std::size_t elements, S* rows) {
    using P = typename Row<V>::Pack;
    constexpr std::size_t n = Row<V>::half;
    std::size_t at = 0;
    for (; at + n <= elements; at += n) {
        for (std::size_t lane = 0; lane < Row<V>::lanes; lane += n) {
            P square[n];
            for (std::size_t i = 0; i < n; ++i) square[i] = load<P>(from[lane + i] + at);
            transpose(square);
            for (std::size_t i = 0; i < n; ++i) store(rows + (at + i) * Row<V>::stride + lane, square[i]);
        }
    }
    for (; at < elements; ++at) {
        for (std::size_t lane = 0; lane < Row<V>::lanes; ++lane) rows[at * Row<V>::stride + lane] = from[lane][at];
    }
}

// The way back; lanes without a run are left out.
template <class V>
void scatter(const ScalarOf<V>* from, std::size_t rows, std::size_t columns, std::size_t first, std::size_t count,
             View<ScalarOf<V>> to) {
    using S = ScalarOf<V>;
    const bool full = count == Row<V>::lanes;
    const auto line = [&](S* element, std::size_t elements, std::ptrdiff_t stride, std::size_t before) {
        const S* row = from + before * Row<V>::stride;
        std::size_t done = 0;
        if (full && to.run == 1) {
            for (; done < elements; ++done, row += Row<V>::stride) {
                std::memcpy(element + static_cast<std::ptrdiff_t>(done) * stride, row, Row<V>::lanes * sizeof(S));
            }
            return;
        }
        if (full && stride == 1) {
            done = detail::transpose_squares<V, false>(elements, element, to.run, row);
        }
        for (row += done * Row<V>::stride; done < elements; ++done, row += Row<V>::stride) {
            S* at = element + static_cast<std::ptrdiff_t>(done) * stride;
            for (std::size_t lane = 0; lane < count; ++lane, at += to.run) *at = row[lane];
        }
    };
    detail::for_each_line(to, rows, columns, to.data + static_cast<std::ptrdiff_t>(first) * to.run, line);
}

}  // namespace rnnlatch
