"""Models of a subject's choices."""

from __future__ import annotations

from boldstream.behaviour.cells import choices
from boldstream.report.blocks import Block, Picture, Text, make_table, number
from boldstream.report.drawings import draw_choices
from boldstream.report.frames import gather, read_frame
from boldstream.report.pictures import as_picture, new_figure
from boldstream.report.results import Unit

STEP = "behaviour"
HEADINGS = {
    "k": "k",
    "log_k": "log k",
    "log_k_se": "SE of log k",
    "inverse_temperature": "inverse temperature",
    "mcfadden_r2": "McFadden's R²",
    "n_trials": "trials",
    "n_missing": "missed",
}


def behaviour_blocks(units: list[Unit]) -> list[Block]:
    """Parameters, how well they are known, and choices with the model."""
    table = gather(units, "discounting.tsv", "k", "inverse_temperature", "identifiable")
    if table.empty:
        return []
    fit = table.iloc[0]
    blocks: list[Block] = []
    if not fit["identifiable"]:
        blocks.append(
            Text((f"Choices do not tell the parameters: {fit.get('reason')}.",), "trouble")
        )
    rows = [[heading, fit[name]] for name, heading in HEADINGS.items() if name in fit]
    blocks.append(
        make_table(
            "Hyperbolic discounting, V = A / (1 + kD).", ["what", "value"], rows, sortable=False
        )
    )
    if fit["identifiable"]:
        blocks += _choices(units, float(fit["k"]), float(fit["inverse_temperature"]))
    return blocks


def _choices(units: list[Unit], k: float, temperature: float) -> list[Picture]:
    found = []
    for unit in units:
        settings = unit.parameters()["settings"]
        for path in (one for one in unit.find("trials.tsv") if one.name == "trials.tsv"):
            choice, delay = settings["choice"], settings["delay"]
            trials = read_frame(path, choice, delay, "value_difference")
            trials = trials.assign(
                delay=trials[delay], chose_delayed=choices(choice, trials[choice])
            )
            trials = trials.dropna(subset=["chose_delayed", "value_difference", "delay"])
            if trials.empty:
                continue
            share = float(trials["chose_delayed"].mean())
            alt = (
                f"Value by delay for k = {number(k)}, and the share of delayed choices by the "
                f"difference in value: {number(100 * share)} % of {len(trials)} choices are of the "
                f"delayed amount; the model's inverse temperature is {number(temperature)}."
            )
            figure = new_figure(3.4)
            draw_choices(figure, trials, k, temperature)
            caption = "Value of a delayed amount, and choices with what the model expects."
            found.append(as_picture(figure, alt, caption))
    return found
