"""An object as JSON writes it, where its fields are not known or not this program's to know."""

from typing import Any

Doc = dict[str, Any]
