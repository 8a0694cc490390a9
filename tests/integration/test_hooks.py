"""The site's executables around a failover: asked before it, told after it, each at most once."""

import os
import unittest

from cluster_fixture import wait_for
from site_server import OPERATOR, Prosody, Site

# Each writes what it was told; a file beside it says how pre_failover answers, or that it hangs.
HOOK = """#!/bin/sh
cd "$(dirname "$0")"
env | grep ^MUSTER_ | sort | tr '\\n' '|' >> hook.log
echo >> hook.log
grep SigBlk /proc/self/status >> masks.log
if test -e "$MUSTER_HOOK.hangs"; then echo $$ > "$MUSTER_HOOK.pid"; sleep 600; fi
if test -e "$MUSTER_HOOK.says"; then cat "$MUSTER_HOOK.says" >&2; exit 3; fi
"""


class HookedSite(Site):
    def __init__(self, coordinators=1):
        super().__init__(Prosody, coordinators=coordinators)

    def _coordinator_toml(self, name):
        hook = self.dir / "hook"
        hook.write_text(HOOK)
        hook.chmod(0o755)
        commands = "".join('%s = ["%s"]\n' % (each, hook) for each in
                           ("pre_failover", "on_demote", "on_promote", "post_failover"))
        return super()._coordinator_toml(name) + '\n[hooks]\ntimeout = "3s"\n' \
            'pre_failover_timeout = "3s"\n' + commands

    def told(self, *names):
        """What the hooks were told since, in order; of those hooks only, if any are named."""
        log = self.dir / "hook.log"
        lines = log.read_text().split("\n")[:-1] if log.exists() else []
        runs = [dict(word.split("=", 1) for word in line.strip("|").split("|")) for line in lines]
        return [run for run in runs if not names or run["MUSTER_HOOK"] in names]

    def says(self, hook, text):
        (self.dir / (hook + ".says")).write_text(text)

    def hangs(self, hook):
        (self.dir / (hook + ".hangs")).touch()

    def is_well(self, hook):
        for end in (".says", ".hangs", ".pid"):
            (self.dir / (hook + end)).unlink(missing_ok=True)

    def history(self):
        return self.cli("history", "storage").json["events"]


def why(refused):
    return refused.json["error"]["text"]


def is_alive(pid):
    try:
        os.kill(pid, 0)
        return True
    except ProcessLookupError:
        return False


class HooksCase(unittest.TestCase):
    coordinators = 1

    @classmethod
    def setUpClass(cls):
        cls.site = HookedSite(cls.coordinators)
        cls.addClassCleanup(cls.site.remove)
        cls.site.start()

    def setUp(self):
        for hook in ("pre_failover", "on_demote", "on_promote", "post_failover"):
            self.site.is_well(hook)
        self.before = self.active()
        wait_for(self.all_told, "no hook of before is still to be run")
        (self.site.dir / "hook.log").unlink(missing_ok=True)

    def all_told(self):
        runs = self.site.told()
        return runs and runs[-1]["MUSTER_HOOK"] in ("pre_failover", "post_failover")

    def active(self):
        """The group once a node is active; a hook that has failed leaves a note."""
        def look():
            groups = self.site.status()
            return groups and groups[0]["phase"] == "ACTIVE" and groups[0]["active"] and groups[0]
        return wait_for(look, "a node is active", 60)

    def all_present(self):
        return all(node["present"] for node in self.site.cli("nodes").json["nodes"])

    def after(self):
        return wait_for(lambda: self.site.told("post_failover"), "post_failover was run", 60)


