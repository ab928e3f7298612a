"""The logger of the package, which is silent until somebody asks: `logging.getLogger("rnnlatch")`."""

import logging

__all__ = ["logger"]

logger = logging.getLogger("rnnlatch")
logger.addHandler(logging.NullHandler())
