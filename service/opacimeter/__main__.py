"""`python -m opacimeter` and the `opacimeter` command."""

from opacimeter.cli import run

__all__ = ["main"]


def main() -> None:
    """Run the command line."""
    run()


if __name__ == "__main__":
    main()
