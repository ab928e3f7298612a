"""The cluster behind ``--scheduler``: a Dask client, and whether its workers compute what the driver would."""

import asyncio
import logging
import socket
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Any

from rnnlatch._config import __version__
from rnnlatch._numerics import NUMERICS_VERSION

__all__ = ["ANSWER_SECONDS", "connected"]

ANSWER_SECONDS = 10.0
"""How long a scheduler may take to answer."""

WORKERS_SECONDS = 60.0
"""And all of its workers, which may be many, and busy."""


@contextmanager
def connected(address: str) -> Iterator[Executor]:
    """Give the executor of a Dask cluster.

    Parameters
    ----------
    address : str
        That of the scheduler, such as ``tcp://127.0.0.1:8786``.

    Yields
    ------
    Executor
        For `rnnlatch.sweep`; its workers may come later, and go.

    Raises
    ------
    ImportError
        If Dask is not installed.
    ValueError
        If nothing answers, or a worker has another version of rnnlatch, or none.
    """
    try:
        distributed: Any = import_module("distributed")
    except ImportError:
        raise ImportError("scheduler needs dask.distributed: pip install 'rnnlatch[dask]'") from None
    allowed = "it must be the address of a Dask scheduler that runs, such as tcp://127.0.0.1:8786"
    # What it says of its connection comes out as one sentence of ours.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    try:
        # A client would wait for ever for what takes its call and says nothing; one that cannot read its address is never
        # closed, and says so when Python ends.
        asyncio.run(asyncio.wait_for(_call(distributed, address), ANSWER_SECONDS))
        client = distributed.Client(address, timeout=ANSWER_SECONDS, set_as_default=False, name="rnnlatch")
    except Exception as error:  # of whatever answers, and of each kind of address
        words = _silence(address, error) or " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"scheduler is {address!r}, and nothing answers there ({words}); {allowed}") from None
    try:
        _check_workers(client, address)
        yield client.get_executor(pure=False)
    finally:
        # All that was to come has come; a scheduler that has gone is no more than that.
        with suppress(Exception):
            client.close(timeout=ANSWER_SECONDS)


def _silence(address: str, error: Exception) -> str:
    """Say why there was no answer; nothing where the error says it."""
    if not isinstance(error, OSError):
        return ""
    host = address.rpartition("://")[2].rpartition(":")[0].strip("[]")
    try:
        socket.getaddrinfo(host, None)
    except OSError:
        return f"the host {host} is not known"
    return "" if str(error) else f"none that a scheduler gives within {ANSWER_SECONDS:g} s"


async def _call(distributed: Any, address: str) -> None:
    """Raise where no scheduler answers."""
    comm = await distributed.comm.connect(address, timeout=ANSWER_SECONDS)
    await comm.close()


def _check_workers(client: Any, address: str) -> None:
    """Raise where a worker that is there already would compute other numbers, or none; later ones say so themselves."""
    try:
        # As client.run(), which would wait for ever for a worker that is silent.
        answers = client.sync(client.run, _version, on_error="return", callback_timeout=WORKERS_SECONDS)
    except (OSError, TimeoutError) as error:
        raise ValueError(
            f"scheduler is {address!r}, whose workers have not all answered within {WORKERS_SECONDS:g} s "
            f"({type(error).__name__}); each must be one that runs"
        ) from None
    for worker, found in answers.items():
        if isinstance(found, BaseException):
            raise ValueError(
                f"scheduler is {address!r}, whose worker {worker} cannot use rnnlatch ({type(found).__name__}: {found}); it "
                "must be installed there"
            )
        version, numerics = found
        if numerics != NUMERICS_VERSION:
            raise ValueError(
                f"scheduler is {address!r}, whose worker {worker} has rnnlatch {version} (numerics_version {numerics}); here "
                f"it is {__version__} (numerics_version {NUMERICS_VERSION}): both must have the same version"
            )


def _version() -> tuple[str, int]:
    """Give what a worker has."""
    return __version__, NUMERICS_VERSION
