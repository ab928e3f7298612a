// The engine's threads as a call from Python sees them.
#pragma once

#include <pybind11/pybind11.h>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <limits>
#include <string>

#include "engine/threads.hpp"
#include "engine/work.hpp"

namespace rnnlatch::bindings {

namespace py = pybind11;

// Releases the GIL while the threads work; takes it back to look for Ctrl-C and to report how many runs are done, unless the
// work is brief: so many multiplications and additions, about.
inline void run(int threads, Work& work, const py::object& progress, const std::function<void()>& worker,
                double operations = std::numeric_limits<double>::infinity()) {
    if (threads < 1) throw py::value_error("threads is " + std::to_string(threads) + ", allowed are integers from 1");
    threads = static_cast<int>(std::min(static_cast<std::size_t>(threads), std::max<std::size_t>(work.runs(), 1)));
    const auto report = [&] {
        const py::gil_scoped_acquire gil;
        if (PyErr_CheckSignals() != 0) throw py::error_already_set();
        if (!progress.is_none()) progress(work.done());
    };
    const py::gil_scoped_release release;
    if (operations < brief_operations) {
        run_briefly(threads, work, worker);
    } else {
        run_on_threads(threads, work, worker, report);
    }
}

}  // namespace rnnlatch::bindings
