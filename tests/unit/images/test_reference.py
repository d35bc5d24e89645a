"""Names of images."""

import pytest

from fairlead.images.reference import InvalidReference, parse_reference

HEX = "a" * 64


@pytest.mark.parametrize(
    ("text", "full", "familiar"),
    [
        ("nginx", "docker.io/library/nginx:latest", "nginx:latest"),
        ("nginx:1.25", "docker.io/library/nginx:1.25", "nginx:1.25"),
        ("library/nginx", "docker.io/library/nginx:latest", "nginx:latest"),
        ("docker.io/nginx", "docker.io/library/nginx:latest", "nginx:latest"),
        ("index.docker.io/nginx", "docker.io/library/nginx:latest", "nginx:latest"),
        ("team/app:v1", "docker.io/team/app:v1", "team/app:v1"),
        ("library/team/app", "docker.io/library/team/app:latest", "library/team/app:latest"),
        ("localhost/app", "localhost/app:latest", "localhost/app:latest"),
        ("localhost:5000/app", "localhost:5000/app:latest", "localhost:5000/app:latest"),
        ("[::1]:5000/app", "[::1]:5000/app:latest", "[::1]:5000/app:latest"),
        ("registry.k8s.io/e2e/agnhost:2.40", "registry.k8s.io/e2e/agnhost:2.40", "registry.k8s.io/e2e/agnhost:2.40"),
        ("UPPER/app", "UPPER/app:latest", "UPPER/app:latest"),
        (f"nginx@sha256:{HEX}", f"docker.io/library/nginx@sha256:{HEX}", f"nginx@sha256:{HEX}"),
        (f"nginx:1@sha256:{HEX}", f"docker.io/library/nginx:1@sha256:{HEX}", f"nginx:1@sha256:{HEX}"),
        ("a.b/c__d/e--f:T_1.x-y", "a.b/c__d/e--f:T_1.x-y", "a.b/c__d/e--f:T_1.x-y"),
    ],
)
def test_a_name_in_full(text, full, familiar):
    name = parse_reference(text)
    assert (str(name), name.familiar) == (full, familiar)
    assert parse_reference(str(name)) == name
    assert parse_reference(name.familiar) == name


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "invalid reference format"),
        ("Nginx", "repository name must be lowercase"),
        ("docker.io/Team/app", "repository name must be lowercase"),
        ("nginx:", "invalid reference format"),
        ("nginx:a b", "invalid reference format"),
        ("nginx:" + "t" * 129, "invalid reference format"),
        ("-nginx", "invalid reference format"),
        ("a//b", "invalid reference format"),
        ("../etc/passwd", "invalid reference format"),
        ("nginx@sha256:abc", "invalid reference format"),
        (f"nginx@md5:{HEX}", "invalid digest"),
        (f"nginx@sha256:{HEX}a", "invalid digest"),
        (HEX, "64-byte hexadecimal"),
        ("a/" * 130 + "b", "more than 255 characters"),
        ("nginx\n", "invalid reference format"),
        ("https://a.b/c", "invalid reference format"),
    ],
)
def test_invalid_image_names(text, why):
    with pytest.raises(InvalidReference, match=why):
        parse_reference(text)
