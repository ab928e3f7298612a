"""Y. Bengio, P. Simard and P. Frasconi, IEEE Transactions on Neural Networks 5(2):157-166, 1994.

"Learning long-term dependencies with gradient descent is difficult".
"""

PAPER = "Bengio, Simard & Frasconi, IEEE TNN 5(2):157-166, 1994"
