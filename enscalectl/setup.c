/*
 * enscalectl setup: turns what the package or make install has installed into a
 * gateway that people can log in to. It refuses to change anything before it
 * has shown all changes, and the answers work; run again it changes nothing.
 */
#include <config.h>

#include "enscalectl/setup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "common/names/account_map.h"

#define WAIT_SECONDS "60"
#define EXAMPLE      25880

/* ---- what the directory says -------------------------------------------- */

/* How to follow it is found out, not asked. */
static int
put_method(struct setup *setup)
{
	bool poll = !setup->look.can_sync;
	int code;

	if (poll == (setup->config.method == CONFIG_METHOD_POLL))
		return EXIT_YES;
	if (setup_put(setup, "directory", "method", poll ? "poll" : NULL) != 0)
		return EXIT_CANNOT_TELL;
	code = setup_stage(setup);
	if (poll)
		puts("The server does not report its changes (RFC 4533): the "
		     "gateway will poll it.");
	return code;
}

static int
look_at_source(struct setup *setup)
{
	/* A file is read by the only method that there is for it. */
	int code = setup_is_file(setup)
	    ? setup_put(setup, "directory", "method", NULL)
	    : EXIT_YES;

	if (code == EXIT_YES)
		code = setup_stage(setup);
	if (code == EXIT_YES)
		code = setup_look(setup);
	return code == EXIT_YES ? put_method(setup) : code;
}

/* Asks, looks, and asks again until it works or the person has enough. */
static int
find_source(struct setup *setup)
{
	int code;

	for (;;) {
		if (setup->asks && setup_ask(setup) != 0)
			return EXIT_NO;
		code = look_at_source(setup);
		if (code != EXIT_NO || !setup->asks)
			return code;
		if (!setup_ask_yes("Change your answers?"))
			return EXIT_NO;
		setup_ask_anew(setup);
	}
}

static int
find_ca(struct setup *setup)
{
	if (!setup->asks || setup->ca != NULL || setup_has_ca(setup))
		return EXIT_YES;
	do
		if (setup_ask_ca(setup) != 0)
			return EXIT_NO;
	while (setup_check_ca(setup) != EXIT_YES);
	return EXIT_YES;
}

/* ---- the changes -------------------------------------------------------- */

/* Both as text, so that nothing is printed before all was looked at. */
struct plan {
	char *files, *units; /* owned */
	size_t files_len, units_len;
};

static void
cleanup_plan(struct plan *plan)
{
	free(plan->files);
	free(plan->units);
}

static int
make_plan(struct setup *setup, struct plan *plan)
{
	FILE *out = open_memstream(&plan->files, &plan->files_len);
	int code;

	if (out == NULL)
		return EXIT_CANNOT_TELL;
	code = setup_show_steps(setup, out);
	if (fclose(out) != 0)
		return EXIT_CANNOT_TELL;
	out = open_memstream(&plan->units, &plan->units_len);
	if (out == NULL)
		return EXIT_CANNOT_TELL;
	if (setup_has_systemd())
		setup_show_units(out, plan->files_len > 0);
	return fclose(out) == 0 ? code : EXIT_CANNOT_TELL;
}

/* EXIT_YES: go on. */
static int
agree(const struct setup *setup, const struct plan *plan)
{
	if (plan->files_len == 0 && plan->units_len == 0) {
		puts("Everything is as it should be: nothing to change.");
		return EXIT_YES;
	}
	puts("\nWhat will be changed:\n");
	fputs(plan->files, stdout);
	setup_print_change(stdout, "systemd", plan->units);
	putchar('\n');
	if (setup->asks && !setup_ask_yes("Change it?")) {
		puts("Nothing was changed.");
		return EXIT_NO;
	}
	return EXIT_YES;
}

static int
carry_out(struct setup *setup, const struct plan *plan)
{
	bool changed = plan->files_len > 0;
	int code = changed ? setup_make_steps(setup) : EXIT_YES;

	if (code == EXIT_YES && plan->units_len > 0)
		code = setup_start_units(changed);
	return code;
}

/* ---- the last words ----------------------------------------------------- */

static void
close_map(const struct account_map **map)
{
	if (*map != NULL)
		account_map_close(*map);
}

/* One of the accounts; false: there is none. */
static bool
find_account(const struct config *config, uint32_t *ret_account)
{
	AUTO(close_map) const struct account_map *map = NULL;
	char path[CONFIG_PATH_MAX];

	return config_path(config->state_dir, CONFIG_MAP_FILE, path) == 0 &&
	    account_map_open(path, &map) == 0 &&
	    account_map_next(map, 1, ret_account) == 0;
}

static void
say_what_next(const struct config *config)
{
	uint32_t account = EXAMPLE;

	putchar('\n');
	if (!find_account(config, &account))
		puts("There is no account yet: enscalectl account add, key "
		     "add and environment add make the first. Then:\n");
	printf("  Try it          ssh -p %u %u@%s\n", config->port, account,
	    config->host);
	printf("  If it fails     enscalectl explain %u\n", account);
	puts("  For the nodes   enscalectl ca show > ca.pub; enscale-node(8)");
}

static int
finish(struct context *context)
{
	char wait[] = "--wait", seconds[] = WAIT_SECONDS;
	char *arguments[] = { wait, seconds, NULL };
	char error[CONFIG_ERROR_MAX];
	int code;

	if (config_load(ENS_CONFIG_FILE, &context->config, error) != 0) {
		complain("%s", error);
		return EXIT_CANNOT_TELL;
	}
	if (!setup_has_systemd()) {
		puts("\nThere is no systemd here: INSTALL says how to start "
		     "the daemons.");
		return EXIT_YES;
	}
	puts("\nWaiting for the directory's entries ...\n");
	fflush(stdout);
	code = status_show(context, 2, arguments);
	if (code == EXIT_YES)
		say_what_next(&context->config);
	else
		complain("the gateway is set up, but something is wrong: see "
		         "above");
	return code;
}

/* ---- the verb ----------------------------------------------------------- */

static int
prepare(struct setup *setup)
{
	int code = setup_read_conf(setup);

	if (code == EXIT_YES)
		code = setup_open_stage();
	return code;
}

static int
run(struct setup *setup)
{
	AUTO(cleanup_plan) struct plan plan = { .files = NULL };
	int code = find_source(setup);

	if (code == EXIT_YES)
		code = find_ca(setup);
	if (code == EXIT_YES)
		code = make_plan(setup, &plan);
	if (code != EXIT_YES) {
		puts("Nothing was changed.");
		return code;
	}
	code = agree(setup, &plan);
	if (code != EXIT_YES || setup->dry_run)
		return code;
	return carry_out(setup, &plan);
}

int
setup_run(const struct context *given, int argc, char **argv)
{
	/* Configurations are large, and there is one of each. */
	static struct setup setup;
	static struct context context;
	int code;

	if (strcmp(given->config_path, ENS_CONFIG_FILE) != 0) {
		complain("setup writes " ENS_CONFIG_FILE ", the file that the "
		         "daemons read, and no other");
		return EXIT_USAGE;
	}
	if (geteuid() != 0) {
		complain("setup must run as root");
		return EXIT_NO;
	}
	/* In turn with complaints. */
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	code = prepare(&setup);
	if (code == EXIT_YES)
		code = setup_take_options(&setup, argc, argv);
	if (code == EXIT_YES)
		code = run(&setup);
	setup_close_stage();
	setup_free(&setup);
	if (code != EXIT_YES || setup.dry_run)
		return code;
	context.config_path = ENS_CONFIG_FILE;
	return finish(&context);
}
