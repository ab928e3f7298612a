// The arguments of a call that trains networks, and what makes a trainer of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "bindings/arrays.hpp"
#include "engine/training_problem.hpp"
#include "engine/work.hpp"

namespace rnnlatch::bindings {

inline constexpr std::int64_t most_steps = std::int64_t{1} << 24;

// The arguments of a call: the dictionaries, which keep their arrays alive.
struct TrainingArguments {
    py::dict structure, columns, arrays;

    const double* column(const char* name, py::ssize_t runs) const {
        return require<double>(entry(columns, name), name, {runs}).data();
    }
    std::int64_t number(const char* name, std::int64_t least, std::int64_t most) const {
        return integer(structure, name, least, most);
    }
    std::size_t size(const char* name, std::int64_t least, std::int64_t most = most_steps) const {
        return static_cast<std::size_t>(number(name, least, most));
    }
    std::string text(const char* name) const { return text_of(structure, name); }
};

// Trains the runs that are left, on one thread.
using Trainer = std::function<void(const TrainingProblem&, const TrainingResults&, Work&)>;

}  // namespace rnnlatch::bindings
