"""One page of everything that was reproduced in a directory."""
