"""The versions that an object has: a manager owns its fields as the version that it writes has them."""

from typing import Protocol

from fairlead.model.document import Doc


class Versions(Protocol):
    """The versions of the objects of one resource."""

    def type_of(self, api_version: str) -> str | None:
        """The type of the documents of a version; None when there is no such version."""

    def converted(self, document: Doc, api_version: str) -> Doc:
        """A document in an existing version; the document itself if it has that version.

        Raises:
            ApiError: 500, it cannot be converted. Unanswered: a webhook has to be asked.
        """
