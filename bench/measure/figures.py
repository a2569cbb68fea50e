"""Lines of the table: figures, the peer that they are compared with, and their goals."""

import dataclasses
import operator
import statistics

TESTS = {">=": operator.ge, ">": operator.gt, "<=": operator.le, "<": operator.lt}


@dataclasses.dataclass(frozen=True)
class Goal:
    """The goal for the median of a line's ratios, or of its figures if the line has no peer."""

    test: str  # one of TESTS
    bound: float

    def text(self):
        return f"{self.test} {self.bound:g}"

    def met_by(self, value):
        return TESTS[self.test](value, self.bound)


@dataclasses.dataclass
class Line:
    """The figures of one server in one row, one for each round."""

    row: str
    server: str
    unit: str
    values: list
    reference: str = ""
    ratios: list = dataclasses.field(default_factory=list)  # to the reference's figure of the same round
    goal: Goal | None = None

    def median(self):
        return statistics.median(self.values)

    def ratio(self):
        return statistics.median(self.ratios) if self.ratios else None

    def met(self):
        """None where there is no goal."""
        if not self.goal:
            return None
        return self.goal.met_by(self.ratio() if self.ratios else self.median())

    def as_json(self):
        return {"row": self.row, "server": self.server, "unit": self.unit, "median": self.median(), "values": self.values,
                "reference": self.reference or None, "ratio": self.ratio(), "ratios": self.ratios,
                "goal": self.goal and self.goal.text(), "met": self.met()}


def compared(row, server, unit, values, reference, reference_values, goal=None):
    """A line whose figures are seen beside those of `reference`, round by round."""
    ratios = [own / other if other else float("inf") for own, other in zip(values, reference_values, strict=True)]
    return Line(row, server, unit, list(values), reference, ratios, goal)


def in_turn(rounds, contenders):
    """Calls each of `contenders` (name: function) in every round; gives each one's results by name."""
    results = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, measure in contenders.items():
            results[name].append(measure())
    return results
