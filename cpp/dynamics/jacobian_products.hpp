// Jacobians times the columns of a basis of tangent vectors: of a network's step, and of matrices that are given.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "dynamics/tangent_basis.hpp"
#include "gradients/trajectory.hpp"
#include "lanes/buffer.hpp"
#include "lanes/finite.hpp"
#include "lanes/pack.hpp"
#include "matrix/product.hpp"

namespace rnnlatch {

namespace detail {

// out = diag(scale) A B: entry (place[i], column) of B belongs to column from[i] of A, which lies in a panel.
struct TileOfBasis {
    const double* panel;
    const std::uint32_t *from, *place;
    std::size_t depth;
    const double* basis;
    std::size_t basis_stride;
    const double* scale;  // or null
    double* out;
    std::size_t out_stride;
};

template <std::size_t packs, std::size_t columns>
void basis_tile(const TileOfBasis& tile) {
    f64 sum[columns][packs] = {};
    const std::size_t stride = tile.basis_stride;
    for (std::size_t i = 0; i < tile.depth; ++i) {
        const double* a = tile.panel + tile.from[i] * (packs * lanes64);
        const double* b = tile.basis + tile.place[i];
        f64 column[packs];
        repeat<packs>([&](std::size_t p) { column[p] = load<f64>(a + p * lanes64); });
        repeat<columns>([&](std::size_t c) {
            const f64 factor = constant(b[c * stride]);
            repeat<packs>([&](std::size_t p) { sum[c][p] = fma(column[p], factor, sum[c][p]); });
        });
    }
    if (tile.scale) {
        repeat<packs>([&](std::size_t p) {
            const f64 scale = load<f64>(tile.scale + p * lanes64);
            repeat<columns>([&](std::size_t c) { sum[c][p] = sum[c][p] * scale; });
        });
    }
    for_tile<columns, packs>(
        [&](std::size_t c, std::size_t p) { store(tile.out + c * tile.out_stride + p * lanes64, sum[c][p]); });
}

struct BasisKernels {
    template <std::size_t packs, std::size_t columns>
    struct Kernel {
        static constexpr auto function = &basis_tile<packs, columns>;
    };
    static constexpr auto table = tile_table<void (*)(const TileOfBasis&), Kernel>();
};

}  // namespace detail

// A matrix in panels of rows that is written anew at any time; columns with padding, like those of a basis.
class PanelMatrix {
   public:
    PanelMatrix(std::size_t rows, std::size_t depth)
        : depth_(depth), panels_(rows / lanes64, tile_packs), data_(rows * depth) {}

    // column(j, row): a pack of the rows from `row` on, of column j.
    template <class Column>
    void fill(Column&& column) {
        for (std::size_t panel = 0; panel < panels_.count(); ++panel) {
            const std::size_t first = panels_.begin(panel) * lanes64, packs = panels_.size(panel);
            double* to = data_.data() + first * depth_;
            for (std::size_t p = 0; p < packs; ++p) {
                const auto rows = column(first + p * lanes64);
                for (std::size_t j = 0; j < depth_; ++j) store(to + (j * packs + p) * lanes64, rows(j));
            }
        }
    }

    // out = diag(scale) (this matrix) (rows of the basis below depth); scale may be null.
    void multiply(const BasisColumns& basis, const double* scale, double* out, std::size_t out_stride) {
        from_.clear(), place_.clear();
        const std::vector<std::uint32_t>& order = *basis.order;
        for (std::size_t i = 0; i < order.size(); ++i) {
            if (order[i] >= depth_) continue;
            from_.push_back(order[i]), place_.push_back(static_cast<std::uint32_t>(i));
        }
        const EvenParts groups(basis.count, tile_columns);
        for (std::size_t panel = 0; panel < panels_.count(); ++panel) {
            const std::size_t row = panels_.begin(panel) * lanes64;
            std::size_t begin = 0;
            for (std::size_t group = 0; group < groups.count(); ++group) {
                const std::size_t c = groups.begin(group);
                while (basis.trapezoid && begin < place_.size() && place_[begin] < c) ++begin;
                detail::BasisKernels::table[panels_.size(panel) - 1][groups.size(group) - 1](
                    {data_.data() + row * depth_, from_.data() + begin, place_.data() + begin, place_.size() - begin,
                     basis.data + c * basis.stride, basis.stride, scale ? scale + row : nullptr,
                     out + c * out_stride + row, out_stride});
            }
        }
    }

