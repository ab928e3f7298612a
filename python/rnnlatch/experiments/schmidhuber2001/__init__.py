"""J. Schmidhuber, S. Hochreiter and Y. Bengio, in A Field Guide to Dynamical Recurrent Networks, IEEE Press, 2001.

"Evaluating benchmark problems by random guessing".
"""

PAPER = "Schmidhuber, Hochreiter & Bengio, in A Field Guide to Dynamical Recurrent Networks, IEEE Press, 2001"
