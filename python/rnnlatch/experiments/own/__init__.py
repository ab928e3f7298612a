"""Experiments of our own, and examples from lectures."""

LECTURE = "An example from lectures on recurrent networks"
OWN = "rnnlatch"
