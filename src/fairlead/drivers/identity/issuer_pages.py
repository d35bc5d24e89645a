"""Pages for verifiers of tokens: the issuer and its public keys (OpenID Connect Discovery 1.0).

Upstream: ``pkg/serviceaccount/openidmetadata.go``.
"""

import json
from typing import NamedTuple

ALGORITHM = "ES256"
CONFIGURATION, KEYS = "/.well-known/openid-configuration", "/openid/v1/jwks"


class IssuerPage(NamedTuple):
    """A document and its media type."""

    body: bytes
    content_type: str


def issuer_pages(issuer: str, public_keys: dict[str, object]) -> dict[str, IssuerPage]:
    """The pages by path. The keys are at the issuer, whose name leads to the API server inside the cluster.

    Args:
        public_keys: a JSON Web Key Set.
    """
    configuration = {
        "issuer": issuer,
        "jwks_uri": f"{issuer}{KEYS}",
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
    }
    return {
        CONFIGURATION: IssuerPage(json.dumps(configuration).encode(), "application/json"),
        KEYS: IssuerPage(json.dumps(public_keys).encode(), "application/jwk-set+json"),
    }
