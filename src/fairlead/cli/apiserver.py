"""``fairlead apiserver``."""

import asyncio
import signal
import socket
from pathlib import Path

import click

from fairlead.cli.data_folder import salvage, tell_of_authority
from fairlead.cli.logs import verbose_flag


@click.command()
@click.option("--data", "data", type=click.Path(path_type=Path), required=True, help="Directory of the store.")
@click.option("--listen", default="127.0.0.1:6443", show_default=True, help="Address and port to serve on.")
@click.option("--advertise", help="Address and port for Pods; by default those of --listen.")
@click.option("--kubeconfig", type=click.Path(path_type=Path), help="Where to write an administrator's kubeconfig.")
@click.option(
    "--service-cidr",
    "cidrs",
    multiple=True,
    default=["10.96.0.0/16"],
    show_default=True,
    help="CIDR of virtual IPs; one for each IP family.",
)
@click.option("--accept-loss", is_flag=True, help="Continue with the intact part of a damaged store.")
@click.option("--plain", is_flag=True, help="Serve HTTP without TLS, with tokens only; for measurements.")
@verbose_flag
def apiserver(
    data: Path,
    listen: str,
    advertise: str | None,
    kubeconfig: Path | None,
    cidrs: tuple[str, ...],
    accept_loss: bool,
    plain: bool,
) -> None:
    """Run the API server alone."""
    from fairlead.app.apiserver import ApiServerOptions, run
    from fairlead.app.lab.fork import LabError, in_child
    from fairlead.drivers.apiserver.store.errors import StoreError
    from fairlead.drivers.identity.pki import API_SERVER, ensure_certificate, ensure_pki, write_kubeconfig
    from fairlead.drivers.identity.token_keys import TokenKeyError
    from fairlead.model.socket_address import SocketAddress
    from fairlead.registry.strategy import ClusterConfig

    if accept_loss:
        salvage(data)
    host, port = _endpoint(listen)
    listener = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    port = listener.getsockname()[1]
    pki = data / "pki"
    path = kubeconfig or data / "admin.kubeconfig"
    url = f"https://{SocketAddress(host, port)}"

    def make_files() -> None:
        ensure_pki(pki, [host, "localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"])
        ensure_certificate(pki, API_SERVER, API_SERVER, ())
        write_kubeconfig(path, pki, url, "admin", ["system:masters"])

    try:
        in_child(make_files)  # with which the library for certificates goes, a sixth of an empty server's memory
    except LabError as error:
        raise click.ClickException(str(error)) from error
    tell_of_authority(pki)
    advertised = _endpoint(advertise) if advertise else (host, port)
    options = ApiServerOptions(data, pki, advertised, ClusterConfig(service_cidrs=cidrs), plain)

    async def serve() -> None:
        task = asyncio.ensure_future(run(options, [listener], lambda: click.echo(f"serving {url}, kubeconfig {path}")))
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        await asyncio.wait([task])
        if not task.cancelled():
            task.result()

    try:
        asyncio.run(serve())
    except (StoreError, TokenKeyError) as error:
        raise click.ClickException(str(error)) from error


def _endpoint(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise click.UsageError(f"{text!r} is not ADDRESS:PORT")
    return host.strip("[]"), int(port)
