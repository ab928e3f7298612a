// What each file of this folder adds to the module. Bindings convert and check; they compute nothing.
#pragma once

#include <pybind11/pybind11.h>

namespace rnnlatch::bindings {

namespace py = pybind11;

void bind_build_info(py::module_& m);
void bind_dynamics(py::module_& m);
void bind_engine(py::module_& m);
void bind_jacobians(py::module_& m);
void bind_lanes(py::module_& m);
void bind_lyapunov(py::module_& m);
void bind_matrix(py::module_& m);
void bind_minibatches(py::module_& m);
void bind_network_analyses(py::module_& m);
void bind_networks(py::module_& m);
void bind_random(py::module_& m);
void bind_training(py::module_& m);

}  // namespace rnnlatch::bindings
