"""A small calibration run: what the engine claims is what happens, in few and many campaigns."""

from __future__ import annotations

from tests.benchmarks.calibration import Claims, Result, measure
from tests.benchmarks.portfolios import account_after_account


def small() -> Result:
    return measure("small", account_after_account(5, (60,)), once=True)


def test_claims_keep_their_word() -> None:
    result = small()
    assert len(result.fitted.made) > 7_500  # of the four rules and of budget optimisation
    assert result.fitted.error() <= 0.03
    assert result.default.error() <= 0.05
    assert result.fixed.error() > 0.05


def test_error_of_a_known_case() -> None:
    from tests.benchmarks.calibration import Claim

    claims = Claims("x", [[Claim(82.0, True)] * 3 + [Claim(82.0, False)], [Claim(57.0, True)] * 4])
    assert round(claims.error(), 6) == (0.07 * 4 + 0.43 * 4) / 8
    assert claims.error(below=60) == 0.43
