"""Where networks are trained and run: the processor or a GPU, and with how many threads."""

from __future__ import annotations

import logging

import torch

from loam.errors import ConfigError

log = logging.getLogger("loam")


def use_device(name: str, threads: int) -> torch.device:
    """The device that the config's ``training.device`` names; sets the number of threads of this process.

    Args:
        name: ``cpu``, ``cuda`` or ``auto`` (a GPU if there is one).
        threads: threads that the job may use.

    Raises:
        ConfigError: ``cuda`` is asked for and there is no GPU.
    """
    found = torch.cuda.is_available()
    if name == "cuda" and not found:
        raise ConfigError("no GPU found", where="config key 'training.device'", fix="set it to cpu or auto")
    device = torch.device("cuda" if found and name != "cpu" else "cpu")
    torch.set_num_threads(threads)
    log.info("device %s, %d thread(s)", describe(device), threads)
    return device


def describe(device: torch.device) -> str:
    """Name of the device for logs and cards."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
