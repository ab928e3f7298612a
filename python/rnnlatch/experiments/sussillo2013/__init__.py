"""D. Sussillo and O. Barak, Neural Computation 25(3):626-649, 2013.

"Opening the black box: low-dimensional dynamics in high-dimensional recurrent neural networks".
"""

PAPER = "Sussillo & Barak, Neural Computation 25(3):626-649, 2013"
