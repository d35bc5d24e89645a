"""Programs in the place of a control plane's: each checks its flags and files as strictly as the real one, and has
parts of Fairlead behind it. etcd is Debian's own.

Run as a program: ``control_plane_stand_ins.py NAME --flag=value …``.
"""

import asyncio
import json
import os
import shutil
import socket
import ssl
import sys
import urllib.request
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
ETCD, API_SERVER = "etcd", "kube-apiserver"
CONTROLLER_MANAGER, SCHEDULER = "kube-controller-manager", "kube-scheduler"

_OF_CLIENTS = "authentication-kubeconfig authorization-kubeconfig bind-address kubeconfig leader-elect"
# Of the flags in the references of Kubernetes 1.33 to 1.36, those that a stand-in knows what to do with.
_PUBLISHED = {
    API_SERVER: (
        "advertise-address allow-privileged authorization-mode bind-address client-ca-file "
        "default-not-ready-toleration-seconds default-unreachable-toleration-seconds enable-admission-plugins "
        "enable-aggregator-routing enable-bootstrap-token-auth etcd-cafile etcd-certfile etcd-keyfile etcd-servers "
        "kubelet-certificate-authority kubelet-client-certificate kubelet-client-key kubelet-preferred-address-types "
        "proxy-client-cert-file proxy-client-key-file requestheader-allowed-names requestheader-client-ca-file "
        "requestheader-extra-headers-prefix requestheader-group-headers requestheader-username-headers secure-port "
        "service-account-issuer service-account-key-file service-account-signing-key-file service-cluster-ip-range "
        "service-node-port-range tls-cert-file tls-private-key-file"
    ),
    CONTROLLER_MANAGER: (
        f"{_OF_CLIENTS} allocate-node-cidrs client-ca-file cluster-cidr cluster-name cluster-signing-cert-file "
        "cluster-signing-key-file controllers node-monitor-grace-period requestheader-client-ca-file root-ca-file "
        "service-account-private-key-file service-cluster-ip-range use-service-account-credentials"
    ),
    SCHEDULER: _OF_CLIENTS,
}
PUBLISHED = {name: frozenset(flags.split()) for name, flags in _PUBLISHED.items()}
_FILES = ("-file", "-cafile", "-certfile", "-keyfile", "-certificate", "-key", "-authority", "kubeconfig")


def write_stand_ins(folder):
    """The programs of a control plane, in a folder."""
    folder.mkdir(exist_ok=True)
    for name in PUBLISHED:
        program = folder / name
        program.write_text(f'#!/bin/sh\nexec {sys.executable} {__file__} {name} "$@"\n')
        program.chmod(0o755)
    (folder / ETCD).symlink_to(shutil.which(ETCD))


def flags_of(name, arguments):
    """The flags by name; ends where one is unknown, as the real program does, or a file is not there."""
    flags = {}
    for argument in arguments:
        key, equals, value = argument.removeprefix("--").partition("=")
        if not equals or key not in PUBLISHED[name]:
            sys.exit(f"Error: unknown flag: --{key}")
        if key.endswith(_FILES) and not Path(value).read_bytes():
            sys.exit(f"Error: --{key}: {value} is empty")
        flags[key] = value
    return flags


def check_etcd(flags):
    """Ends unless etcd lets this client in, and nobody without a certificate."""
    context = ssl.create_default_context(cafile=flags["etcd-cafile"])
    context.load_cert_chain(flags["etcd-certfile"], flags["etcd-keyfile"])
    with urllib.request.urlopen(f"{flags['etcd-servers']}/health", context=context, timeout=30) as answer:
        assert json.load(answer)["health"] == "true"


def check_keys(flags):
    """Ends unless the keys of ServiceAccounts are two halves of one, in the forms that kube-apiserver reads."""
    from cryptography.hazmat.primitives import serialization

    form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    private = serialization.load_pem_private_key(Path(flags["service-account-signing-key-file"]).read_bytes(), None)
    public = serialization.load_pem_public_key(Path(flags["service-account-key-file"]).read_bytes())
    assert private.public_key().public_bytes(*form) == public.public_bytes(*form)


async def serve_api(flags):
    """Our API server with the certificates that it was told of."""
    from fairlead.app.apiserver import ApiServerOptions, run
    from fairlead.registry.strategy import ClusterConfig

    check_etcd(flags)
    check_keys(flags)
    data = Path(flags["client-ca-file"]).parent / "stand-in"
    pki = data / "pki"
    pki.mkdir(parents=True, exist_ok=True)
    for flag, name in {
        "client-ca-file": "ca.crt",
        "tls-cert-file": "server.crt",
        "tls-private-key-file": "server.key",
        "kubelet-client-certificate": "kube-apiserver-kubelet-client.crt",
        "kubelet-client-key": "kube-apiserver-kubelet-client.key",
    }.items():
        shutil.copy(flags[flag], pki / name)
    address = flags["bind-address"], int(flags["secure-port"])
    listener = socket.create_server(address, backlog=256)
    cluster = ClusterConfig(tuple(flags["service-cluster-ip-range"].split(",")), enforces_policies=True)
    await run(ApiServerOptions(data, pki, address, cluster), [listener], lambda: None)


async def control(flags, names):
    from fairlead.app.controllers import ControllerSettings, ControllersOptions, SigningAuthority, run

    authority = None
    if "cluster-signing-cert-file" in flags:
        authority = SigningAuthority(Path(flags["cluster-signing-cert-file"]), Path(flags["cluster-signing-key-file"]))
    await run(
        ControllersOptions(Path(flags["kubeconfig"]), only=names, settings=ControllerSettings(authority=authority)),
        print,
    )


def main():
    from fairlead.app.controllers import CONTROLLERS

    name, *arguments = sys.argv[1:]
    flags = flags_of(name, arguments)
    others = tuple(each for each in CONTROLLERS if each not in ("scheduler", "load-balancer", "dns-autoscaler"))
    work = {
        API_SERVER: lambda: serve_api(flags),
        CONTROLLER_MANAGER: lambda: control(flags, others),
        SCHEDULER: lambda: control(flags, ("scheduler",)),
    }
    asyncio.run(work[name]())


if __name__ == "__main__":
    sys.path.insert(0, str(REPOSITORY / "src"))
    os.umask(0o077)
    main()