class Hooks(HooksCase):
    def test_a_move_tells_all_of_them_in_order(self):
        old, epoch = self.before["active"], self.before["epoch"]
        moved = self.site.cli("failover", "storage", "--wait")
        self.assertEqual(0, moved.code, moved)
        self.after()
        runs = self.site.told()
        self.assertEqual(["pre_failover", "on_demote", "on_promote", "post_failover"],
                         [run["MUSTER_HOOK"] for run in runs])
        new = moved.json["to"]
        for run in runs:
            self.assertEqual(("storage", old, str(epoch)),
                             (run["MUSTER_GROUP"], run["MUSTER_OLD"], run["MUSTER_OLD_EPOCH"]))
            self.assertEqual(OPERATOR, run["MUSTER_REQUESTED_BY"])
        self.assertEqual([new, "", new, new], [run["MUSTER_NEW"] for run in runs])
        self.assertEqual(["", "", str(epoch + 1), str(epoch + 1)],
                         [run["MUSTER_EPOCH"] for run in runs])
        self.assertEqual(["", "", "", "active"], [run["MUSTER_OUTCOME"] for run in runs])
        masks = set((self.site.dir / "masks.log").read_text().split("\n")[:-1])
        self.assertEqual({"SigBlk:\t0000000000000000"}, masks)

    def test_a_veto_is_told_to_whoever_wants_the_move(self):
        self.site.says("pre_failover", "the index is being rebuilt")
        refused = self.site.cli("failover", "storage", "--wait")
        self.assertNotEqual(0, refused.code, refused)
        self.assertIn("the hook pre_failover vetoed it: it ended with exit code 3: "
                      "the index is being rebuilt", why(refused))
        self.assertEqual(self.before["active"], self.active()["active"])
        vetoed = self.site.history()[0]
        self.assertEqual(("vetoed", OPERATOR), (vetoed["what"], vetoed["who"]))
        drained = self.site.cli("drain", self.before["active"], "--wait")
        self.assertIn("the hook pre_failover vetoed it", why(drained))
        forced = self.site.cli("failover", "storage", "--force", "--wait")
        self.assertEqual(0, forced.code, forced)
        self.after()

    def test_a_hook_that_does_not_answer_vetoes(self):
        self.site.hangs("pre_failover")
        refused = self.site.cli("failover", "storage", "--wait")
        self.assertIn("it took longer than 3s and was killed", why(refused))
        self.assertEqual(self.before["active"], self.active()["active"])

    def test_nobody_is_asked_about_a_holder_that_died(self):
        self.site.says("pre_failover", "no")
        self.site.crash(self.before["active"])
        self.after()
        self.assertEqual([], self.site.told("pre_failover"))
        self.assertEqual([""], [run["MUSTER_REQUESTED_BY"] for run in self.site.told("on_promote")])
        self.site.restart_daemon(self.before["active"])
        wait_for(self.all_present, "all nodes are present", 60)

    def test_one_that_hangs_is_killed_and_the_next_has_its_turn(self):
        self.site.hangs("on_promote")
        moved = self.site.cli("failover", "storage", "--wait")
        self.assertEqual(0, moved.code, moved)
        self.after()
        pid = int((self.site.dir / "on_promote.pid").read_text())
        self.assertFalse(is_alive(pid))
        failed = [event for event in self.site.history() if event["what"] == "hook-failed"][0]
        self.assertIn("on_promote", failed["cause"])
        self.assertIn("it took longer than 3s and was killed", failed["cause"])

    def test_a_coordinator_that_dies_meanwhile_does_not_repeat_it(self):
        self.site.hangs("on_promote")
        moved = self.site.cli("failover", "storage", "--wait")
        self.assertEqual(0, moved.code, moved)
        pid_file = self.site.dir / "on_promote.pid"
        wait_for(lambda: pid_file.exists() and pid_file.read_text(), "on_promote runs")
        self.site.crash("coordinator")
        os.killpg(int(pid_file.read_text()), 9)
        self.site.is_well("on_promote")
        self.site.restart_daemon("coordinator")
        self.after()
        self.assertEqual(1, len(self.site.told("on_promote")))
        self.assertEqual(1, len(self.site.told("post_failover")))
        lost = [event for event in self.site.history() if event["what"] == "hook-failed"][0]
        self.assertIn("it is not known to have finished; it is not run again", lost["cause"])


class HooksOfSeveralCoordinators(HooksCase):
    coordinators = 2

    def leader(self):
        def look():
            done = self.site.cli("coordinators", "--timeout", "2s")
            return done.code == 0 and [each["name"] for each in done.json["coordinators"]
                                       if each["leads"]]
        return wait_for(look, "a coordinator leads", 60)[0]

    def test_only_the_one_that_leads_runs_them_and_the_next_does_not_repeat_one(self):
        self.site.hangs("on_promote")
        moved = self.site.cli("failover", "storage", "--wait")
        self.assertEqual(0, moved.code, moved)
        pid_file = self.site.dir / "on_promote.pid"
        wait_for(lambda: pid_file.exists() and pid_file.read_text(), "on_promote runs")
        leader = self.leader()
        self.site.crash(leader)
        os.killpg(int(pid_file.read_text()), 9)
        self.site.is_well("on_promote")
        self.after()
        self.assertNotEqual(leader, self.leader())
        self.assertEqual(["pre_failover", "on_demote", "on_promote", "post_failover"],
                         [run["MUSTER_HOOK"] for run in self.site.told()])
        lost = [event for event in self.site.history() if event["what"] == "hook-failed"][0]
        self.assertIn("it is not known to have finished; it is not run again", lost["cause"])


if __name__ == "__main__":
    unittest.main()
