// P M = L U with exchanges of rows, in place: U in the upper triangle of M's columns, L below it, its diagonal of ones not
// stored. All entries of L are at most 1.
//
// Left-looking by panels of a few columns: what all panels before do to the next one are products, whose tiles stay in
// registers. Columns lie along the SIMD register, padded to whole packs with zeros, which never become a pivot.
//
// A pivot is taken for 0 where it is no more than rounding of what it was computed from, row by row: a row that is 1e-200
// of the others, because its unit is saturated, keeps its digits.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "lanes/buffer.hpp"
#include "lanes/pack.hpp"
#include "matrix/product.hpp"

namespace rnnlatch {

namespace detail {

// C -= A B: A is (packs of rows) x depth with columns `a_stride` apart, B depth x columns.
struct TileOfUpdate {
    const double* a;
    std::size_t a_stride, depth;
    const double* b;
    std::size_t b_stride;
    double* c;
    std::size_t c_stride;
};

template <std::size_t packs, std::size_t columns>
void update_tile(const TileOfUpdate& tile) {
    f64 sum[columns][packs] = {};
    const double *a = tile.a, *b = tile.b;
    for (const double* end = b + tile.depth; b != end; ++b, a += tile.a_stride) {
        f64 column[packs];
        detail::repeat<packs>([&](std::size_t p) { column[p] = load<f64>(a + p * lanes64); });
        repeat<columns>([&](std::size_t c) {
            const f64 factor = constant(b[c * tile.b_stride]);
            detail::repeat<packs>([&](std::size_t p) { sum[c][p] = fma(column[p], factor, sum[c][p]); });
        });
    }
    for_tile<columns, packs>([&](std::size_t c, std::size_t p) {
        double* to = tile.c + c * tile.c_stride + p * lanes64;
        store(to, load<f64>(to) - sum[c][p]);
    });
}

struct UpdateKernels {
    template <std::size_t packs, std::size_t columns>
    struct Kernel {
        static constexpr auto function = &update_tile<packs, columns>;
    };
    static constexpr auto table = tile_table<void (*)(const TileOfUpdate&), Kernel>();
};

}  // namespace detail

class PivotedTriangles {
   public:
    explicit PivotedTriangles(std::size_t rows)
        : rows_(rows),
          order_(rows),
          size_(rows),
          pivots_(rows),
          inverse_((rows + panel_columns) * most_panel_columns) {}

    // Factors `columns` columns of rows() numbers that lie `stride` apart. Returns how many columns have a pivot: all of
    // them, or as many as precede the first whose pivot is 0; then M is spoilt. `size`: the largest absolute value of each
    // row of M. `tolerance`: which share of it is rounding.
    std::size_t factor(double* m, std::size_t stride, std::size_t columns, const double* size, double tolerance) {
        m_ = m, stride_ = stride, columns_ = columns, tolerance_ = tolerance;
        for (std::size_t i = 0; i < rows_; ++i) order_[i] = static_cast<std::uint32_t>(i);
        std::copy_n(size, rows_, size_.begin());
        const std::size_t width = rows_ > wide_from ? 2 * panel_columns : panel_columns;
        for (std::size_t first = 0; first < columns; first += width) {
            const std::size_t last = std::min(first + width, columns);
            if (first > 0) update(first, last, width);
            for (std::size_t j = first; j < last; ++j) {
                if (!eliminate(first, j, last)) return j;
            }
            exchange_rows(first, last, 0, first);
            if (last < columns) invert(first, last);
        }
        return columns;
    }

    std::size_t rows() const { return rows_; }
    // Which row of M each row of L was.
    const std::vector<std::uint32_t>& order() const { return order_; }

   private:
    static constexpr std::size_t panel_columns = 8, wide_from = 192, most_panel_columns = 2 * panel_columns;

    double* column(std::size_t j) { return m_ + j * stride_; }

    // Brings column j of the panel up to date, finds its pivot, and divides by it.
    bool eliminate(std::size_t first, std::size_t j, std::size_t last) {
        double* m = column(j);
        const std::size_t depth = j - first;
        for (std::size_t d = 0; d + 1 < depth; ++d) {  // the rows of U
            const double *l = column(first + d) + first, x = m[first + d];
            for (std::size_t k = d + 1; k < depth; ++k) m[first + k] -= l[k] * x;
        }
        const std::size_t begin = j / lanes64 * lanes64;
        double kept[lanes64];  // what the pack has above row j is done
        std::copy_n(m + begin, lanes64, kept);
        f64 factor[most_panel_columns];
        for (std::size_t d = 0; d < depth; ++d) factor[d] = constant(m[first + d]);
        std::size_t i = begin;
        for (; i + 4 * lanes64 <= rows_; i += 4 * lanes64) subtract<4>(column(first) + i, factor, depth, m + i);
        for (; i < rows_; i += lanes64) subtract<1>(column(first) + i, factor, depth, m + i);
        std::copy_n(kept, j - begin, m + begin);
        std::size_t pivot = largest(m, j);
        if (!(std::abs(m[pivot]) > tolerance_ * size_[pivot])) {
            for (i = j; i < rows_; ++i) {
                if (!(std::abs(m[i]) > tolerance_ * size_[i])) m[i] = 0;
            }
            pivot = largest(m, j);
            if (m[pivot] == 0) return false;
        }
        pivots_[j] = pivot;
        if (pivot != j) {
            for (std::size_t c = first; c < last; ++c) std::swap(column(c)[j], column(c)[pivot]);
            std::swap(order_[j], order_[pivot]);
            std::swap(size_[j], size_[pivot]);
        }
        std::copy_n(m + begin, lanes64, kept);
        if (std::abs(m[j]) > 1e-290) {
            const f64 by = constant(1 / m[j]);
            for (i = begin; i < rows_; i += lanes64) store(m + i, load<f64>(m + i) * by);
        } else {  // whose inverse may not be a number
            const f64 by = constant(m[j]);
            for (i = begin; i < rows_; i += lanes64) store(m + i, load<f64>(m + i) / by);
        }
        std::copy_n(kept, j + 1 - begin, m + begin);
        return true;
    }

