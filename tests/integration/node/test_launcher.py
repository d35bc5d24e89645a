"""The process that forks for a node agent: its children, the reports about them, and their cost."""

import asyncio
import os
import resource
import signal
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from fairlead.drivers.linux.child_process import StartError, started
from fairlead.drivers.pods.launching.birth_record import read_birth
from fairlead.drivers.pods.launching.launcher import Birth, Launcher
from fairlead.drivers.pods.launching.nursery import Nursery
from fairlead.drivers.pods.left_behind import adopt
from fairlead.drivers.pods.orphan_ends import OrphanEnds
from tests.support.labs import eventually

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="a PID namespace without a user namespace needs root")


def exit_with(code):
    started()
    os._exit(code)


def wait_for_signals(_):
    os.execvp("sleep", ["sleep", "60"])


def fail(message):
    raise OSError(0, message)


def answer(text, _, writer):
    os.write(writer, text.encode())
    os.execvp("true", ["true"])


@pytest.fixture(scope="module")
def nursery():
    nursery = Nursery("nowhere")
    yield nursery.socket
    nursery.close()  # which ends it


@asynccontextmanager
async def launching(nursery):
    launcher = Launcher(nursery)
    running = asyncio.create_task(launcher.run())
    try:
        yield launcher
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError, StartError):
            await running


def scenario(nursery, body):
    async def run():
        async with launching(nursery) as launcher:
            await body(launcher)

    asyncio.run(run())


def test_every_kind_of_end_is_reported(nursery):
    async def body(launcher):
        children = await asyncio.gather(*(launcher.start(Birth(exit_with, code)) for code in range(20)))
        assert [await child.wait() for child in children] == list(range(20))
        sleeping = await launcher.start(Birth(wait_for_signals, None))
        sleeping.signal(signal.SIGKILL)
        assert await sleeping.wait() == -signal.SIGKILL
        sleeping.signal(signal.SIGKILL)  # nobody is there any more

    scenario(nursery, body)


@pytest.mark.parametrize("size", [1, 1 << 20])
def test_specs_of_any_size_and_descriptors_arrive(nursery, size):
    async def body(launcher):
        init = await launcher.start(Birth(wait_for_signals, None))
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        child = await launcher.start(Birth(answer, "x" * size, (init.pidfd, writer)))
        await child.wait()
        assert os.read(reader, 10) == b"x" * min(size, 10)
        os.close(reader)
        os.close(writer)

    scenario(nursery, body)


def test_a_failing_child_is_reported_and_leaves_nothing(nursery):
    async def body(launcher):
        with pytest.raises(StartError, match="no such thing"):
            await launcher.start(Birth(fail, "no such thing"))
        with pytest.raises(StartError, match="cannot fork"):
            await launcher.start(Birth(answer, "", (0, 1)))  # no process
        child = await launcher.start(Birth(exit_with, 0))
        assert await child.wait() == 0

    scenario(nursery, body)


def test_an_abandoned_start_leaves_no_child(nursery):
    async def body(launcher):
        ended = asyncio.get_running_loop().create_future()
        launcher._end = lambda pid, status: ended.set_result(os.waitstatus_to_exitcode(status))
        starting = asyncio.create_task(launcher.start(Birth(wait_for_signals, None)))
        await asyncio.sleep(0)
        starting.cancel()
        assert await ended in (-signal.SIGKILL, 128)  # killed, or it saw by itself that nobody wants it any more

    scenario(nursery, body)


def test_starts_that_are_given_up_at_any_moment_do_not_end_the_launcher(nursery):
    """Neither those that cannot be made, whose report nobody reads."""

    async def body(launcher):
        for turns in range(40):
            births = [Birth(fail, "no such thing"), Birth(answer, "", (0, 1)), Birth(wait_for_signals, None)]
            starting = [asyncio.create_task(launcher.start(birth)) for birth in births]
            for _ in range(turns):
                await asyncio.sleep(0)
            for task in starting:
                task.cancel()
            await asyncio.gather(*starting, return_exceptions=True)
        assert await (await launcher.start(Birth(exit_with, 7))).wait() == 7

    scenario(nursery, body)


def test_children_go_with_the_launcher_and_the_agent_hears_of_it(nursery):
    async def body():
        launcher = Launcher(nursery)
        running = asyncio.create_task(launcher.run())
        child = await launcher.start(Birth(wait_for_signals, None))
        os.kill(launcher.pid, signal.SIGKILL)
        with pytest.raises(StartError, match="has gone"):
            await running
        while True:
            try:
                signal.pidfd_send_signal(child.pidfd, 0)
            except ProcessLookupError:
                return
            await asyncio.sleep(0.01)

    asyncio.run(body())


