"""What the processor and the operating system can run."""

# Written by cmake/stubs.py from the signatures in C++.

def levels() -> list[str]:
    """The x86-64 levels that processor and operating system support, lowest first; empty on other machines."""
