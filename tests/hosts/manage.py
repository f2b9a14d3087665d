"""Starts a set of hosts and says how they are. Run inside its keeper:

manage.py up|stop|status|settings SET
"""

import sys

import demo
import hosts


def status(folder):
    for plan in hosts.catalogue.PLANS.values():
        host = hosts.find(plan, folder)
        where = ", ".join(plan.addresses.values())
        print(f"{plan.hostname:30} {where:24} {'up' if host else 'not up'}")
        for daemon in host.ask("status")["daemons"] if host else []:
            starts = f", started {daemon['starts']} times" * (daemon["starts"] > 1)
            print(f"    {daemon['name']:26} {daemon['state']}{starts}")


def stop(folder):
    """All daemons, as they end by themselves."""
    for plan in hosts.catalogue.PLANS.values():
        host = hosts.find(plan, folder)
        for daemon in host.ask("status")["daemons"] if host else []:
            host.stop(daemon["name"])


def main(verb, name):
    folder = f"{hosts.STATE}/{name}"
    if verb == "up":
        progress = demo.Progress(f"{hosts.STATE}/{name}.log")
        try:
            demo.start(folder, progress)
        except Exception as error:
            progress.failed(error)
            sys.exit(1)
    elif verb == "stop":
        stop(folder)
    elif verb == "status":
        status(folder)
    elif verb == "settings":
        print(demo.settings(folder), end="")


main(*sys.argv[1:])