def last(_, outlive):
    outlive()
    os.execvp("sleep", ["sleep", "60"])


def test_a_child_with_a_record_outlives_the_launcher_and_is_found_by_it(nursery, tmp_path):
    async def body():
        launcher = Launcher(nursery)
        running = asyncio.create_task(launcher.run())
        child = await launcher.start(Birth(last, None, record=str(tmp_path / "record")))
        os.kill(launcher.pid, signal.SIGKILL)
        with pytest.raises(StartError, match="has gone"):
            await running
        record = read_birth(tmp_path / "record")
        assert (record.process.pid, record.is_born) == (child.pid, True)
        adopted = adopt(record.process, launcher, tmp_path / "ends")
        assert not adopted.ended.done()
        OrphanEnds(tmp_path / "ends").tell(record.process, 7 << 8)
        adopted.signal(signal.SIGKILL)
        assert await adopted.wait() == 7  # what was told, since another process collects it

    asyncio.run(body())


def test_a_start_does_not_copy_the_memory_of_the_agent(nursery):
    """Counted in pages: were the agent to fork, all that it writes to afterwards would be copied."""
    pages = 4096
    size = os.sysconf("SC_PAGE_SIZE")

    async def body(launcher):
        memory = bytearray(pages * size)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(3):
            child = await launcher.start(Birth(exit_with, 0))
            for place in range(0, len(memory), size):
                memory[place] = 1
            await child.wait()
        copied = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
        assert copied < 1.5 * pages  # once each, because they are new

    scenario(nursery, body)


SECRET = "kept-by-the-agent-alone"


def tell_memory(wanted, _, writer):
    """How often this process has the text in its memory; it comes backwards, so that most of them are not its own."""
    text = "".join(wanted)[::-1].encode()
    found = 0
    with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", buffering=0) as memory:
        for line in maps:
            span, modes, *_, name = (*line.split(), "")
            if modes.startswith("rw") and not name.startswith("[v"):
                start, end = (int(place, 16) for place in span.split("-"))
                memory.seek(start)
                found += memory.read(end - start).count(text)
    os.write(writer, str(found).encode())
    os.execvp("true", ["true"])


def test_a_child_has_no_data_of_the_agent_or_of_other_children(nursery):
    async def found_in_a_child(launcher):
        init = await launcher.start(Birth(wait_for_signals, None))
        reader, writer = os.pipe()
        child = await launcher.start(Birth(tell_memory, list(SECRET[::-1]), (init.pidfd, writer)))
        await child.wait()
        found = int(os.read(reader, 10))
        os.close(reader)
        os.close(writer)
        return found

    async def body(launcher):
        before = await found_in_a_child(launcher)  # what it looks for itself
        assert before
        for _ in range(5):
            await launcher.start(Birth(wait_for_signals, SECRET * 100))
        assert await found_in_a_child(launcher) == before

    scenario(nursery, body)


def test_a_child_inherits_nothing_but_what_it_is_given(nursery):
    async def body(launcher):
        reader, writer = os.pipe()
        os.set_inheritable(writer, True)
        init = await launcher.start(Birth(wait_for_signals, None))
        assert eventually(lambda: _descriptors(init.pid) == {"/dev/null"}, 60)
        os.close(reader)
        os.close(writer)

    scenario(nursery, body)


def _descriptors(pid):
    """What the descriptors of a process lead to, once it has become another program.

    A program that is being loaded opens its libraries one after the other: what closes while it is looked at does not
    count.
    """
    if "sleep" not in Path(f"/proc/{pid}/comm").read_text():
        return set()
    found = set()
    for path in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            found.add(os.readlink(path))
    return found


def test_a_killed_nursery_is_replaced_and_pending_requests_are_answered():
    first = Nursery("fairlead.app.builtin_images")
    os.kill(first._pid, signal.SIGKILL)
    os.waitpid(first._pid, 0)
    first.keep()
    second = first._pid
    first.keep()
    assert first._pid == second  # it runs

    async def body(launcher):
        assert await (await launcher.start(Birth(exit_with, 3))).wait() == 3

    scenario(first.socket, body)
    first.close()
    assert os.waitpid(second, 0)[1] == 0  # it ends with its last client
