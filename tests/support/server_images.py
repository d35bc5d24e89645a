"""Images of nginx, PostgreSQL and Redis, made of what Debian's packages have put on this machine.

They behave as those of Docker Hub: they start as root, own their folders, and go on as a user of their own.
"""

import os
import shutil
import subprocess
from pathlib import Path

from tests.support.image_roots import busybox_root, copy_to, put_programs
from tests.support.labs import FAIRLEAD

POSTGRES = Path("/usr/lib/postgresql")
_USERS = """
root:x:0:0:root:/root:/bin/sh
nginx:x:101:101:nginx:/nonexistent:/bin/false
redis:x:999:999::/data:/bin/sh
postgres:x:998:998::/var/lib/postgresql:/bin/sh
"""
_GROUPS = "root:x:0:\nnginx:x:101:\nredis:x:999:\npostgres:x:998:\n"
_NGINX = """
user nginx;
worker_processes 1;
error_log /dev/stderr notice;
pid /run/nginx.pid;
events { worker_connections 64; }
http {
  access_log /dev/stdout;
  server { listen 80; root /usr/share/nginx/html; }
}
"""
_REDIS = """#!/bin/sh
set -e
if [ "$(id -u)" = 0 ]; then
  chown -R redis /data
  exec /usr/bin/setpriv --reuid=redis --regid=redis --init-groups "$0" "$@"
fi
exec "$@"
"""
_POSTGRES = """#!/bin/sh
set -e
if [ "$(id -u)" = 0 ]; then
  mkdir -p "$PGDATA" /var/run/postgresql
  chown -R postgres "$PGDATA" /var/run/postgresql
  chmod 700 "$PGDATA"
  exec /usr/bin/setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
fi
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  echo "$POSTGRES_PASSWORD" > /tmp/password
  initdb -D "$PGDATA" -U postgres --pwfile=/tmp/password --auth-host=scram-sha-256 --auth-local=trust -N
  echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
fi
exec "$@"
"""


def server_images(folder: Path) -> Path:
    """An archive with all of ``IMAGES``."""
    environment = {**os.environ, "HOME": str(folder), "XDG_DATA_HOME": str(folder / "data")}
    for name, make in IMAGES.items():
        root = folder / name.partition(":")[0]
        options = make(root)
        words = [FAIRLEAD, "image", "load", f"rootfs:{root}", "--name", name, *options]
        subprocess.run(words, env=environment, check=True, capture_output=True)
    archive = folder / "servers.tar"
    subprocess.run([FAIRLEAD, "image", "save", *IMAGES, "-o", archive], env=environment, check=True)
    return archive


def _root(target: Path, *programs: str) -> None:
    busybox_root(target, {"etc/passwd.new": "", "run/.keep": ""})
    (target / "etc" / "passwd.new").unlink()
    (target / "etc" / "passwd").write_text(_USERS.lstrip())
    (target / "etc" / "group").write_text(_GROUPS)
    put_programs(target, programs)


def _nginx(target: Path) -> list[str]:
    _root(target, "nginx")
    for folder in ("etc/nginx", "var/lib/nginx", "var/log/nginx", "usr/share/nginx/html"):
        (target / folder).mkdir(parents=True)
    (target / "etc/nginx/nginx.conf").write_text(_NGINX)
    (target / "usr/share/nginx/html/index.html").write_text("<h1>Welcome to nginx!</h1>\n")
    return [*_words("--cmd", "nginx", "-g", "daemon off;"), "--stop-signal", "SIGQUIT"]


def _redis(target: Path) -> list[str]:
    _root(target, "redis-server", "redis-cli", "setpriv")
    (target / "data").mkdir()
    _script(target, _REDIS)
    own = [*_words("--entrypoint", "docker-entrypoint.sh"), *_words("--cmd", "redis-server", "--protected-mode", "no")]
    return [*own, "--workdir", "/data", "--volume", "/data"]


def _postgres(target: Path) -> list[str]:
    version = sorted(POSTGRES.iterdir())[-1]
    programs = [str(version / "bin" / name) for name in ("postgres", "initdb", "psql", "pg_isready")]
    _root(target, "setpriv", *programs)
    shutil.copytree(Path("/usr/share/postgresql", version.name), target / "usr/share/postgresql" / version.name)
    for library in ("plpgsql.so", "dict_snowball.so"):  # what initdb itself loads
        copy_to(target, str(version / "lib" / library))
    (target / "tmp").chmod(0o1777)
    _script(target, _POSTGRES)
    own = [*_words("--entrypoint", "docker-entrypoint.sh"), *_words("--cmd", "postgres", "-c", "listen_addresses=*")]
    path = f"PATH=/usr/local/bin:{version}/bin:/usr/bin:/bin"
    return [*own, "--env", path, "--env", "PGDATA=/var/lib/postgresql/data", "--stop-signal", "SIGINT"]


def _script(target: Path, text: str) -> None:
    path = target / "usr/local/bin/docker-entrypoint.sh"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    path.chmod(0o755)


def _words(option: str, *words: str) -> list[str]:
    return [part for word in words for part in (option, word)]


IMAGES = {"nginx:1.14.2": _nginx, "redis:7": _redis, "postgres:16": _postgres}
