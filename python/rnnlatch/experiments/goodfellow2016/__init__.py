"""I. Goodfellow, Y. Bengio and A. Courville, "Deep Learning", MIT Press, 2016, chapter 10."""

PAPER = "Goodfellow, Bengio & Courville, Deep Learning, MIT Press, 2016"
