import contextlib
import os
import select
import signal
import subprocess
import sys

import pytest

from loam.io.parent import HEAD

# a head that names itself and starts a job in a session of its own; the job waits for ever
HEAD_OF_A_JOB = """
import subprocess, sys
from loam.io.parent import name_head
name_head()
job = subprocess.Popen([sys.executable, "-c", sys.argv[1]], start_new_session=True)
print(job.pid, flush=True)
job.wait()
"""
JOB = """
import threading
from loam.io.parent import end_with_head
end_with_head()
print("at work", flush=True)
threading.Event().wait()
"""


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="only Linux lets a process be watched")
def test_a_job_ends_when_its_snakemake_is_killed(project):
    environment = {**os.environ, "PYTHONPATH": str(project / "workflow/lib")}
    command = [sys.executable, "-c", HEAD_OF_A_JOB, JOB]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment) as head:
        job = int(min({head.stdout.readline(), head.stdout.readline()} - {b"at work\n"}))
        os.kill(head.pid, signal.SIGKILL)
        head.wait()
        try:
            readable, _, _ = select.select([head.stdout], [], [], 30)
            assert readable and head.stdout.read() == b""  # the end of the pipe: the job no longer holds it
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(job, signal.SIGKILL)


@pytest.mark.parametrize("head", ["", "none", str(2**22 + 1)])
def test_a_head_that_cannot_be_watched_ends_nothing(project, head):
    environment = {**os.environ, "PYTHONPATH": str(project / "workflow/lib"), HEAD: head}
    code = "from loam.io.parent import end_with_head; end_with_head(); print('done')"
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert result.stdout == "done\n" and result.stderr == ""
