"""Labels of the API server's metrics have only values of the server."""

import pytest

from fairlead.drivers.apiserver.metrics import _resource


@pytest.mark.parametrize(
    ("path", "resource"),
    [
        ("/api/v1/pods", "pods"),
        ("/api/v1/namespaces", "namespaces"),
        ("/api/v1/namespaces/x", "namespaces"),
        ("/api/v1/namespaces/x/pods/y/log", "pods"),
        ("/apis/apps/v1/namespaces/x/deployments/y", "deployments"),
        ("/apis/apps/v1/deployments", "deployments"),
        ("/apis/made/up/namespaces/x/pods", ""),
        ("/api/v1/invented", ""),
        ("/api/v1", ""),
        ("/apis", ""),
        ("/", ""),
        ("", ""),
        ("/invented/path/of/a/client", ""),
    ],
)
def test_resources_that_are_not_served_have_no_name(path, resource):
    assert _resource(path) == resource
