"""Runs a workload: all clients take turns in every round, another one first each time."""

import os
from contextlib import suppress

from measure import measure, together, touch_memory
from results import Results
from stage import say

ROUNDS, MORE_ROUNDS = 3, 5


def run(stage, workload, about):
    """So many rounds as it takes to say something."""
    results = Results(about, [])
    wanted, most = bounds(workload)
    try:
        say(f"{workload.name}: {workload.title}")
        workload.prepare(stage)
        number = 0
        while number < wanted:
            first = number % len(workload.clients)
            for client in workload.clients[first:] + workload.clients[:first]:
                results.runs.append(one(stage, workload, client, number + 1))
            number += 1
            if number == wanted and results.is_near(workload.goals):
                wanted = most
    finally:
        workload.leave()
    return results


def bounds(workload):
    """How many rounds, and how many where it is close. A million recordings are measured once."""
    if "ROUNDS" in os.environ:
        return int(os.environ["ROUNDS"]), int(os.environ["ROUNDS"])
    return (workload.rounds, workload.rounds) if workload.rounds else (ROUNDS, MORE_ROUNDS)


def one(stage, workload, client, number):
    """One run, as it is kept."""
    workload.clear(client)
    touch_memory(workload.memory_mb)
    said = f"{stage.top}/said"
    load = os.getloadavg()[0]
    each = measure(workload.commands(client), stage.environment, said, f"{stage.top}/timings")
    all_of_it = together(each)
    kept = {
        "client": client.label(), "name": client.name, "is_peer": client.is_peer, "round": number,
        "wall_s": all_of_it.wall_s, "user_s": all_of_it.user_s, "system_s": all_of_it.system_s,
        "cpu_s": all_of_it.user_s + all_of_it.system_s, "rss_mb": all_of_it.rss_mb, "load": load,
        "wrong": f"ended with {all_of_it.code}" if all_of_it.code else None,
    }
    if not all_of_it.code:
        kept |= workload.figures(client, each)
        kept["wrong"] = workload.wrong(client)
    tell(workload, kept, said)
    return kept


def tell(workload, kept, said):
    say(f"  {workload.name} {kept['round']}: {kept['client']:<14} {kept['wall_s']:8.2f} s {kept['cpu_s']:8.2f} cpu "
        f"{kept['rss_mb']:8.1f} MB")
    if kept["wrong"]:
        say(f"  NOT WHOLE, not counted: {kept['wrong']}")
        with suppress(OSError), open(said, errors="replace") as file:
            say(f"  it said: {file.read()[-1500:]}")
