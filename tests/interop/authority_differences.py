"""Where NSD and Knot DNS answer otherwise than Placard, and why. Each row: who, what it says, when it is meant.

A difference that no row means fails the test; a row that meant nothing in any of the tests should be deleted.
"""

import messages


def labels(question):
    return question.name.lower().split(".")


def only(fields, *allowed):
    return fields <= set(allowed)


def dname_met(ours):
    return "DNAME" in ours.types("answer")


def without_proofs(section):
    return {row for row in section if row[1] not in ("NSEC", "NSEC3") and not is_signature_of_proof(row)}


def is_signature_of_proof(row):
    return row[1] == "RRSIG" and row[3][:2] in (b"\x00\x2f", b"\x00\x32")


def same_but_for_proofs(ours, theirs):
    return without_proofs(ours.authority) == without_proofs(theirs.authority)


def less_is_said(ours, theirs):
    return theirs.additional < ours.additional


NSD = [
    ("NSD does not follow a CNAME when asked for NSEC3, nor for NSEC except in zones with NSEC3; here NSEC, which stands "
     "beside a CNAME, is the one type that never follows it",
     lambda q, ours, theirs, fields: q.kind in ("NSEC", "NSEC3") and "CNAME" in ours.types("answer") | theirs.types("answer")),
    ("NSD sends nothing along with SVCB and HTTPS (RFC 9460 4.1 wants it) nor with NAPTR (RFC 2915)",
     lambda q, ours, theirs, fields: q.kind in ("SVCB", "HTTPS", "NAPTR") and only(fields, "additional")
     and less_is_said(ours, theirs)),
    ("behind a DNAME NSD proves that the wrong name is not there, or leaves a proof out",
     lambda q, ours, theirs, fields: q.dnssec and dname_met(ours) and only(fields, "authority")
     and same_but_for_proofs(ours, theirs)),
    ("asked for the name of a wildcard itself NSD sends a proof more, which nobody needs",
     lambda q, ours, theirs, fields: q.dnssec and "*" in labels(q) and only(fields, "authority")
     and ours.authority < theirs.authority and same_but_for_proofs(ours, theirs)),
    ("where names between the closest provable encloser and a delegation have no NSEC3 by opt-out, NSD sends NSEC3s "
     "that neither match nor cover what RFC 5155 7.2 asks for",
     lambda q, ours, theirs, fields: q.dnssec and "optout" in q.origin and only(fields, "authority")
     and "optent" in labels(q) and same_but_for_proofs(ours, theirs)),
    ("no data at a wildcard that has NS: with NSEC3, NSD leaves out the proof of what the wildcard has",
     lambda q, ours, theirs, fields: q.dnssec and only(fields, "authority") and "wns" in labels(q)
     and theirs.authority < ours.authority and same_but_for_proofs(ours, theirs)),
]

KNOT = [
    ("Knot DNS refers to the servers of a wildcard that has NS (RFC 4592 4.2 leaves that open); NSD and Placard do not",
     lambda q, ours, theirs, fields: "wns" in labels(q)),
    ("Knot DNS follows a DNAME into its own tree a few times more; NSD and Placard once",
     lambda q, ours, theirs, fields: "d-own" in labels(q) and only(fields, "answer") and ours.answer < theirs.answer),
    ("a name that a DNAME makes too long is YXDOMAIN (RFC 6672 2.2), as NSD has it; Knot DNS says so of some, and "
     "NXDOMAIN of others",
     lambda q, ours, theirs, fields: ours.rcode == "YXDOMAIN" and only(fields, "rcode", "authority")),
    ("Knot DNS sends the set behind an alias in SVCB, but not the addresses behind that; and nothing with NAPTR",
     lambda q, ours, theirs, fields: q.kind in ("SVCB", "HTTPS", "NAPTR") and only(fields, "additional")
     and {row for row in theirs.additional if not is_proof(row)} <= ours.additional),
    ("Knot DNS sends proofs along with what a wildcard adds to the additional section",
     lambda q, ours, theirs, fields: q.dnssec and only(fields, "additional") and ours.additional < theirs.additional
     and all(is_proof(row) for row in theirs.additional - ours.additional)),
    ("a wildcard that is an empty non-terminal: Knot DNS leaves out the proof that the wildcard exists",
     lambda q, ours, theirs, fields: q.dnssec and "went" in labels(q) and only(fields, "authority")
     and theirs.authority < ours.authority and same_but_for_proofs(ours, theirs)),
    ("a name with a label \"*\" that a wildcard makes, or whose wildcard lacks the type: a name like any other "
     "(RFC 4592 2.1.3), whose own absence is to be proved; Knot DNS takes it for the wildcard",
     lambda q, ours, theirs, fields: q.dnssec and labels(q)[0] == "*" and only(fields, "authority")
     and theirs.authority < ours.authority and same_but_for_proofs(ours, theirs)),
    ("asked for the NSEC that a wildcard makes, Knot DNS leaves out the same record under the wildcard's own name",
     lambda q, ours, theirs, fields: q.dnssec and q.kind == "NSEC" and only(fields, "authority")
     and "NSEC" in ours.types("answer") and not theirs.authority),
    ("addresses below a cut are glue; Knot DNS sends them along with MX too",
     lambda q, ours, theirs, fields: q.kind == "MX" and only(fields, "additional") and ours.additional < theirs.additional
     and all("sub" in messages.name_text(row[0]).split(".") for row in theirs.additional - ours.additional)),
]


def is_proof(row):
    return row[1] in ("NSEC", "NSEC3") or is_signature_of_proof(row)
