"""Plots of how costs grow, drawn by gnuplot into docs/plots/ where it is installed."""

import shutil
import subprocess

from measure.context import REPO
from measure.process import Failure

FOLDER = REPO / "docs" / "plots"
SCRIPT = """
set terminal svg size 640,400 background rgb "white"
set output "{output}"
set logscale x
{log_y}
set yrange [{least}:]
set grid
set key top left
set format x "10^{{%T}}"
set xlabel "{x_label}"
set ylabel "{y_label}"
plot {curves}
{data}
"""


def draw(bench, name, x_label, y_label, series, log_y=False):
    """Writes docs/plots/NAME.svg; `series` has a list of pairs for each name of a curve."""
    if not shutil.which("gnuplot"):
        bench.skip("plots: gnuplot is not installed (gnuplot-nox)")
        return
    FOLDER.mkdir(parents=True, exist_ok=True)
    curves = ", ".join(f'"-" using 1:2 title "{title}" noenhanced with linespoints pointtype 7' for title in series)
    data = "\n".join("\n".join(f"{x} {y}" for x, y in points) + "\ne" for points in series.values())
    script = SCRIPT.format(output=FOLDER / f"{name}.svg", log_y="set logscale y" if log_y else "", least="" if log_y else 0,
                           x_label=x_label, y_label=y_label, curves=curves, data=data)
    done = subprocess.run(["gnuplot"], input=script, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode:
        raise Failure(f"gnuplot: {done.stderr}")
