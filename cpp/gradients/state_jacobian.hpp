// The Jacobian of one step, J_t = ds_t / ds_{t-1}, where the state s is h, or (h, c).
//
// The new states depend on the previous h through the recurrent weights and on the previous states of the same unit
// directly: J = [K 0] + diagonals, K (state size x hidden). A vanilla network has K = diag(phi'(a)) W and no diagonals; a
// diagonal network has nothing but diagonals. J itself is never stored.
//
// What is multiplied from the left lies in rows of padded_size() numbers, state by state with the padding of the
// trajectory, which is 0 and stays so.
#pragma once

#include <Eigen/Core>

#include <algorithm>
#include <cstddef>
#include <optional>

#include "gradients/trajectory.hpp"
#include "matrix/product.hpp"

namespace rnnlatch {

class StateJacobian {
   public:
    using Index = Eigen::Index;

    explicit StateJacobian(const Trajectory& trajectory)
        : trajectory_(trajectory),
          cell_(trajectory.network().cell),
          hidden_(Trajectory::index(trajectory.network().hidden)),
          units_(Trajectory::index(trajectory.network().units())),
          states_(Trajectory::index(cell_.states)),
          slots_(Trajectory::index(cell_.slots)),
          factored_(cell_.gates == 1 && !trajectory.network().diagonal),
          by_slot_(cell_.states * cell_.slots * trajectory.network().units()),
          by_state_(cell_.states * cell_.states * trajectory.network().units()) {
        const RecurrentNetwork& network = trajectory.network();
        if (network.diagonal) return;
        weight_ = Eigen::Map<const RowMajor>(network.weight_hh, Trajectory::index(cell_.gates) * hidden_, hidden_);
        if (factored_) {
            packed_ = pack(weight_);
        } else {
            k_ = RowMajor::Zero(padded_size(), hidden_);
        }
    }

    Index size() const { return states_ * hidden_; }
    Index padded_size() const { return states_ * units_; }

    // (rows, states, hidden) numbers with the padding.
    RowMajor padded(const double* from, Index rows) const {
        RowMajor to = RowMajor::Zero(rows, padded_size());
        for (Index row = 0; row < rows; ++row) {
            for (Index s = 0; s < states_; ++s) {
                std::copy_n(from + (row * states_ + s) * hidden_, hidden_, &to(row, s * units_));
            }
        }
        return to;
    }

    // Whether J = diag(diagonal_factor()) weight(). For a diagonal network J = diag(diagonal_factor()).
    bool factored() const { return factored_; }
    std::optional<Eigen::Map<const Eigen::VectorXd>> diagonal_factor() const {
        if (factored_) return slope();
        if (trajectory_.network().diagonal) return Eigen::Map<const Eigen::VectorXd>(by_state_.data(), hidden_);
        return std::nullopt;
    }
    const RowMajor& weight() const { return weight_; }

    // Makes this the Jacobian of step t, counted from 0.
    void move_to(std::size_t t) {
        cell_.partials(static_cast<std::size_t>(units_), trajectory_.pre_activation(t), trajectory_.previous(t),
                       by_slot_.data(), by_state_.data());
        if (trajectory_.network().diagonal) {
            const Eigen::Map<const Eigen::VectorXd> weight(trajectory_.network().weight_hh, hidden_);
            direct(0, 0).head(hidden_) += weight.cwiseProduct(slope());
        } else if (!factored_) {
            for (Index s = 0; s < states_; ++s) {
                auto rows = k_.middleRows(s * units_, hidden_);
                for (std::size_t gate = 0; gate < cell_.gates; ++gate) {
                    const auto by = part(s, cell_.hidden_slot[gate]);
                    const auto weight = weight_.middleRows(Trajectory::index(gate) * hidden_, hidden_);
                    if (gate == 0) {
                        rows.noalias() = by.asDiagonal() * weight;
                    } else {
                        rows.noalias() += by.asDiagonal() * weight;
                    }
                }
            }
        }
    }

    // out = p J for rows p, which are overwritten.
    void multiply_from_left(RowMajor& p, RowMajor& out) {
        const Index rows = p.rows();
        out.resize(rows, padded_size());
        if (trajectory_.network().diagonal) {
            out.noalias() = p * direct(0, 0).asDiagonal();
            return;
        }
        const auto stride = static_cast<std::size_t>(padded_size());
        if (factored_) {
            scale_columns(p);
        } else {
            packed_ = pack(k_);
            out.rightCols((states_ - 1) * units_).setZero();
        }
        product({{&packed_, p.data(), stride}}, static_cast<std::size_t>(rows), static_cast<const double*>(nullptr), 0,
                out.data(), stride);
        if (factored_) return;
        for (Index from = 0; from < states_; ++from) {
            for (Index to = 0; to < states_; ++to) {
                out.middleCols(to * units_, units_).noalias() +=
                    p.middleCols(from * units_, units_) * direct(from, to).asDiagonal();
            }
        }
    }

    // out = J' q for columns q.
    void multiply_transposed(const Eigen::MatrixXd& q, Eigen::MatrixXd& out) {
        out.setZero(size(), q.cols());
        if (factored_) {
            out.noalias() = weight_.transpose() * (slope().asDiagonal() * q);
            return;
        }
        for (Index from = 0; from < states_; ++from) {
            const auto part = q.middleRows(from * hidden_, hidden_);
            if (!trajectory_.network().diagonal) {
                out.topRows(hidden_).noalias() += k_.middleRows(from * units_, hidden_).transpose() * part;
            }
            for (Index to = 0; to < states_; ++to) {
                out.middleRows(to * hidden_, hidden_).noalias() += direct(from, to).head(hidden_).asDiagonal() * part;
            }
        }
    }

   private:
    Eigen::Map<const Eigen::VectorXd> slope() const { return {by_slot_.data(), hidden_}; }

    Eigen::Map<const Eigen::VectorXd> part(Index state, std::size_t slot) const {
        return {by_slot_.data() + (state * slots_ + Trajectory::index(slot)) * units_, hidden_};
    }

    // The diagonal of d(new state `from`) / d(previous state `to`), padded.
    Eigen::Map<Eigen::VectorXd> direct(Index from, Index to) {
        return {by_state_.data() + (from * states_ + to) * units_, units_};
    }

    // p = p diag(slope): in place, so that what a product touches is a third less.
    void scale_columns(RowMajor& p) const {
        for (Index row = 0; row < p.rows(); ++row) {
            for (Index unit = 0; unit < units_; unit += static_cast<Index>(lanes64)) {
                double* at = p.data() + row * units_ + unit;
                store(at, load<f64>(at) * load<f64>(by_slot_.data() + unit));
            }
        }
    }

    // For products from the left: its columns become the rows of the packed matrix.
    static PackedMatrix<double> pack(const RowMajor& k) {
        return {static_cast<std::size_t>(k.cols()), static_cast<std::size_t>(k.rows()), k.data(), 1,
                static_cast<std::size_t>(k.cols())};
    }

    const Trajectory& trajectory_;
    CellFunctions cell_;
    Index hidden_, units_, states_, slots_;
    bool factored_;
    Buffer<double> by_slot_, by_state_;
    RowMajor weight_, k_;
    PackedMatrix<double> packed_;  // weight_ or k_
};

}  // namespace rnnlatch
