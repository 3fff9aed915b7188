"""The parts of `make bench`: tests/benchmarks/suite.py puts them together."""
