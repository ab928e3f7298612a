// Products of a packed matrix with columns: the kernel of the matrix driver.
//
//   C (rows x columns) = initial + sum over terms of A (rows x depth) B (depth x columns)
//
// Rows lie along the SIMD register, padded to whole packs: a column of C is `packs * lanes` consecutive numbers, and so are
// the columns of B, of which only the first `depth` are read. A is packed once into panels of a few packs of rows, in the
// order in which the kernel reads it, and used for many products. The kernel holds a tile of C in registers: with AVX-512 4
// packs x 6 columns, where 24 multiply-adds stand against 4 loads and 6 broadcasts.
//
// A chain of N x N products, M <- A M: pack A, let `columns` of M be its N columns, each of packs() * lanes numbers, call
//   product<double>({{&a, m, stride}}, N, nullptr, 0, out, stride)
// with another buffer as `out`, and exchange the two. The padding of the result is zero.
//
// Why not Eigen's product: the matrices are small (50 x 50 times 10 columns), are used hundreds of times, and Eigen packs
// both at every call. Measured in one run with AVX-512, float64, 50 to 128 units, 10 to 25 columns, on a core whose
// multiply-adds alone reach 75 GFLOP/s: 52 to 64 against Eigen's 22 to 42, that is 1.5 to 2.4 times; the outer products of
// matrix/outer.hpp 53 to 61 against 34 to 52, 1.1 to 1.6 times.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <initializer_list>
#include <type_traits>
#include <utility>

#include "lanes/buffer.hpp"
#include "lanes/pack.hpp"

namespace rnnlatch {

namespace detail {

template <class Scalar>
struct PackType;
template <>
struct PackType<double> {
    using type = f64;
};
template <>
struct PackType<float> {
    using type = f32;
};

}  // namespace detail

// The pack of a scalar, and the lanes it has.
template <class Scalar>
using PackOf = typename detail::PackType<Scalar>::type;
template <class Scalar>
inline constexpr std::size_t lanes_of = register_bytes / sizeof(Scalar);

// Packs that hold `count` numbers.
template <class Scalar>
constexpr std::size_t packs_for(std::size_t count) {
    return (count + lanes_of<Scalar> - 1) / lanes_of<Scalar>;
}

// The largest tile: its sums, one column of A and one number of B fit the registers.
#if defined(RNNLATCH_AVX512)
inline constexpr std::size_t tile_packs = 4, tile_columns = 6;
#elif defined(RNNLATCH_AVX2)
inline constexpr std::size_t tile_packs = 3, tile_columns = 4;
#else
inline constexpr std::size_t tile_packs = 2, tile_columns = 4;
#endif

// A length cut into as few parts as a largest part allows, which differ by one at most.
class EvenParts {
   public:
    EvenParts(std::size_t length, std::size_t most)
        : count_((length + most - 1) / most), size_(count_ ? length / count_ : 0), longer_(length - count_ * size_) {}

    std::size_t count() const { return count_; }
    std::size_t begin(std::size_t part) const { return part * size_ + std::min(part, longer_); }
    std::size_t size(std::size_t part) const { return size_ + (part < longer_); }

   private:
    std::size_t count_, size_, longer_;
};

// A matrix packed into panels: panel by panel, column by column, the packs of its rows.
template <class Scalar>
class PackedMatrix {
   public:
    PackedMatrix() = default;

    // Zero, until a matrix is packed.
    PackedMatrix(std::size_t rows, std::size_t depth)
        : rows_(rows), packs_(packs_for<Scalar>(rows)), depth_(depth), data_(packs_ * lanes_of<Scalar> * depth) {}

    PackedMatrix(std::size_t rows, std::size_t depth, const Scalar* from, std::size_t row_stride,
                 std::size_t column_stride)
        : PackedMatrix(rows, depth) {
        pack(from, row_stride, column_stride);
    }

    // From element (i, j) at from[i * row_stride + j * column_stride]; the rows of the padding are zero.
    void pack(const Scalar* from, std::size_t row_stride, std::size_t column_stride) {
        Scalar* to = data_.data();
        const EvenParts panels(packs_, tile_packs);
        for (std::size_t panel = 0; panel < panels.count(); ++panel) {
            const std::size_t first = panels.begin(panel) * lanes_of<Scalar>;
            const std::size_t width = panels.size(panel) * lanes_of<Scalar>;
            const std::size_t filled = std::min(rows_, first + width) - first;
            for (std::size_t j = 0; j < depth_; ++j, to += width) {
                const Scalar* column = from + first * row_stride + j * column_stride;
                for (std::size_t i = 0; i < filled; ++i) to[i] = column[i * row_stride];
            }
        }
    }

    std::size_t packs() const { return packs_; }
    std::size_t depth() const { return depth_; }
    // The panel that begins at this pack.
    const Scalar* panel(std::size_t pack) const { return data_.data() + pack * lanes_of<Scalar> * depth_; }

