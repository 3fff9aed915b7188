"""`python -m autonomy`: the command line."""

from autonomy.cli import main

if __name__ == "__main__":
    main()
