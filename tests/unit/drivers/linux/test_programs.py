"""Programs that end, fail, are missing, or are no longer waited for."""

import asyncio
import os

import pytest

from fairlead.drivers.linux.programs import Completed, run_to_end

pytestmark = [pytest.mark.anyio, pytest.mark.io]


async def test_it_reads_its_input_and_is_read():
    script = "cat; echo bad >&2; exit 3"
    assert await run_to_end("sh", "-c", script, text="input") == Completed(3, "input", "bad\n")


async def test_output_that_is_not_text_is_shown():
    assert (await run_to_end("printf", r"a\377b")).output == "a\N{REPLACEMENT CHARACTER}b"


async def test_a_signal_counts_below_zero():
    assert (await run_to_end("sh", "-c", "kill -9 $$")).code == -9


async def test_a_missing_program_is_reported():
    with pytest.raises(FileNotFoundError):
        await run_to_end("no-such-program")


async def test_it_ends_with_the_caller(tmp_path):
    pid_file = tmp_path / "pid"
    os.mkfifo(pid_file)
    running = asyncio.create_task(run_to_end("sh", "-c", f"echo $$ > {pid_file}; exec sleep 1000"))
    pid = int(await asyncio.to_thread(pid_file.read_text))
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
