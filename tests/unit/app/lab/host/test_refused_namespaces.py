"""Why namespaces are refused, in words."""

import errno

import pytest

from fairlead.app.lab.host.refused_namespaces import APPARMOR, DEBIAN, MachineFacts, why_refused

ORDINARY = MachineFacts({}, is_filtered=False, is_root=False, has_admin=False)


NO_USERS, FEW = {"user/max_user_namespaces": "0"}, {"user/max_user_namespaces": "9"}
NO_NETS = {"user/max_net_namespaces": "0"}


@pytest.mark.parametrize(
    ("code", "changes", "words"),
    [
        (errno.ENOSPC, {"sysctls": NO_USERS}, "sysctl -w user.max_user_namespaces=15000"),
        (errno.ENOSPC, {"sysctls": NO_NETS}, "sysctl -w user.max_net_namespaces=15000"),
        (errno.ENOSPC, {"sysctls": FEW}, "the limit of namespaces is reached"),
        (errno.EPERM, {"is_filtered": True}, "seccomp=unconfined"),
        (errno.EPERM, {"sysctls": {DEBIAN: "0"}}, "sysctl -w kernel.unprivileged_userns_clone=1"),
        (errno.EPERM, {"sysctls": {APPARMOR: "1", DEBIAN: "1"}}, "apparmor_restrict_unprivileged_userns=0"),
        (errno.EPERM, {}, "does not say why"),
        (errno.EPERM, {"is_root": True}, "CAP_SYS_ADMIN"),
        (errno.EPERM, {"is_root": True, "is_filtered": True}, "seccomp=unconfined"),
    ],
)
def test_the_cause_is_named_with_what_allows_it(code, changes, words):
    assert words in why_refused(code, ORDINARY._replace(**changes))
