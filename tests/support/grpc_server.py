"""A gRPC server with the health service: ``grpc_server.py PORT``. It is healthy, its service ``sick`` is not."""

import sys
from concurrent.futures import ThreadPoolExecutor

import grpc

STATUS_OF = {b"": b"\x08\x01", b"\x0a\x04sick": b"\x08\x02"}  # HealthCheckRequest: HealthCheckResponse


def check(request: bytes, context: grpc.ServicerContext) -> bytes:
    if request not in STATUS_OF:
        context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
    return STATUS_OF[request]


def start(address: str) -> tuple[grpc.Server, int]:
    """A running server, and its port."""
    server = grpc.server(ThreadPoolExecutor(2))
    method = grpc.unary_unary_rpc_method_handler(check)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("grpc.health.v1.Health", {"Check": method}),))
    port = server.add_insecure_port(address)
    server.start()
    return server, port


if __name__ == "__main__":
    start(f"0.0.0.0:{sys.argv[1]}")[0].wait_for_termination()