    // Takes the multiples of the panel's columns before this one from some packs of it.
    template <std::size_t packs>
    void subtract(const double* before, const f64* factor, std::size_t depth, double* m) const {
        f64 sum[packs] = {};
        for (std::size_t d = 0; d < depth; ++d, before += stride_) {
            detail::repeat<packs>(
                [&](std::size_t p) { sum[p] = fma(load<f64>(before + p * lanes64), factor[d], sum[p]); });
        }
        detail::repeat<packs>([&](std::size_t p) { store(m + p * lanes64, load<f64>(m + p * lanes64) - sum[p]); });
    }

    // The row from j on whose number is largest, the first of several.
    std::size_t largest(const double* m, std::size_t j) const {
        const std::size_t end = std::min((j / lanes64 + 1) * lanes64, rows_);
        std::size_t found = j;
        double most = std::abs(m[j]);
        for (std::size_t i = j + 1; i < end; ++i) {
            if (std::abs(m[i]) > most) most = std::abs(m[i]), found = i;
        }
        f64 value = constant(most), at{};
        f64 here = constant(static_cast<double>(end));
        for (std::size_t i = end; i < rows_; i += lanes64, here = here + static_cast<double>(lanes64)) {
            const f64 x = abs(load<f64>(m + i));
            const auto more = x > value;
            value = select(more, x, value), at = select(more, here, at);
        }
        for (std::size_t lane = 0; lane < lanes64; ++lane) {
            if (value[lane] > most) most = value[lane], found = static_cast<std::size_t>(at[lane]) + lane;
        }
        return found;
    }

    // In columns from `from` to `to`, as in those from first to last when their pivots were found.
    void exchange_rows(std::size_t first, std::size_t last, std::size_t from, std::size_t to) {
        for (std::size_t c = from; c < to; ++c) {
            double* m = column(c);
            for (std::size_t j = first; j < last; ++j) std::swap(m[j], m[pivots_[j]]);
        }
    }

    // One minus the inverse of the panel's triangle of L: a column of U comes by a product with it.
    void invert(std::size_t first, std::size_t last) {
        const std::size_t width = last - first;
        double* inverse = inverse_.data() + first * most_panel_columns;
        std::fill_n(inverse, width * most_panel_columns, 0.0);
        for (std::size_t j = 0; j < width; ++j) inverse[j * most_panel_columns + j] = -1;
        for (std::size_t i = 0; i < width; ++i) {
            const double* l = column(first + i) + first;
            f64 packs[most_panel_columns / lanes64];
            const std::size_t begin = i / lanes64;
            for (std::size_t p = begin; p < width / lanes64; ++p) packs[p] = load<f64>(l + p * lanes64);
            for (std::size_t lane = 0; lane <= i % lanes64; ++lane) packs[begin][lane] = 0;
            for (std::size_t j = 0; j <= i; ++j) {
                double* x = inverse + j * most_panel_columns;
                const f64 factor = constant(x[i]);
                for (std::size_t p = begin; p < width / lanes64; ++p) {
                    store(x + p * lanes64, fnma(packs[p], factor, load<f64>(x + p * lanes64)));
                }
            }
        }
        for (std::size_t j = 0; j < width; ++j) inverse[j * most_panel_columns + j] = 0;
    }

    // Does to the panel's columns what all panels before have done to theirs.
    void update(std::size_t first, std::size_t last, std::size_t width) {
        exchange_rows(0, first, first, last);
        const EvenParts groups(last - first, tile_columns), rest((rows_ - first) / lanes64, tile_packs);
        const EvenParts inner(width / lanes64, tile_packs);
        for (std::size_t before = 0; before < first; before += width) {
            for (std::size_t group = 0; group < groups.count(); ++group) {
                double* x = column(first + groups.begin(group));
                const std::size_t count = groups.size(group);
                if (before) subtract(inner, before, before, x, count);
                // x - inverse x, from the last rows up, because those above are read for them.
                for (std::size_t part = inner.count(); part-- > 0;) {
                    const std::size_t row = inner.begin(part) * lanes64, end = row + inner.size(part) * lanes64;
                    detail::UpdateKernels::table[inner.size(part) - 1][count - 1](
                        {inverse_.data() + before * most_panel_columns + row, most_panel_columns, end - 1, x + before,
                         stride_, x + before + row, stride_});
                }
            }
        }
        for (std::size_t group = 0; group < groups.count(); ++group) {
            subtract(rest, first, first, column(first + groups.begin(group)), groups.size(group));
        }
    }

    // The rows from `row` on of `count` columns x, less those of the first `depth` columns of L times the rows of U above.
    void subtract(const EvenParts& parts, std::size_t row, std::size_t depth, double* x, std::size_t count) const {
        for (std::size_t part = 0; part < parts.count(); ++part) {
            const std::size_t at = row + parts.begin(part) * lanes64;
            detail::UpdateKernels::table[parts.size(part) - 1][count - 1](
                {m_ + at, stride_, depth, x, stride_, x + at, stride_});
        }
    }

    std::size_t rows_;
    double* m_ = nullptr;
    std::size_t stride_ = 0, columns_ = 0;
    double tolerance_ = 0;
    std::vector<std::uint32_t> order_;
    Buffer<double> size_;
    std::vector<std::size_t> pivots_;
    Buffer<double> inverse_;  // of each panel
};

}  // namespace rnnlatch
