"""The table that the benchmark prints."""


class Table:
    """Rows of a measure, its unit, its target, and how it compares to a measure above it."""

    def __init__(self):
        """Start empty."""
        self.rows: list[tuple[str, str, str]] = []

    def add(
        self,
        what: str,
        value: float,
        unit: str,
        *,
        at_most: float | None = None,
        at_least: float | None = None,
    ) -> None:
        """Add a measure of kfmesh, with its target if it has one."""
        note = ""
        if at_most is not None:
            note = f"target at most {at_most:g} {unit}: {'met' if value <= at_most else 'MISSED'}"
        elif at_least is not None:
            note = f"target at least {at_least:g} {unit}: {'met' if value >= at_least else 'MISSED'}"
        self._put(what, f"{value:.2f} {unit}", note)

    def beside(
        self,
        what: str,
        value: float,
        unit: str,
        ours: float,
        *,
        rate: bool = False,
        at_least: float | None = None,
    ) -> None:
        """Add a peer or floor of our measure; of a rate more is better. at_least: times as good to be."""
        ratio = value / ours if rate else ours / value  # how many times as good as kfmesh it is
        if ratio >= 1:
            note = f"kfmesh takes {ratio:.2f} times that"
        elif "B" in unit:
            note = f"kfmesh takes {ratio:.2f} of that"
        else:
            note = f"kfmesh is {1 / ratio:.1f} times faster"
        if at_least is not None:
            note += f"; target {at_least:g} times: {'met' if ratio * at_least <= 1 else 'MISSED'}"
        self._put(f"  {what}", f"{value:.2f} {unit}", note)

    def absent(self, what: str, why: str) -> None:
        """Add a peer that could not be measured, and why."""
        self._put(f"  {what}", "not measured", why)

    def _put(self, what: str, value: str, note: str) -> None:
        """Add a row, and print it at once so that a long benchmark shows its progress."""
        self.rows.append((what, value, note))
        print(f"measured: {what.strip()}: {value}", flush=True)

    def __str__(self) -> str:
        """All rows, aligned."""
        widths = [max((len(row[i]) for row in self.rows), default=0) for i in range(2)]
        lines = [
            f"{what:<{widths[0]}}  {value:>{widths[1]}}  {note}".rstrip() for what, value, note in self.rows
        ]
        return "\n" + "\n".join(lines)
