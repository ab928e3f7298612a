// Products of matrices and vectors in lanes: every network has its own matrix, so a weight is used once for each step.
//
// A tile of up to six results stays in registers while the sum runs; each result is summed in the order of its index, in one
// chain, so its bits do not depend on the tiles. Weight gradients are sums over time of outer products: a square of them
// stays in registers while time runs.
#pragma once

#include <cstddef>

#include "drivers/lane_rows.hpp"
#include "lanes/unrolled.hpp"

namespace rnnlatch {

// sum over k of weight[r][k] x[k]; strides in scalars.
template <class S>
struct Term {
    const S* weight;
    std::ptrdiff_t row, column;
    const S* x;
    std::ptrdiff_t stride;
    std::size_t count;
};

template <class V>
class LaneProducts {
    using S = ScalarOf<V>;
    using M = Memory<V>;
    using R = Row<V>;
    using Half = typename R::Half;
    static constexpr auto step = static_cast<std::ptrdiff_t>(R::stride);

    // Registers decide: the sums of a square tile, a column of operands, and one to spare.
    static constexpr std::size_t square(std::size_t numbers) {
        return numbers * (5 * 5 + 5 + 1) <= vector_registers   ? 5
               : numbers * (3 * 3 + 3 + 1) <= vector_registers ? 3
                                                               : 2;
    }
    static constexpr std::size_t side = square(sizeof(Half) / register_bytes);

   public:
    // to[r] = start[r] + the terms, r < rows. `start` and `to` are consecutive rows, and may be the same ones.
    template <std::size_t terms>
    static void affine(std::size_t rows, const S* start, const Term<S> (&term)[terms], S* to) {
        for (std::size_t r = 0; r < rows;) {
            const std::size_t left = rows - r, height = left <= 6 ? left : left <= 12 ? (left + 1) / 2 : 6;
            switch (height) {
                case 1:
                    affine_tile<1>(r, start, term, to);
                    break;
                case 2:
                    affine_tile<2>(r, start, term, to);
                    break;
                case 3:
                    affine_tile<3>(r, start, term, to);
                    break;
                case 4:
                    affine_tile<4>(r, start, term, to);
                    break;
                case 5:
                    affine_tile<5>(r, start, term, to);
                    break;
                default:
                    affine_tile<6>(r, start, term, to);
                    break;
            }
            r += height;
        }
    }

    // sum[i][j] += sum over t of left[t][i] right[t][j]. The rows of `sum` and of one time of `left` are consecutive.
    static void outer(std::size_t rows, std::size_t columns, std::size_t times, const S* left, std::ptrdiff_t left_time,
                      const S* right, std::ptrdiff_t right_time, std::ptrdiff_t right_column, S* sum) {
        for (std::size_t i = 0, height = 0; i < rows; i += height) {
            height = side_of(rows - i);
            for (std::size_t j = 0, width = 0; j < columns; j += width) {
                width = side_of(columns - j);
                const Outer tile{times,
                                 left + static_cast<std::ptrdiff_t>(i) * step,
                                 left_time,
                                 right + static_cast<std::ptrdiff_t>(j) * right_column,
                                 right_time,
                                 right_column,
                                 sum + static_cast<std::ptrdiff_t>(i * columns + j) * step,
                                 static_cast<std::ptrdiff_t>(columns) * step};
                of_height(height, width, tile);
            }
        }
    }

   private:
    // The last two tiles share what is left.
    static constexpr std::size_t side_of(std::size_t left) {
        return left <= side ? left : left < 2 * side ? (left + 1) / 2 : side;
    }

    template <std::size_t height, std::size_t terms>
    static void affine_tile(std::size_t first, const S* start, const Term<S> (&term)[terms], S* to) {
        V sum[height];
        unrolled<height>([&](auto r)
                             __attribute__((always_inline)) { sum[r] = M::load(start + (first + r) * R::stride); });
        for (const Term<S>& each : term) {
            const std::ptrdiff_t row = each.row, column = each.column, stride = each.stride;
            const S* weight = each.weight + static_cast<std::ptrdiff_t>(first) * row;
            const S* x = each.x;
            for (std::size_t k = each.count; k > 0; --k, weight += column, x += stride) {
                const V operand = M::load(x);
                unrolled<height>([&](auto r) __attribute__((always_inline)) {
                    sum[r] = fma(M::load(weight + static_cast<std::ptrdiff_t>(r()) * row), operand, sum[r]);
                });
            }
        }
        unrolled<height>([&](auto r)
                             __attribute__((always_inline)) { M::store(to + (first + r) * R::stride, sum[r]); });
    }

    struct Outer {
        std::size_t times;
        const S* left;
        std::ptrdiff_t left_time;
        const S* right;
        std::ptrdiff_t right_time, right_column;
        S* sum;
        std::ptrdiff_t sum_row;
    };

    template <std::size_t height = 1>
    static void of_height(std::size_t rows, std::size_t columns, const Outer& tile) {
        if constexpr (height < side) {
            if (rows > height) return of_height<height + 1>(rows, columns, tile);
        }
        of_width<height>(columns, tile);
    }

    template <std::size_t height, std::size_t width = 1>
    static void of_width(std::size_t columns, const Outer& tile) {
        if constexpr (width < side) {
            if (columns > width) return of_width<height, width + 1>(columns, tile);
        }
        for (std::size_t half = 0; half < R::lanes; half += R::half) outer_tile<height, width>(tile, half);
    }

    template <std::size_t height, std::size_t width>
    static void outer_tile(const Outer& tile, std::size_t half) {
        Half sum[height * width];
        S* to = tile.sum + half;
        const auto place = [&](auto n) __attribute__((always_inline)) {
            return to + static_cast<std::ptrdiff_t>(n() / width) * tile.sum_row + n() % width * R::stride;
        };
        unrolled<height * width>([&](auto n) __attribute__((always_inline)) { sum[n] = R::load_half(place(n)); });
        const S *left = tile.left + half, *right = tile.right + half;
        const std::ptrdiff_t column = tile.right_column;
        for (std::size_t t = tile.times; t > 0; --t, left += tile.left_time, right += tile.right_time) {
            Half row[width];
            unrolled<width>([&](auto j) __attribute__((always_inline)) {
                row[j] = R::load_half(right + static_cast<std::ptrdiff_t>(j()) * column);
            });
            unrolled<height>([&](auto i) __attribute__((always_inline)) {
                const Half factor = R::load_half(left + i * R::stride);
                unrolled<width>([&](auto j) __attribute__((always_inline)) {
                    constexpr std::size_t n = decltype(i)::value * width + decltype(j)::value;
                    sum[n] = fma(factor, row[j], sum[n]);
                });
            });
        }
        unrolled<height * width>([&](auto n) __attribute__((always_inline)) { R::store_half(place(n), sum[n]); });
    }
};

}  // namespace rnnlatch
