"""How a type or a section of the configuration refuses a value, in words of its own. Standard library only."""

from __future__ import annotations


class RefusalError(ValueError):
    """A value that the key cannot have; ``loam.config.wrong`` makes a ConfigError of it that names the key.

    Args:
        what: is wrong.
        expected: what would have been right.
        fix: what to write.
        key: which key of the section it is, where a section as a whole is checked.
    """

    def __init__(
        self, what: str, *, expected: str | None = None, fix: str | None = None, key: str | None = None
    ) -> None:
        super().__init__(what)
        self.what, self.expected, self.fix, self.key = what, expected, fix, key
