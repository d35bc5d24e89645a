"""Definitions with all that those of a large project have, in a small one: two kinds of an ingress of our own.

Defaults below defaults, lists with one key and with several, sets, atomic maps, alternatives, formats, integers or
strings, rules with raw strings, about pairs of elements and lists in lists, with reserved words, old values, times,
keys of maps and messages of their own, a restricted name, a status with defaults of its own, columns by JSON paths with
filters, and a group that is protected.
"""

GROUP = "doors.fairlead.k8s.io"
TEXT, TRUTH = {"type": "string"}, {"type": "boolean"}


def told(rules):
    return (
        {"x-kubernetes-validations": [{"rule": rule, "message": message} for rule, message in rules]} if rules else {}
    )


def object_(required=(), rules=(), /, **properties):
    needed = {"required": list(required)} if required else {}
    return {"type": "object", "properties": properties, **needed, **told(rules)}


def list_(items, keys=(), rules=(), **more):
    kind = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(keys)} if keys else {}
    return {"type": "array", "items": items, **kind, **told(rules), **more}


CONDITION = object_(
    ("type", "status"),
    type={**TEXT, "maxLength": 316, "pattern": r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?/)?[A-Za-z0-9.]+$"},
    status={**TEXT, "enum": ["True", "False", "Unknown"]},
    reason=TEXT,
    lastTransitionTime={**TEXT, "format": "date-time"},
)
PENDING = {"type": "Open", "status": "Unknown", "reason": "Pending", "lastTransitionTime": "1970-01-01T00:00:00Z"}
STATUS = {**object_(conditions=list_(CONDITION, ["type"], maxItems=8)), "default": {"conditions": [PENDING]}}
LEAF = object_(
    ("name", "port"),
    [("!has(self.lock) || self.kind == 'Locked'", "a lock is for the kind Locked")],
    name={**TEXT, "minLength": 1, "format": "k8s-short-name"},
    port={"type": "integer", "format": "int32", "minimum": 1, "maximum": 65535},
    kind={**TEXT, "enum": ["Locked", "Plain"], "default": "Plain"},
    lock=object_(options={"type": "object", "additionalProperties": TEXT, "maxProperties": 2}),
    addresses={**list_({**TEXT, "format": "ipv4"}), "x-kubernetes-list-type": "set"},
)
LEAVES = list_(
    LEAF,
    ["name"],
    [
        (
            "self.all(a, self.exists_one(b, a.port == b.port && a.kind == b.kind))",
            "port and kind must be unique together",
        ),
        ("self.all(a, a.name in oldSelf.map(b, b.name) || self.size() > oldSelf.size())", "leaves are not renamed"),
    ],
    maxItems=16,
)
ADDRESS = {
    **object_(
        (),
        [
            (
                r'''self.type == 'Name' ? (!has(self.value) || self.value.matches(r"""^(\*\.)?[a-z.]+$""")): true''',
                "a name must be a host name",
            )
        ],
        type={**TEXT, "default": "IP", "pattern": "^IP|Name|[a-z.]+/[a-z]+$"},
        value={**TEXT, "maxLength": 253},
    ),
    "oneOf": [
        {"properties": {"type": {"enum": ["IP"]}, "value": {"anyOf": [{"format": "ipv4"}, {"format": "ipv6"}]}}},
        {"properties": {"type": {"not": {"enum": ["IP"]}}}},
    ],
}
ADDRESSES = list_(
    ADDRESS,
    (),
    [
        (
            "self.all(a, has(a.value) ? self.exists_one(b, has(b.value) && b.value == a.value) : true)",
            "addresses must be unique",
        )
    ],
    maxItems=16,
)
NOTES = {
    "type": "object",
    "additionalProperties": {**TEXT, "maxLength": 64},
    "maxProperties": 4,
    **told(
        [
            (
                r'''self.all(key, key.matches(r"""^([a-z0-9.-]+/)?[A-Za-z0-9._-]+$"""))''',
                "keys must be qualified names",
            ),
            ('self.all(key, key.split("/")[0].size() < 20)', "the prefix of a key must be short"),
        ]
    ),
}
CHOSEN = {
    **object_(matchLabels={"type": "object", "additionalProperties": TEXT}, matchExpressions=list_(object_(key=TEXT))),
    "x-kubernetes-map-type": "atomic",
}
OPEN_AND_CLOSED = [
    {
        "rule": "!has(self.opens) || !has(self.closes) || self.closes - self.opens >= duration('1h')",
        "messageExpression": "'closes before ' + string(self.opens + duration('1h'))",
        "fieldPath": ".closes",
    },
    {
        "rule": "!has(self.opens) || !oldSelf.hasValue() || oldSelf.value().keeper == self.keeper",
        "optionalOldSelf": True,
        "message": "keepers do not change by day",
        "reason": "FieldValueForbidden",
    },
]
DOOR = object_(
    ("spec",),
    metadata={"type": "object", "properties": {"name": {**TEXT, "maxLength": 12, "pattern": "^[a-z]+$"}}},
    spec={
        **object_(
            ("keeper", "leaves"),
            keeper={**TEXT, "x-kubernetes-validations": [{"rule": "self == oldSelf", "message": "Value is immutable"}]},
            leaves=LEAVES,
            addresses=ADDRESSES,
            notes=NOTES,
            chosen=CHOSEN,
            opens={**TEXT, "format": "date-time"},
            closes={**TEXT, "format": "date-time"},
        ),
        "x-kubernetes-validations": OPEN_AND_CLOSED,
    },
    status={
        **STATUS,
        "properties": {
            **STATUS["properties"],
            "guards": list_(object_(("name", "house"), name=TEXT, house=TEXT, seen=TRUTH), ["name", "house"]),
        },
    },
)
PATH = {
    **object_(
        (),
        [
            (
                "self.type in ['Exact', 'Prefix'] ? self.value.startsWith('/') && !self.value.contains('//') : true",
                "must be an absolute path",
            ),
            (
                r"""self.type == 'Exact' ? self.value.matches(r'^(?i)[-a-z0-9/._~%]+$') : true""",
                "must only contain characters of paths",
            ),
        ],
        type={**TEXT, "enum": ["Exact", "Prefix", "Pattern"], "default": "Prefix"},
        value={**TEXT, "default": "/", "maxLength": 64},
    ),
    "default": {"type": "Prefix", "value": "/"},
}
TARGET = object_(
    ("name",),
    [("size(self.group) == 0 && self.kind == 'Service' ? has(self.port) : true", "a Service needs a port")],
    group={**TEXT, "default": "", "maxLength": 253},
    kind={**TEXT, "default": "Service"},
    name=TEXT,
    port={
        "x-kubernetes-int-or-string": True,
        "anyOf": [{"type": "integer"}, {"type": "string"}],
        **told([("self != 'none' && self != 0", "a port needs a name or a number")]),
    },
    weight={"type": "integer", "default": 1, "minimum": 0},
    wait={**TEXT, "pattern": r"^([0-9]{1,5}(h|m|s|ms)){1,4}$"},
)
FILTER = object_(
    ("type",),
    [
        ("!(has(self.mirror) && self.type != 'Mirror')", "mirror is for the type Mirror"),
        ("!(!has(self.mirror) && self.type == 'Mirror')", "the type Mirror needs a mirror"),
    ],
    type={**TEXT, "enum": ["Mirror", "Redirect", "Rewrite"]},
    mirror=object_(
        (),
        [
            ("!(has(self.percent) && has(self.part))", "either a percentage or a part"),
        ],
        percent={"type": "integer", "format": "int32", "minimum": 0, "maximum": 100},
        part=object_(
            ("of",),
            [("self.of <= self.among", "a part is not larger than the whole")],
            of={"type": "integer"},
            among={"type": "integer", "default": 100, "minimum": 1},
        ),
    ),
    redirect=object_(code={"type": "integer", "enum": [301, 302], "default": 302}),
    headers={**list_(TEXT, maxLength=2), "x-kubernetes-list-type": "set"},
)
FILTERS = list_(
    FILTER,
    (),
    [
        (
            "!(self.exists(f, f.type == 'Redirect') && self.exists(f, f.type == 'Rewrite'))",
            "either a redirect or a rewrite",
        ),
        ("self.filter(f, f.type == 'Redirect').size() <= 1", "at most one redirect"),
    ],
    maxItems=8,
)
RULE = object_(
    (),
    [
        (
            "has(self.targets) && has(self.filters) ? self.filters.all(f, !has(f.redirect)) : true",
            "a redirect has no targets",
        ),
        (
            "!has(self.wait) || !has(self.waitEach) || duration(self.waitEach) <= duration(self.wait)",
            "waitEach must not be longer than wait",
        ),
    ],
    matches={**list_(object_(path=PATH), maxItems=4), "default": [{"path": {"type": "Prefix", "value": "/"}}]},
    filters=FILTERS,
    targets=list_(TARGET),
    wait={**TEXT, "format": "duration"},
    waitEach={**TEXT, "format": "duration"},
)
SAME_SECTION = "(has(a.section) ? has(b.section) && a.section == b.section : !has(b.section))"
SAME_PARENT = (
    "a.name == b.name && (has(a.__namespace__) ? has(b.__namespace__) && a.__namespace__ == b.__namespace__ : "
)
SAME_PARENT += "!has(b.__namespace__))"
PARENTS = list_(
    object_(("name",), (), name=TEXT, namespace=TEXT, section=TEXT),
    (),
    [
        (f"self.all(a, self.all(b, ({SAME_PARENT}) ? has(a.section) == has(b.section) : true))", "sections of all"),
        (f"self.all(a, self.exists_one(b, ({SAME_PARENT}) && {SAME_SECTION}))", "parents must differ"),
    ],
    maxItems=16,
    **{"x-kubernetes-list-type": "atomic"},
)
HOSTS = list_(
    {**TEXT, "maxLength": 253},
    (),
    [
        ("self.all(h, !isIP(h))", "hosts are not addresses"),
        ("self.all(h, h.contains('*') ? h.startsWith('*.') && h.substring(2).matches('^[a-z.]+$') : true)", "wild"),
        ("!('*.all' in self && self.size() > 1)", "no other hosts than all"),
    ],
    maxItems=1024,
)
COUNTED = " + ".join(f"(self.size() > {place} ? self[{place}].matches.size() : 0)" for place in range(16))
WAY = object_(
    spec=object_(
        parents=PARENTS,
        hosts=HOSTS,
        names={**list_({**TEXT, "minLength": 1, "maxLength": 253}), "x-kubernetes-list-type": "set"},
        rules={
            **list_(RULE, (), [(f"{COUNTED} <= 20", "at most 20 matches")], maxItems=16),
            "default": [{"matches": [{"path": {"type": "Prefix", "value": "/"}}]}],
        },
    ),
    status=STATUS,
)
READY = '.status.conditions[?(@.type=="Open")].status'


def definition(kind, schema, scope, columns, **annotations):
    plural = f"{kind.lower()}s"
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {"status": {}},
        "additionalPrinterColumns": columns,
    }
    return {
        "metadata": {"name": f"{plural}.{GROUP}", "annotations": annotations},
        "spec": {
            "group": GROUP,
            "scope": scope,
            "versions": [version],
            "names": {"plural": plural, "kind": kind, "categories": ["fairlead-api"], "shortNames": [kind[:2].lower()]},
        },
    }


APPROVED = {"api-approved.kubernetes.io": "https://github.com/example/doors/pull/1"}
COLUMNS = [
    {"name": "Address", "type": "string", "jsonPath": ".spec.addresses[*].value"},
    {"name": "Open", "type": "string", "jsonPath": READY},
    {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
]
DEFINITIONS = [
    definition("Door", DOOR, "Cluster", COLUMNS, **APPROVED),
    definition("Way", WAY, "Namespaced", COLUMNS, **APPROVED),
]
