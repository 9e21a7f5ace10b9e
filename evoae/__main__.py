"""`python -m evoae` is the command `evoae`."""

from evoae.cli.main import main

if __name__ == "__main__":
    main()
