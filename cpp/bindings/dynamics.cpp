// Trajectories of autonomous networks, where they end, and the error as a surface over two directions.
#include <limits>
#include <string>
#include <utility>

#include "bindings/bindings.hpp"
#include "bindings/networks.hpp"
#include "bindings/threads.hpp"
#include "dynamics/reach_points.hpp"
#include "dynamics/settle.hpp"

namespace rnnlatch::bindings {
namespace {

constexpr std::int64_t most_steps = std::numeric_limits<std::int32_t>::max() - 64;

std::int64_t between(const char* name, std::int64_t value, std::int64_t least, std::int64_t most) {
    if (value < least || value > most) {
        throw py::value_error(std::string(name) + " is " + std::to_string(value) + ", allowed are integers from " +
                              std::to_string(least) + " to " + std::to_string(most));
    }
    return value;
}

double tolerance_of(double tolerance) {
    if (!(tolerance >= 0) || tolerance > std::numeric_limits<double>::max()) {
        throw py::value_error("tolerance is " + std::to_string(tolerance) + ", allowed are numbers from 0");
    }
    return tolerance;
}

// The arguments that reach_points and settle share, and their results.
class AutonomousCall {
   public:
    AutonomousProblem problem{};
    TrajectoryResults results{};
    py::dict out;

    AutonomousCall(const py::dict& structure, const py::dict& parameters, const py::object& inputs,
                   const py::object& starts, const py::object& same_step, const char* label) {
        const Structure whole = structure_of(structure);
        problem.kind = whole.kind;
        problem.activation = whole.activation;
        NetworkShape& shape = problem.network.shape = whole.shape;
        shape.outputs = 0;  // nothing is read out
        shape.bias_out = false;
        shape.batch = 1;
        shape.length = trail;
        if (!py::isinstance<py::array>(starts)) throw py::type_error("starts must be a NumPy array");
        const auto runs = py::reinterpret_borrow<py::array>(starts);
        if (runs.ndim() != 3 || runs.shape(0) < 1) {
            throw py::value_error("starts must have three axes, (run, states, hidden), and at least one run");
        }
        const py::ssize_t count = runs.shape(0);
        shape.runs = static_cast<std::size_t>(count);
        const auto states = static_cast<py::ssize_t>(shape.states), hidden = static_cast<py::ssize_t>(shape.hidden);
        problem.start = view_of<double>(starts, "starts", count, {states, hidden});
        problem.input = view_of<double>(inputs, "inputs", count, {static_cast<py::ssize_t>(shape.inputs)}, true);
        problem.shared = problem.input.run == 0;
        for (const auto& [name, rest] : parameter_shapes(shape)) {
            View<const double>& view = *parameter_view(problem.network.parameters, name);
            view = view_of<double>(entry(parameters, name.c_str()), name, count, rest, true);
            problem.shared = problem.shared && view.run == 0;
        }
        if (!same_step.is_none()) problem.network.same_step = lower_triangle(same_step, whole);
        py::array_t<std::int32_t> labels(count), steps(count);
        py::array_t<double> state({count, states, hidden});
        results = {labels.mutable_data(), steps.mutable_data(), state.mutable_data()};
        out[label] = labels;
        out["steps"] = steps;
        out["state"] = state;
    }

    // f(steps) on every thread, with what takes the steps of these networks.
    template <class F>
    void run_on(int threads, F f) const {
        const Blocks blocks(problem.network.shape.runs, static_cast<std::size_t>(std::max(threads, 1)));
        Work work(blocks.count());
        const auto worker = [&] {
            if (!SmallSteps<1>::fits(problem)) {
                using V = Twice<f64>;
                NetworkSteps<V> steps(problem, cell_in_lanes<V>(problem.kind, problem.activation, 1));
                f(steps, blocks, work);
            } else if (problem.network.shape.hidden <= 2) {
                SmallSteps<2> steps(problem);
                f(steps, blocks, work);
            } else {
                SmallSteps<1> steps(problem);
                f(steps, blocks, work);
            }
        };
        run(threads, work, py::none(), worker);
    }
};

py::dict reach_points(const py::dict& structure, const py::dict& parameters, const py::object& inputs,
                      const py::object& starts, const py::object& points, double tolerance, std::int64_t max_steps,
                      int threads, const py::object& same_step) {
    const AutonomousCall call(structure, parameters, inputs, starts, same_step, "point");
    const NetworkShape& shape = call.problem.network.shape;
    const auto wanted = require<double>(
        points, "points", {-1, static_cast<py::ssize_t>(shape.states), static_cast<py::ssize_t>(shape.hidden)});
    const Points all{wanted.data(), static_cast<std::size_t>(wanted.shape(0)), tolerance_of(tolerance)};
    between("max_steps", max_steps, 0, most_steps);
    call.run_on(threads, [&](auto& steps, Blocks blocks, Work& work) {
        rnnlatch::reach_points(steps, call.problem, all, max_steps, blocks, work, call.results);
    });
    return call.out;
}

py::dict settle(const py::dict& structure, const py::dict& parameters, const py::object& inputs,
                const py::object& starts, double tolerance, std::int64_t max_period, std::int64_t max_steps,
                int threads, const py::object& same_step) {
    const AutonomousCall call(structure, parameters, inputs, starts, same_step, "period");
    tolerance_of(tolerance);
    between("max_period", max_period, 1, most_steps);
    between("max_steps", max_steps, 0, most_steps);
    call.run_on(threads, [&](auto& steps, Blocks blocks, Work& work) {
        rnnlatch::settle(steps, tolerance, max_period, max_steps, blocks, work, call.results);
    });
    return call.out;
}

}  // namespace

void bind_dynamics(py::module_& m) {
    using namespace py::literals;
    m.def("reach_points", &reach_points, "structure"_a, "parameters"_a, "inputs"_a, "starts"_a, "points"_a,
          "tolerance"_a, "max_steps"_a, "threads"_a, "same_step"_a = py::none(),
          "Which point each trajectory comes within the tolerance of first, and after how many steps.");
    m.def("settle", &settle, "structure"_a, "parameters"_a, "inputs"_a, "starts"_a, "tolerance"_a, "max_period"_a,
          "max_steps"_a, "threads"_a, "same_step"_a = py::none(),
          "Whether each trajectory comes back to where it was, with which period, and after how many steps.");
}

}  // namespace rnnlatch::bindings
