"""Gradients of recurrent networks, and where they come from."""

from rnnlatch.gradients.backpropagation import loss_and_gradient
from rnnlatch.gradients.becker_lecun import curvature
from rnnlatch.gradients.descent import descend
from rnnlatch.gradients.forcing import teacher_forcing
from rnnlatch.gradients.jacobians import jacobian_products
from rnnlatch.gradients.lags import by_lag
from rnnlatch.gradients.memory import gradient_memory
from rnnlatch.gradients.norms import clip_norm, global_norm
from rnnlatch.gradients.realtime import rtrl
from rnnlatch.gradients.regulariser import omega
from rnnlatch.gradients.second_order import hessian, hessian_vector_product
from rnnlatch.gradients.spectrum import singular_spectrum
from rnnlatch.gradients.surface import error_surface
from rnnlatch.gradients.wall import steepest

__all__ = [
    "by_lag",
    "clip_norm",
    "curvature",
    "descend",
    "error_surface",
    "global_norm",
    "gradient_memory",
    "hessian",
    "hessian_vector_product",
    "jacobian_products",
    "loss_and_gradient",
    "omega",
    "rtrl",
    "singular_spectrum",
    "steepest",
    "teacher_forcing",
]
