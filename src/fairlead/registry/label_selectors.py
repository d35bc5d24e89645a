"""Whether a LabelSelector of a document matches labels."""

from fairlead.model.document import Doc

_OPERATORS = {
    "In": lambda value, values: value in values,
    "NotIn": lambda value, values: value not in values,
    "Exists": lambda value, values: value is not None,
    "DoesNotExist": lambda value, values: value is None,
}


def selects(selector: Doc, labels: Doc) -> bool:
    """Whether a LabelSelector matches; an operator that nobody knows matches nothing."""
    wanted = selector.get("matchLabels") or {}
    return all(labels.get(key) == value for key, value in wanted.items()) and all(
        _matches(expression, labels) for expression in selector.get("matchExpressions") or ()
    )


def _matches(expression: Doc, labels: Doc) -> bool:
    operator = _OPERATORS.get(expression.get("operator", ""))
    value = labels.get(expression.get("key", ""))
    return operator is not None and operator(value, expression.get("values") or ())
