"""The table that the benchmark prints."""


class Table:
    """Rows of a measure, its unit, its target, and how it compares to a measure above it."""

    def __init__(self):
        """Start empty."""
        self.rows: list[tuple[str, str, str]] = []

    def add(
        self, what: str, value: float, unit: str, *, target: float | None = None, base: float | None = None
    ) -> None:
        """Add a row, and print it at once so that a long benchmark shows its progress."""
        note = ""
        if target is not None:
            note = f"target {target:g} {unit}: {'met' if value <= target else 'MISSED'}"
        elif base is not None:
            ratio = base / value
            note = (
                f"kfmesh takes {ratio:.2f} times that"
                if ratio >= 1
                else f"kfmesh is {1 / ratio:.1f} times faster"
            )
        self.rows.append((what, f"{value:.2f} {unit}", note))
        print(f"measured: {what}: {value:.2f} {unit}", flush=True)

    def __str__(self) -> str:
        """All rows, aligned."""
        widths = [max(len(row[i]) for row in self.rows) for i in range(2)]
        lines = [
            f"{what:<{widths[0]}}  {value:>{widths[1]}}  {note}".rstrip() for what, value, note in self.rows
        ]
        return "\n" + "\n".join(lines)
