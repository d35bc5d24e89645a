"""Does a gRPC client that balances reach all servers? These are of the test itself, each served as a Pod."""

import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import grpc
import pytest

HERE = Path(__file__).parent
SERVICE = (HERE / "service.yaml").read_text()
SERVERS = 3


def greeter(name: str) -> tuple[grpc.Server, int]:
    """A server that tells its name, and its port on this machine."""
    handler = grpc.unary_unary_rpc_method_handler(
        lambda request, context: name, lambda octets: octets.decode(), lambda text: text.encode()
    )
    server = grpc.server(ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("greeter", {"who": handler})])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port


@pytest.fixture
def greeters(namespace):
    with ExitStack() as stack:
        for number in range(SERVERS):
            server, port = greeter(f"greeter-{number}")
            stack.callback(lambda server=server: server.stop(None).wait())
            options = {"port": 50051, "labels": {"app": "greeter"}, "service": False}
            stack.enter_context(namespace.serve(port, f"greeter-{number}", **options))
        yield


@pytest.mark.parametrize(
    "service", [SERVICE, SERVICE.replace("spec:", "spec:\n  clusterIP: None")], ids=["as written", "headless"]
)
def test_all_servers_are_asked(namespace, greeters, service):
    namespace.apply(service)
    namespace.wait_ready()
    answers = namespace.run([sys.executable, str(HERE / "client.py"), "greeter:50051", "30"]).stdout.split()
    assert set(answers) == {f"greeter-{number}" for number in range(SERVERS)}
