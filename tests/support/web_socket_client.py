"""The client's side of a WebSocket without any input or output, for tests of servers."""

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.uri import parse_uri


class _Client(ClientProtocol):
    def process_subprotocol(self, headers):
        return headers.get("Sec-WebSocket-Protocol") or None


class WebSocketClient:
    def __init__(self, *subprotocols):
        self.protocol = _Client(parse_uri("wss://node/exec"), subprotocols=subprotocols or None, max_size=None)
        self.protocol.send_request(self.protocol.connect())
        self.head = self.sent()

    def sent(self):
        """What the client sends now."""
        return b"".join(self.protocol.data_to_send())

    def message(self, data):
        self.protocol.send_binary(data)
        return self.sent()

    def text(self, data):
        self.protocol.send_text(data)
        return self.sent()

    def fragments(self, *parts):
        """One message in several frames."""
        self.protocol.send_binary(parts[0], fin=False)
        for part in parts[1:-1]:
            self.protocol.send_continuation(part, fin=False)
        self.protocol.send_continuation(parts[-1], fin=True)
        return self.sent()

    def close(self):
        self.protocol.send_close(1000)
        return self.sent()

    def received(self, data):
        """Payloads of the messages in what the server sent."""
        self.protocol.receive_data(data)
        frames = [event for event in self.protocol.events_received() if isinstance(event, Frame)]
        return [bytes(frame.data) for frame in frames if frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT)]