   private:
    std::size_t depth_;
    EvenParts panels_;
    Buffer<double> data_;
    std::vector<std::uint32_t> from_, place_;
};

// One network step by step along its inputs: its state, and the Jacobian of the step that it has just made.
class NetworkJacobian {
   public:
    NetworkJacobian(const RecurrentNetwork& network, const double* initial)
        : network_(network),
          cell_(network.cell),
          units_(network.units()),
          affine_(network),
          a_(cell_.slots * units_),
          state_(cell_.states * units_),
          next_(cell_.states * units_),
          by_slot_(cell_.states * cell_.slots * units_),
          by_state_(cell_.states * cell_.states * units_),
          natural_(cell_.states * units_),
          weight_(network.diagonal ? 0 : cell_.gates * network.hidden * units_),
          k_(cell_.states * units_, network.diagonal ? 0 : network.hidden) {
        for (std::size_t s = 0; initial && s < cell_.states; ++s) {
            std::copy_n(initial + s * network.hidden, network.hidden, state_.data() + s * units_);
        }
        if (network.diagonal) return;
        for (std::size_t row = 0; row < cell_.gates * network.hidden; ++row) {
            const std::size_t gate = row / network.hidden, unit = row % network.hidden;
            for (std::size_t j = 0; j < network.hidden; ++j) {
                weight_[(gate * network.hidden + j) * units_ + unit] = network.weight_hh[row * network.hidden + j];
            }
        }
        if (!gated()) {
            k_.fill([&](std::size_t row) {
                return [&, row](std::size_t j) { return load<f64>(weight_.data() + j * units_ + row); };
            });
        }
    }

    std::size_t rows() const { return cell_.states * units_; }

    // Goes one step on; false where the state is no longer finite.
    bool move(const double* input) {
        affine_(input, state_.data(), a_.data());
        cell_.forward(units_, a_.data(), state_.data(), next_.data());
        cell_.partials(units_, a_.data(), state_.data(), by_slot_.data(), by_state_.data());
        state_.swap(next_);
        return all_finite<f64>(state_.data(), state_.size());
    }

    // The Jacobian of a diagonal network's last step, its diagonal.
    double diagonal(std::size_t unit) const { return by_state_[unit] + by_slot_[unit] * network_.weight_hh[unit]; }

    // Makes the products with the Jacobian of the last step possible.
    void prepare() {
        if (gated()) fill_k();
    }

    void multiply(const BasisColumns& basis, double* out, std::size_t stride) {
        k_.multiply(basis, gated() ? nullptr : by_slot_.data(), out, stride);
        if (gated()) add_direct(basis, out, stride);
    }

   private:
    bool gated() const { return cell_.gates > 1; }

    // d(states) / d(previous h) through the weights.
    void fill_k() {
        k_.fill([&](std::size_t row) {
            const std::size_t s = row / units_, unit = row % units_, gates = cell_.gates;
            f64 by[4];
            for (std::size_t gate = 0; gate < gates; ++gate) {
                by[gate] = load<f64>(by_slot_.data() + (s * cell_.slots + cell_.hidden_slot[gate]) * units_ + unit);
            }
            return [=, this](std::size_t j) {
                f64 sum{};
                for (std::size_t gate = 0; gate < gates; ++gate) {
                    sum = fma(by[gate], load<f64>(weight_.data() + (gate * network_.hidden + j) * units_ + unit), sum);
                }
                return sum;
            };
        });
    }

    // d(states) / d(previous states) of the same unit.
    void add_direct(const BasisColumns& basis, double* out, std::size_t stride) {
        const std::vector<std::uint32_t>& order = *basis.order;
        for (std::size_t c = 0; c < basis.count; ++c) {
            const double* column = basis.data + c * basis.stride;
            const std::size_t first = basis.trapezoid ? c : 0;
            for (std::size_t i = 0; i < first; ++i) natural_[order[i]] = 0;
            for (std::size_t i = first; i < order.size(); ++i) natural_[order[i]] = column[i];
            for (std::size_t to = 0; to < cell_.states; ++to) {
                for (std::size_t from = 0; from < cell_.states; ++from) {
                    const double* by = by_state_.data() + (to * cell_.states + from) * units_;
                    double* sum = out + c * stride + to * units_;
                    for (std::size_t unit = 0; unit < units_; unit += lanes64) {
                        store(sum + unit, fma(load<f64>(by + unit), load<f64>(natural_.data() + from * units_ + unit),
                                              load<f64>(sum + unit)));
                    }
                }
            }
        }
    }

    const RecurrentNetwork& network_;
    CellFunctions cell_;
    std::size_t units_;
    AffineMap affine_;
    Buffer<double> a_, state_, next_, by_slot_, by_state_, natural_, weight_;
    PanelMatrix k_;
};

// A Jacobian that is given, (size, size), rows one after another.
class GivenJacobian {
   public:
    explicit GivenJacobian(std::size_t size)
        : size_(size), rows_(packs_for<double>(size) * lanes64), matrix_(rows_, size) {}

    std::size_t rows() const { return rows_; }

    void set(const double* jacobian) {
        matrix_.fill([&](std::size_t row) {
            return [=, this](std::size_t j) {
                f64 pack{};
                for (std::size_t i = row; i < std::min(row + lanes64, size_); ++i) {
                    pack[i - row] = jacobian[i * size_ + j];
                }
                return pack;
            };
        });
    }

    void multiply(const BasisColumns& basis, double* out, std::size_t stride) {
        matrix_.multiply(basis, nullptr, out, stride);
    }

   private:
    std::size_t size_, rows_;
    PanelMatrix matrix_;
};

}  // namespace rnnlatch
