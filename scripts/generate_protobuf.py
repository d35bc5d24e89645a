"""Writes registry/schemas/protobuf.json: the protobuf field numbers of the API's types.

    .venv/bin/python scripts/generate_protobuf.py /path/to/kubectl

Every program built with the Kubernetes client for Go carries the compressed descriptors of all its messages; they are
found by the head that Go's gzip writes. Kept are the messages of the catalogue's types, with the JSON name of each
field. A field that JSON shows inline (a Volume's VolumeSource) becomes a table of its own.
"""

import json
import re
import sys
import zlib
from pathlib import Path

from fairlead.registry.schemas.catalogue import catalogue
from fairlead.registry.schemas.protobuf_wire import fields

TARGET = Path("src/fairlead/registry/schemas/protobuf.json")
GZIP_HEAD = re.compile(rb"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff")
BYTES, MESSAGE = 12, 11  # FieldDescriptorProto.Type
# Opaque in the catalogue, so read as they are by name.
OPAQUE_NAMES = {"FieldsV1", "RawExtension"}


def descriptors(program):
    """Message name -> its fields as (number, name, type, type name), of all files in a program."""
    found = {}
    for head in GZIP_HEAD.finditer(program):
        try:
            file = list(fields(zlib.decompressobj(31).decompress(program[head.start() : head.start() + (2 << 20)])))
        except (zlib.error, ValueError):
            continue
        package = next((value.decode() for number, value in file if number == 2), "")
        for number, value in file:
            if number == 4:
                add_message(found, f".{package}", value)
    return found


def add_message(found, scope, data):
    parts = list(fields(data))
    name = f"{scope}.{next(value.decode() for number, value in parts if number == 1)}"
    found[name] = [field_of(dict(fields(value))) for number, value in parts if number == 2]
    for number, value in parts:
        if number == 3:
            add_message(found, name, value)


def field_of(parts):
    return parts[3], parts[1].decode(), parts[5], parts.get(6, b"").decode()


def numbers_of(messages, message, json_names):
    table = {}
    for number, name, type_, type_name in messages[message]:
        if name in json_names:
            table[number] = f"{name}:base64" if is_bytes(messages, type_, type_name) else name
        elif type_ == MESSAGE:
            table[number] = numbers_of(messages, type_name, json_names)
    return {number: entry for number, entry in sorted(table.items()) if entry}


def is_bytes(messages, type_, type_name):
    """Whether JSON has base64 text for it: bytes, or a map to bytes."""
    if type_name.endswith("Entry"):
        return any(number == 2 and kind == BYTES for number, _, kind, _ in messages[type_name])
    return type_ == BYTES


def main(kubectl):
    messages = descriptors(Path(kubectl).read_bytes())
    table = {}
    for name, shape in catalogue().types.items():
        message = "." + name.replace("io.k8s.", "k8s.io.", 1)
        if shape and message in messages:
            table[name] = numbers_of(messages, message, shape)
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(table[name])}" for name in sorted(table))
    TARGET.write_text("{\n" + lines + "\n}\n")


if __name__ == "__main__":
    main(sys.argv[1])
