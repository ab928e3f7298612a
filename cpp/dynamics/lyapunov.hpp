// Lyapunov exponents: how much the vectors of a basis have grown at the steps asked for.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <vector>

#include "dynamics/jacobian_products.hpp"
#include "dynamics/tangent_basis.hpp"
#include "engine/work.hpp"

namespace rnnlatch {

struct LyapunovWalk {
    std::size_t transient, steps;
    const std::vector<std::size_t>& records;  // rising, from 1 to steps
    std::size_t exponents;
    const double* basis;  // (state size, exponents): where the tangent vectors begin
};

// Where it ends: the state, and the basis where it is wanted.
struct LyapunovResult {
    double* log_growth;  // (records, exponents)
    double* state;       // (states, hidden)
};

namespace detail {

// A diagonal network's directions never mix: each unit has its own exponent, and the largest are those wanted.
inline void lyapunov_of_units(const RecurrentNetwork& network, NetworkJacobian& jacobian, const double* inputs,
                              std::size_t input_stride, const LyapunovWalk& walk, const LyapunovResult& result,
                              const Work& work) {
    const std::size_t units = network.hidden;
    std::vector<LongProduct> growth(units);
    std::vector<double> found(walk.records.size() * units);
    std::size_t record = 0;
    for (std::size_t t = 0; t < walk.transient + walk.steps && !work.cancelled(); ++t) {
        jacobian.move(inputs + t * input_stride);
        if (t < walk.transient) continue;
        for (std::size_t unit = 0; unit < units; ++unit) growth[unit].multiply(jacobian.diagonal(unit));
        if (record == walk.records.size() || walk.records[record] != t + 1 - walk.transient) continue;
        for (std::size_t unit = 0; unit < units; ++unit) found[record * units + unit] = growth[unit].logarithm();
        ++record;
    }
    std::vector<std::size_t> order(units);
    std::iota(order.begin(), order.end(), std::size_t{0});
    const double* last = found.data() + (walk.records.size() - 1) * units;
    std::stable_sort(order.begin(), order.end(), [&](std::size_t i, std::size_t j) {
        return last[i] > last[j] || (std::isnan(last[j]) && !std::isnan(last[i]));
    });
    for (record = 0; record < walk.records.size(); ++record) {
        for (std::size_t j = 0; j < walk.exponents; ++j) {
            result.log_growth[record * walk.exponents + j] = found[record * units + order[j]];
        }
    }
}

}  // namespace detail

// inputs: one row after another, `input_stride` apart, 0 where it is the same at every step.
inline void lyapunov(const RecurrentNetwork& network, const double* initial, const double* inputs,
                     std::size_t input_stride, const LyapunovWalk& walk, const LyapunovResult& result,
                     const Work& work) {
    NetworkJacobian jacobian(network, initial);
    const std::size_t units = network.units(), states = network.cell.states;
    if (network.diagonal) {
        detail::lyapunov_of_units(network, jacobian, inputs, input_stride, walk, result, work);
    } else {
        TangentBasis basis(jacobian.rows(), walk.exponents);
        for (std::size_t j = 0; j < walk.exponents; ++j) {
            for (std::size_t i = 0; i < states * network.hidden; ++i) {
                basis.column(j)[i / network.hidden * units + i % network.hidden] = walk.basis[i * walk.exponents + j];
            }
        }
        basis.begin();
        std::size_t record = 0;
        for (std::size_t t = 0; t < walk.transient + walk.steps && !work.cancelled(); ++t) {
            jacobian.move(inputs + t * input_stride);
            jacobian.prepare();
            basis.advance(
                [&](const BasisColumns& b, double* out, std::size_t stride) { jacobian.multiply(b, out, stride); });
            const std::size_t done = t + 1;
            if (done == walk.transient) {
                basis.orthonormalise();
                basis.restart();
            }
            if (record == walk.records.size() || done != walk.transient + walk.records[record]) continue;
            basis.orthonormalise();
            basis.log_growth(result.log_growth + record++ * walk.exponents);
        }
    }
    for (std::size_t s = 0; s < states; ++s) {
        std::copy_n(jacobian.state() + s * units, network.hidden, result.state + s * network.hidden);
    }
}

// The same for Jacobians that are given, (steps, size, size). The basis, (size, exponents), is carried on: what has vanished
// is 0 there.
inline void lyapunov_of_jacobians(const double* jacobians, std::size_t size, std::size_t steps,
                                  const std::vector<std::size_t>& records, double* vectors, std::size_t exponents,
                                  double* log_growth, const Work& work) {
    GivenJacobian jacobian(size);
    TangentBasis basis(jacobian.rows(), exponents);
    for (std::size_t j = 0; j < exponents; ++j) {
        for (std::size_t i = 0; i < size; ++i) basis.column(j)[i] = vectors[i * exponents + j];
    }
    basis.begin();
    std::size_t record = 0;
    for (std::size_t t = 0; t < steps && !work.cancelled(); ++t) {
        jacobian.set(jacobians + t * size * size);
        basis.advance(
            [&](const BasisColumns& b, double* out, std::size_t stride) { jacobian.multiply(b, out, stride); });
        if (record == records.size() || t + 1 != records[record]) continue;
        basis.orthonormalise();
        basis.log_growth(log_growth + record++ * exponents);
    }
    basis.orthonormalise();
    std::fill_n(vectors, size * exponents, basis.finite() ? 0.0 : std::numeric_limits<double>::quiet_NaN());
    if (!basis.finite()) return;
    for (std::size_t j = 0; j < basis.alive().size(); ++j) {
        for (std::size_t i = 0; i < size; ++i) vectors[i * exponents + basis.alive()[j]] = basis.column(j)[i];
    }
}

}  // namespace rnnlatch
