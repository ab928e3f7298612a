// Sums of outer products over many columns, out_c += sum over columns of x y_c: the gradients of weights.
//
// The tile of sums stays in registers while the columns go by, so the columns should be many: the driver gathers those of
// several time steps and all sequences. 64 columns of one panel of x fit the first-level cache. Long columns are copied first,
// so that what a tile reads lies together: half a page or more apart, the columns of x and y take more entries than the
// processor's table of pages has, and at whole kilobytes they share few places of the cache. Measured with AVX2, float64,
// 60 columns: of 500 units 30 GFLOP/s without and 44 with copies, of 1000 units 21 and 42. The sums are the same to the last
// bit.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "lanes/pack.hpp"
#include "matrix/product.hpp"

namespace rnnlatch {

// Columns after which the cache wants the next panel.
inline constexpr std::size_t outer_columns = 64;

// Whether columns so many numbers apart are copied.
template <class Scalar>
constexpr bool outer_copies(std::size_t stride) {
    const std::size_t bytes = stride * sizeof(Scalar);
    return bytes >= 2048 || bytes % 1024 == 0;
}

namespace detail {

template <class Scalar>
struct TileOfOuter {
    const Scalar* x;
    std::size_t x_stride;
    const Scalar* y;
    std::size_t y_stride;
    std::size_t columns;
    Scalar* out;
    std::size_t out_stride;
};

template <class Scalar, std::size_t packs, std::size_t rows>
void outer_tile(const TileOfOuter<Scalar>& tile) {
    using P = PackOf<Scalar>;
    constexpr std::size_t lanes = lanes_of<Scalar>;
    P sum[rows][packs];
    Scalar* out = tile.out;
    const std::size_t stride = tile.out_stride;
    for_tile<rows, packs>([&](std::size_t r, std::size_t p) { sum[r][p] = load<P>(out + r * stride + p * lanes); });
    const Scalar *x = tile.x, *y = tile.y;
    for (std::size_t column = 0; column < tile.columns; ++column, x += tile.x_stride, y += tile.y_stride) {
        P packed[packs];
        repeat<packs>([&](std::size_t p) { packed[p] = load<P>(x + p * lanes); });
        repeat<rows>([&](std::size_t r) {
            const P factor = constant(y[r]);
            repeat<packs>([&](std::size_t p) { sum[r][p] = fma(packed[p], factor, sum[r][p]); });
        });
    }
    for_tile<rows, packs>([&](std::size_t r, std::size_t p) { store(out + r * stride + p * lanes, sum[r][p]); });
}

// Puts parts of columns next to each other, `width` numbers of each; most often `whole` of them, of which the compiler makes
// a few moves and no call.
template <std::size_t whole, class Scalar>
void copy_columns(const Scalar* from, std::size_t stride, std::size_t width, std::size_t columns, Scalar* to) {
    for (std::size_t column = 0; column < columns; ++column, from += stride, to += width) {
        if (width == whole) {
            std::memcpy(to, from, whole * sizeof(Scalar));
        } else {
            std::copy_n(from, width, to);
        }
    }
}

template <class Scalar>
struct OuterKernels {
    template <std::size_t packs, std::size_t rows>
    struct Kernel {
        static constexpr auto function = &outer_tile<Scalar, packs, rows>;
    };
    static constexpr auto table = tile_table<void (*)(const TileOfOuter<Scalar>&), Kernel>();
};

}  // namespace detail

// out[r] += sum over columns of x[column] * y[column][r] for r < rows; x and the rows of out have `packs` packs. The strides
// are from column to column, and from row to row of out. Where columns are copied `room` is for rows * outer_columns numbers.
template <class Scalar>
void add_outer(std::size_t packs, const Scalar* x, std::size_t x_stride, std::size_t rows, const Scalar* y,
               std::size_t y_stride, std::size_t columns, Scalar* out, std::size_t out_stride, Scalar* room) {
    const EvenParts panels(packs, tile_packs), groups(rows, tile_columns), blocks(columns, outer_columns);
    const bool copied = outer_copies<Scalar>(x_stride);
    alignas(register_bytes) Scalar panel_room[outer_columns * tile_packs * lanes_of<Scalar>];
    for (std::size_t block = 0; block < blocks.count(); ++block) {
        const std::size_t column = blocks.begin(block), size = blocks.size(block);
        for (std::size_t group = 0; copied && group < groups.count(); ++group) {
            const std::size_t row = groups.begin(group);
            detail::copy_columns<tile_columns>(y + column * y_stride + row, y_stride, groups.size(group), size,
                                               room + row * size);
        }
        for (std::size_t panel = 0; panel < panels.count(); ++panel) {
            const std::size_t offset = panels.begin(panel) * lanes_of<Scalar>;
            const std::size_t width = panels.size(panel) * lanes_of<Scalar>;
            const Scalar* of_panel = x + column * x_stride + offset;
            if (copied)
                detail::copy_columns<tile_packs * lanes_of<Scalar>>(of_panel, x_stride, width, size, panel_room);
            const auto& kernels = detail::OuterKernels<Scalar>::table[panels.size(panel) - 1];
            for (std::size_t group = 0; group < groups.count(); ++group) {
                const std::size_t row = groups.begin(group);
                Scalar* to = out + row * out_stride + offset;
                const auto& kernel = kernels[groups.size(group) - 1];
                if (copied) {
                    kernel({panel_room, width, room + row * size, groups.size(group), size, to, out_stride});
                } else {
                    kernel({of_panel, x_stride, y + column * y_stride + row, y_stride, size, to, out_stride});
                }
            }
        }
    }
}

// out += the sum of the columns, and where y is given of the elementwise products x y.
template <class Scalar>
void add_columns(std::size_t packs, const Scalar* x, const Scalar* y, std::size_t stride, std::size_t columns,
                 Scalar* out) {
    using P = PackOf<Scalar>;
    for (std::size_t pack = 0; pack < packs; ++pack) {
        const std::size_t offset = pack * lanes_of<Scalar>;
        P sum = load<P>(out + offset);
        for (std::size_t column = 0; column < columns; ++column) {
            const P each = load<P>(x + column * stride + offset);
            sum = y ? fma(each, load<P>(y + column * stride + offset), sum) : sum + each;
        }
        store(out + offset, sum);
    }
}

}  // namespace rnnlatch
