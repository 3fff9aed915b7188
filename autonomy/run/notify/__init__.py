"""Being told: what goes on, once for each cause, and what runs did.

Three ways, each on when it is configured: Slack-compatible (`{"text": ...}`), generic (signed
JSON), e-mail. `telling` says what is sent when, `channels` how it leaves.
"""