   private:
    std::size_t rows_ = 0, packs_ = 0, depth_ = 0;
    Buffer<Scalar> data_;
};

// One product of the sum: a packed matrix times columns that lie `stride` apart.
template <class Scalar>
struct ProductTerm {
    const PackedMatrix<Scalar>* matrix;
    const Scalar* columns;
    std::size_t stride;
};

namespace detail {

template <class Scalar>
struct TileOfProduct {
    const ProductTerm<Scalar>* terms;
    std::size_t count, pack, column;
    const Scalar* initial;
    std::size_t initial_stride;
    Scalar* out;
    std::size_t out_stride;
};

// f(0), ..., f(count - 1) with constants, so that the compiler keeps arrays of sums in registers.
template <std::size_t count, class F>
RNNLATCH_INLINE void repeat(F f) {
    [&]<std::size_t... i>(std::index_sequence<i...>) {
        (f(std::integral_constant<std::size_t, i>{}), ...);
    }(std::make_index_sequence<count>());
}

// f(column, pack) for every pack of the tile.
template <std::size_t columns, std::size_t packs, class F>
RNNLATCH_INLINE void for_tile(F f) {
    repeat<columns * packs>([&](auto i) { f(i / packs, i % packs); });
}

template <class Scalar, std::size_t packs, std::size_t columns>
void product_tile(const TileOfProduct<Scalar>& tile) {
    using P = PackOf<Scalar>;
    constexpr std::size_t lanes = lanes_of<Scalar>;
    P sum[columns][packs];
    if (tile.initial) {
        const Scalar* from = tile.initial + tile.column * tile.initial_stride + tile.pack * lanes;
        const std::size_t stride = tile.initial_stride;
        for_tile<columns, packs>(
            [&](std::size_t c, std::size_t p) { sum[c][p] = load<P>(from + c * stride + p * lanes); });
    } else {
        for_tile<columns, packs>([&](std::size_t c, std::size_t p) { sum[c][p] = P{}; });
    }
    for (const ProductTerm<Scalar>* term = tile.terms; term != tile.terms + tile.count; ++term) {
        const Scalar* a = term->matrix->panel(tile.pack);
        const Scalar* b = term->columns + tile.column * term->stride;
        const std::size_t stride = term->stride;
        for (const Scalar* end = b + term->matrix->depth(); b != end; ++b, a += packs * lanes) {
            P column[packs];
            repeat<packs>([&](std::size_t p) { column[p] = load<P>(a + p * lanes); });
            repeat<columns>([&](std::size_t c) {
                const P factor = constant(b[c * stride]);
                repeat<packs>([&](std::size_t p) { sum[c][p] = fma(column[p], factor, sum[c][p]); });
            });
        }
    }
    Scalar* to = tile.out + tile.column * tile.out_stride + tile.pack * lanes;
    const std::size_t stride = tile.out_stride;
    for_tile<columns, packs>([&](std::size_t c, std::size_t p) { store(to + c * stride + p * lanes, sum[c][p]); });
}

// The functions for every size of tile, [packs - 1][columns - 1].
template <class Function, template <std::size_t, std::size_t> class Kernel>
constexpr auto tile_table() {
    std::array<std::array<Function, tile_columns>, tile_packs> table{};
    [&]<std::size_t... sizes>(std::index_sequence<sizes...>) {
        ((table[sizes / tile_columns][sizes % tile_columns] =
              Kernel<sizes / tile_columns + 1, sizes % tile_columns + 1>::function),
         ...);
    }(std::make_index_sequence<tile_packs * tile_columns>());
    return table;
}

template <class Scalar>
struct ProductKernels {
    template <std::size_t packs, std::size_t columns>
    struct Kernel {
        static constexpr auto function = &product_tile<Scalar, packs, columns>;
    };
    static constexpr auto table = tile_table<void (*)(const TileOfProduct<Scalar>&), Kernel>();
};

}  // namespace detail

// C = initial + the terms, whose matrices have equally many rows. `initial` may be null (zero), have the stride 0 (one
// column for all), or be `out` itself (then C is added to). A column of B is read only for the columns of C.
template <class Scalar>
void product(const ProductTerm<Scalar>* terms, std::size_t count, std::size_t columns, const Scalar* initial,
             std::size_t initial_stride, Scalar* out, std::size_t out_stride) {
    const EvenParts panels(terms->matrix->packs(), tile_packs), groups(columns, tile_columns);
    detail::TileOfProduct<Scalar> tile{terms, count, 0, 0, initial, initial_stride, out, out_stride};
    for (std::size_t panel = 0; panel < panels.count(); ++panel) {
        const auto& kernels = detail::ProductKernels<Scalar>::table[panels.size(panel) - 1];
        tile.pack = panels.begin(panel);
        for (std::size_t group = 0; group < groups.count(); ++group) {
            tile.column = groups.begin(group);
            kernels[groups.size(group) - 1](tile);
        }
    }
}

template <class Scalar>
void product(std::initializer_list<ProductTerm<Scalar>> terms, std::size_t columns, const Scalar* initial,
             std::size_t initial_stride, Scalar* out, std::size_t out_stride) {
    product(terms.begin(), terms.size(), columns, initial, initial_stride, out, out_stride);
}

}  // namespace rnnlatch
