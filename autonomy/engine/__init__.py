"""The engine: judgement, and nothing else. It imports no I/O module and reads no clock.

from autonomy.engine import decide
decisions = decide(rules, candidates, policy, now)
"""

from autonomy.engine.decide import Accounts, Engine, decide
from autonomy.engine.decision import Decision, Decisions
from autonomy.errors import CandidateError, PolicyError, RuleError

__all__ = [
    "Accounts",
    "CandidateError",
    "Decision",
    "Decisions",
    "Engine",
    "PolicyError",
    "RuleError",
    "decide",
]
