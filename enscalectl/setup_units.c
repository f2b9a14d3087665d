/*
 * enscalectl setup, systemd's part: the daemons are enabled and run, with the
 * present configuration. It refuses to call one started unless systemd does.
 */
#include <config.h>

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/errors.h"
#include "enscalectl/command.h"
#include "enscalectl/setup.h"

#define SYSTEMCTL  "/usr/bin/systemctl"
#define JOURNALCTL "/usr/bin/journalctl"
#define BOOTED     "/run/systemd/system"

#define START   "start"
#define RESTART "restart"
#define ENABLE  "enable"

/* In the order of their start. */
static const struct unit {
	const char *name;
	enum {
		OURS,
		OPTIONAL,
		GROUP
	} kind;
} units[] = {
	{ "enscale-sync", OURS },
	{ "enscale-guard", OURS },
	/* Enabled by the administrator if wanted: restarted if it runs. */
	{ "enscale-keyd", OPTIONAL },
	{ "enscale-sshd", OURS },
	/* For all of them, at a boot: there is nothing in it to restart. */
	{ "enscale.target", GROUP },
};

#define UNITS (sizeof(units) / sizeof(units[0]))

bool
setup_has_systemd(void)
{
	return access(BOOTED, F_OK) == 0;
}

static bool
says(const char *question, const char *unit)
{
	const char *const argv[] = { SYSTEMCTL, question, unit, NULL };
	char said[COMMAND_SAID_MAX];

	return command_run(argv, said) == 0;
}

/* What is to be done with it, or NULL. What is started or started anew is
 * enabled, too. */
static const char *
duty(const struct unit *unit, bool changed)
{
	bool runs = says("is-active", unit->name);

	if (unit->kind == OPTIONAL)
		return runs && changed ? RESTART : NULL;
	if (!runs)
		return START;
	if (changed && unit->kind == OURS)
		return RESTART;
	return says("is-enabled", unit->name) ? NULL : ENABLE;
}

int
setup_show_units(FILE *out, bool changed)
{
	const char *what;
	size_t i;

	for (i = 0; i < UNITS; i++) {
		what = duty(&units[i], changed);
		if (what != NULL)
			fprintf(out, "%s%s %s\n",
			    strcmp(what, START) == 0 ? "enable and " : "", what,
			    units[i].name);
	}
	return EXIT_YES;
}

/* What the unit said last: why it did not start is there. */
static void
show_log(const char *unit)
{
	const char *const argv[] = { JOURNALCTL, "--no-pager", "-q", "-o",
		"cat", "-n", "6", "-u", unit, NULL };
	char said[COMMAND_SAID_MAX];

	if (command_run(argv, said) == 0)
		fprintf(stderr, "%s\n", said);
}

static int
tell_systemd(const char *what, const char *unit)
{
	const char *const argv[] = { SYSTEMCTL, what, unit, NULL };
	char said[COMMAND_SAID_MAX];
	int r = command_run(argv, said);

	if (r == 0)
		return EXIT_YES;
	complain("systemctl %s %s: %s", what, unit,
	    r < 0 ? error_text(r) : said);
	return EXIT_NO;
}

static int
start_unit(const struct unit *unit, const char *what)
{
	int code = EXIT_YES;

	printf("  %s %s ... ", what, unit->name);
	fflush(stdout);
	if (unit->kind != OPTIONAL)
		code = tell_systemd(ENABLE, unit->name);
	if (code == EXIT_YES && strcmp(what, ENABLE) != 0)
		code = tell_systemd(what, unit->name);
	if (code == EXIT_YES) {
		puts("done");
		return code;
	}
	show_log(unit->name);
	complain("all files are written: fix what %s reports, then run "
	         "enscalectl setup again",
	    unit->name);
	return code;
}

int
setup_start_units(bool changed)
{
	const char *what;
	int code = EXIT_YES;
	size_t i;

	for (i = 0; code == EXIT_YES && i < UNITS; i++) {
		what = duty(&units[i], changed);
		if (what != NULL)
			code = start_unit(&units[i], what);
	}
	return code;
}
