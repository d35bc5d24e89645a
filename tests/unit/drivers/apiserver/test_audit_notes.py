"""The log of requests."""

import logging

from fairlead.drivers.apiserver import audit_notes
from fairlead.drivers.linux.rare_log import RareLog
from fairlead.registry.requests import Request, User


def test_one_line_that_no_client_can_break_and_a_count_of_the_others(monkeypatch, caplog):
    monkeypatch.setattr(audit_notes, "_notes", RareLog(logging.getLogger("fairlead.audit")))
    request = Request("POST", "/api/v1/x\nERROR all is lost", {}, User("eve\n"))
    for _ in range(3):
        audit_notes.log_notes(request, [("k", "v\n")])
    audit_notes.log_notes(request, [])
    assert [record.getMessage() for record in caplog.records] == [
        r"user 'eve\n', POST '/api/v1/x\nERROR all is lost': k='v\n'"
    ]
