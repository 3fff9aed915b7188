"""The past: importing exports, replaying the rules over them, and what that would have earned."""
