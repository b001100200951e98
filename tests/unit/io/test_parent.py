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


@pytest.mark.parametrize("head", ["", "none", str(2**22 + 1), f"{2**22 + 1} another machine"])
def test_a_head_that_cannot_be_watched_ends_nothing(project, head):
    environment = {**os.environ, "PYTHONPATH": str(project / "workflow/lib"), HEAD: head}
    code = "from loam.io.parent import end_with_head; end_with_head(); print('done')"
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert result.stdout == "done\n" and result.stderr == ""


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="only Linux lets a process be watched")
def test_a_job_whose_snakemake_is_gone_before_it_begins_does_not_begin(project):
    code = "import os; from loam.io import parent; parent.name_head(); where = os.environ[parent.HEAD].split()[1]; "
    code += "os.environ[parent.HEAD] = f'{2**22 + 1} {where}'; parent.end_with_head(); print('at work')"
    environment = {**os.environ, "PYTHONPATH": str(project / "workflow/lib")}
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (128 + signal.SIGTERM, "", "")


def test_a_second_interrupt_does_not_disturb_the_tidying_up_after_the_first(project):
    code = """
import os, signal
from loam.io.parent import take_interrupts
take_interrupts()
try:
    os.kill(os.getpid(), signal.SIGINT)
except KeyboardInterrupt:
    os.kill(os.getpid(), signal.SIGINT)
    print("tidied up")
"""
    environment = {**os.environ, "PYTHONPATH": str(project / "workflow/lib")}
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert result.stdout == "tidied up\n"


def test_an_interrupt_of_snakemake_alone_reaches_its_jobs(project):
    code = """
import subprocess, sys
from loam.io.terminal import interrupt_jobs
job = "import signal, sys; signal.signal(signal.SIGINT, lambda *_: sys.exit(7)); print(flush=True); signal.pause()"
with subprocess.Popen([sys.executable, "-c", job], stdout=subprocess.PIPE) as process:
    process.stdout.readline()
    interrupt_jobs()
    print(process.wait())
"""
    environment = {**os.environ, "PYTHONPATH": str(project / "workflow/lib")}
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert result.stdout == "7\n"
