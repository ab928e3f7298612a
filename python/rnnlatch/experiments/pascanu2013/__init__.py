"""R. Pascanu, T. Mikolov and Y. Bengio, Proc. 30th International Conference on Machine Learning, 2013.

"On the difficulty of training recurrent neural networks".
"""

PAPER = "Pascanu, Mikolov & Bengio, ICML 2013"
