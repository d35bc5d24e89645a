"""A client that balances over all servers that its name resolves to: ``client.py TARGET CALLS``."""

import json
import sys

import grpc

ROUND_ROBIN = json.dumps({"loadBalancingConfig": [{"round_robin": {}}]})


def main(target: str, calls: int) -> None:
    options = [("grpc.service_config", ROUND_ROBIN), ("grpc.enable_http_proxy", 0)]
    with grpc.insecure_channel(f"dns:///{target}", options=options) as channel:
        call = channel.unary_unary("/greeter/who", lambda text: text.encode(), lambda octets: octets.decode())
        call("ready?", wait_for_ready=True, timeout=20)
        for _ in range(calls):
            print(call("who?", timeout=5))


main(sys.argv[1], int(sys.argv[2]))
