// Lyapunov exponents: how much the vectors of a basis have grown at the steps asked for.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
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

struct LyapunovResult {
    double* log_growth;      // (records, exponents), NaN from where a number is not finite
    std::int64_t* diverged;  // the step, counted from 1 with the transient, at which a number is not finite; or -1
};

namespace detail {

// How the vectors of a basis grow.
class GrowthOfBasis {
   public:
    GrowthOfBasis(const RecurrentNetwork& network, NetworkJacobian& jacobian, const LyapunovWalk& walk)
        : jacobian_(jacobian), basis_(jacobian.rows(), walk.exponents) {
        for (std::size_t j = 0; j < walk.exponents; ++j) {
            for (std::size_t i = 0; i < network.state_size(); ++i) {
                basis_.column(j)[i / network.hidden * network.units() + i % network.hidden] =
                    walk.basis[i * walk.exponents + j];
            }
        }
        basis_.begin();
    }

    bool advance() {
        jacobian_.prepare();
        basis_.advance(
            [&](const BasisColumns& b, double* out, std::size_t stride) { jacobian_.multiply(b, out, stride); });
        return basis_.finite();
    }
    void restart() {
        basis_.orthonormalise();
        basis_.restart();
    }
    void record(double* to) { basis_.log_growth(to); }

   private:
    NetworkJacobian& jacobian_;
    TangentBasis basis_;
};

// A diagonal network's directions never mix: each unit has its own exponent.
class GrowthOfUnits {
   public:
    GrowthOfUnits(std::size_t units, const NetworkJacobian& jacobian) : jacobian_(jacobian), growth_(units) {}

    bool advance() {
        for (std::size_t unit = 0; unit < growth_.size(); ++unit) growth_[unit].multiply(jacobian_.diagonal(unit));
        return true;
    }
    void restart() { std::fill(growth_.begin(), growth_.end(), LongProduct{}); }
    void record(double* to) {
        for (const LongProduct& each : growth_) *to++ = each.logarithm();
    }

   private:
    const NetworkJacobian& jacobian_;
    std::vector<LongProduct> growth_;
};

// Walks along the inputs, and records `columns` numbers at each record. Returns the step at which a number is not finite.
template <class Growth>
std::int64_t walk_along(NetworkJacobian& jacobian, Growth&& growth, const double* inputs, std::size_t input_stride,
                        const LyapunovWalk& walk, std::size_t columns, double* to, const Work& work) {
    std::fill_n(to, walk.records.size() * columns, std::numeric_limits<double>::quiet_NaN());
    auto record = walk.records.begin();
    for (std::size_t t = 1; t <= walk.transient + walk.steps && !work.cancelled(); ++t, inputs += input_stride) {
        if (!jacobian.move(inputs) || !growth.advance()) return static_cast<std::int64_t>(t);
        if (t == walk.transient) growth.restart();
        if (record == walk.records.end() || t != walk.transient + *record) continue;
        growth.record(to);
        to += columns, ++record;
    }
    return -1;
}

}  // namespace detail

// inputs: one row after another, `input_stride` apart, 0 where it is the same at every step.
inline void lyapunov(const RecurrentNetwork& network, const double* initial, const double* inputs,
                     std::size_t input_stride, const LyapunovWalk& walk, const LyapunovResult& result,
                     const Work& work) {
    NetworkJacobian jacobian(network, initial);
    const std::size_t units = network.hidden, records = walk.records.size(), exponents = walk.exponents;
    if (!network.diagonal) {
        *result.diverged = detail::walk_along(jacobian, detail::GrowthOfBasis(network, jacobian, walk), inputs,
                                              input_stride, walk, exponents, result.log_growth, work);
    } else {
        std::vector<double> found(records * units);
        *result.diverged = detail::walk_along(jacobian, detail::GrowthOfUnits(units, jacobian), inputs, input_stride,
                                              walk, units, found.data(), work);
        std::vector<std::size_t> order(units);  // of the units, those that have grown most first
        std::iota(order.begin(), order.end(), std::size_t{0});
        if (*result.diverged < 0) {
            const double* last = found.data() + (records - 1) * units;
            std::stable_sort(order.begin(), order.end(),
                             [&](std::size_t i, std::size_t j) { return last[i] > last[j]; });
        }
        for (std::size_t record = 0; record < records; ++record) {
            for (std::size_t j = 0; j < exponents; ++j) {
                result.log_growth[record * exponents + j] = found[record * units + order[j]];
            }
        }
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
