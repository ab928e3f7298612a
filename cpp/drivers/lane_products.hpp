// Products of matrices and vectors in lanes: every network has its own matrix, so a weight is used once for each step.
//
// A tile of up to six results stays in registers while the sum runs; each result is summed in the order of its index, in one
// chain, so its bits do not depend on the tiles. Weight gradients are sums over time of outer products: a square of them
// stays in registers while time runs.
#pragma once

#include <cstddef>

#include "drivers/lane_rows.hpp"

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
    static constexpr std::size_t registers = register_bytes == 64 ? 32 : 16;
    static constexpr std::size_t square(std::size_t numbers) {
        return numbers * (5 * 5 + 5 + 1) <= registers ? 5 : numbers * (3 * 3 + 3 + 1) <= registers ? 3 : 2;
    }
    static constexpr std::size_t side = square(sizeof(Half) / register_bytes);

   public:
    // to[r] = start[r] + the terms, r < rows. `start` and `to` are consecutive rows, and may be the same ones.
    template <std::size_t terms>
    static void affine(std::size_t rows, const S* start, const Term<S> (&term)[terms], S* to) {
        constexpr std::size_t most = 6;
        std::size_t tiles = (rows + most - 1) / most;
        for (std::size_t r = 0; r < rows; --tiles) {
            const std::size_t height = (rows - r + tiles - 1) / tiles;
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
        for (std::size_t i = 0; i < rows; i += side) {
            for (std::size_t j = 0; j < columns; j += side) {
                const Outer tile{times,
                                 left + static_cast<std::ptrdiff_t>(i) * step,
                                 left_time,
                                 right + static_cast<std::ptrdiff_t>(j) * right_column,
                                 right_time,
                                 right_column,
                                 sum + static_cast<std::ptrdiff_t>(i * columns + j) * step,
                                 static_cast<std::ptrdiff_t>(columns) * step};
                of_height(std::min(side, rows - i), std::min(side, columns - j), tile);
            }
        }
    }

   private:
    template <std::size_t height, std::size_t terms>
    static void affine_tile(std::size_t first, const S* start, const Term<S> (&term)[terms], S* to) {
        V sum[height];
        for (std::size_t r = 0; r < height; ++r) sum[r] = M::load(start + (first + r) * R::stride);
        for (const Term<S>& each : term) {
            const S* weight = each.weight + static_cast<std::ptrdiff_t>(first) * each.row;
            const S* x = each.x;
            for (std::size_t k = 0; k < each.count; ++k, weight += each.column, x += each.stride) {
                const V operand = M::load(x);
#pragma GCC unroll 6
                for (std::size_t r = 0; r < height; ++r) {
                    sum[r] = fma(M::load(weight + static_cast<std::ptrdiff_t>(r) * each.row), operand, sum[r]);
                }
            }
        }
        for (std::size_t r = 0; r < height; ++r) M::store(to + (first + r) * R::stride, sum[r]);
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
        Half sum[height][width];
        S* to = tile.sum + half;
        for (std::size_t i = 0; i < height; ++i) {
            for (std::size_t j = 0; j < width; ++j) {
                sum[i][j] = R::load_half(to + static_cast<std::ptrdiff_t>(i) * tile.sum_row + j * R::stride);
            }
        }
        const S *left = tile.left + half, *right = tile.right + half;
        for (std::size_t t = 0; t < tile.times; ++t, left += tile.left_time, right += tile.right_time) {
            Half row[width];
            for (std::size_t j = 0; j < width; ++j) {
                row[j] = R::load_half(right + static_cast<std::ptrdiff_t>(j) * tile.right_column);
            }
            for (std::size_t i = 0; i < height; ++i) {
                const Half factor = R::load_half(left + i * R::stride);
                for (std::size_t j = 0; j < width; ++j) sum[i][j] = fma(factor, row[j], sum[i][j]);
            }
        }
        for (std::size_t i = 0; i < height; ++i) {
            for (std::size_t j = 0; j < width; ++j) {
                R::store_half(to + static_cast<std::ptrdiff_t>(i) * tile.sum_row + j * R::stride, sum[i][j]);
            }
        }
    }
};

}  // namespace rnnlatch
