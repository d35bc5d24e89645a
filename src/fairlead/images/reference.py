"""Names of images, as Docker, containerd and the kubelet read them: ``[REGISTRY/]REPOSITORY[:TAG][@DIGEST]``.

Grammar: https://github.com/distribution/reference. A name without a registry means Docker Hub, one without a tag and
a digest means the tag ``latest``.
"""

import re
from dataclasses import dataclass

from fairlead.images.digest import DIGEST, is_digest

DEFAULT_REGISTRY, DEFAULT_TAG = "docker.io", "latest"
_OFFICIAL = "library/"  # where Docker Hub keeps images that have one word for a name
_OLD_HUB = "index.docker.io"
LONGEST_REPOSITORY = 255

_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_HOST = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?"
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REFERENCE = re.compile(
    rf"(?:(?P<host>{_HOST})/)?(?P<path>{_COMPONENT}(?:/{_COMPONENT})*)(?::(?P<tag>\w[\w.-]{{0,127}}))?"
    rf"(?:@(?P<digest>[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{{32,}}))?",
    re.ASCII,
)


class InvalidReference(ValueError):
    """The text is no name of an image; the message says why."""


@dataclass(frozen=True)
class ImageName:
    """A name in full.

    Attributes:
        registry: host name, with a port if it is given one.
        tag: empty if there is a digest only.
        digest: empty if there is a tag only.
    """

    registry: str
    repository: str
    tag: str = ""
    digest: str = ""

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.registry}/{self.repository}{tag}{digest}"

    @property
    def familiar(self) -> str:
        """As users write it, without the registry if it is Docker Hub."""
        text = str(self).removeprefix(f"{DEFAULT_REGISTRY}/")
        rest = text.removeprefix(_OFFICIAL)
        return rest if text != str(self) and "/" not in rest else text

    def with_digest(self, digest: str) -> str:
        """The reference to exactly this content: the repository and a digest, without the tag."""
        return f"{self.registry}/{self.repository}@{digest}"


def parse_reference(text: str) -> ImageName:
    """The name in full.

    Raises:
        InvalidReference: it is none, in the words of the library that Docker and the kubelet use.
    """
    if re.fullmatch(r"[0-9a-f]{64}", text):
        raise InvalidReference("invalid repository name: cannot specify 64-byte hexadecimal strings")
    host, path = _split_host(text)
    found = _REFERENCE.fullmatch(f"{host}/{path}")
    if found is None:
        if _REFERENCE.fullmatch(f"{host}/{path.lower()}"):
            raise InvalidReference("invalid reference format: repository name must be lowercase")
        raise InvalidReference("invalid reference format")
    repository, tag, digest = found["path"], found["tag"] or "", found["digest"] or ""
    if len(repository) > LONGEST_REPOSITORY:
        raise InvalidReference(f"repository name must not be more than {LONGEST_REPOSITORY} characters")
    if digest and not is_digest(digest):
        raise InvalidReference(f"invalid digest: only {', '.join(DIGEST)} are known")
    return ImageName(host, repository, tag or ("" if digest else DEFAULT_TAG), digest)


def _split_host(text: str) -> tuple[str, str]:
    """A first part is a registry only if it looks like a host: ``team/app`` is of Docker Hub."""
    host, slash, path = text.partition("/")
    if not slash or not ("." in host or ":" in host or host == "localhost" or host != host.lower()):
        host, path = DEFAULT_REGISTRY, text
    if host == _OLD_HUB:
        host = DEFAULT_REGISTRY
    is_official = host == DEFAULT_REGISTRY and "/" not in path
    return host, f"{_OFFICIAL}{path}" if is_official else path
