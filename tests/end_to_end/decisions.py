"""Decision files as an operator writes them."""

import time


def moment(offset=0):
    """RFC 3339, `offset` seconds from now."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + offset))


AUTHORITY = '''
[[authority]]
id = "test-operator"
kind = "operator"
name = { en = "The operator of this test" }
external = false
'''


def rule(name, action="sinkhole", match="both", more=""):
    return f'\n[[decision.rule]]\nname = "{name}"\nmatch = "{match}"\naction = "{action}"\n{more}\n'


def decision(identifier, *rules, kind="voluntary", end=3600, begin=None, scope=(), more=""):
    """One decision of the authority above. `begin` and `end` are seconds from now."""
    text = AUTHORITY + f'''
[[decision]]
id = "{identifier}"
type = "{kind}"
authority = "test-operator"
legal_basis = "the terms of this test"
statement_of_reasons = {{ en = "To see what happens." }}
redress = {{ en = "Write to the author of the test." }}
expires_at = {moment(end)}
territorial_scope = [{", ".join(f'"{code}"' for code in scope)}]
{more}
'''
    if begin is not None:
        text += f"effective_from = {moment(begin)}\n"
    return text + "".join(rules)
