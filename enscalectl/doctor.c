/*
 * enscalectl doctor: see doctor.h. It refuses to call well what it could not
 * look at, and to mend anything itself.
 */
#include <config.h>

#include "enscalectl/doctor.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "common/base/errors.h"
#include "common/base/text.h"

#define NEEDS_MAX 3

/* From what others need to what needs them. */
static const struct check {
	const char *word;
	const char *what; /* is so when it is well */
	enum doctor_state (*look)(struct doctor *doctor);
	const char *mend; /* what to do, unless the look says more */
	const char *needs[NEEDS_MAX];
	bool not_in_status; /* takes long, or status has a line of its own */
} checks[] = {
	{ .word = "configuration",
	    .what = "enscale.conf can be read",
	    .look = doctor_configuration,
	    .mend = "mend that line; enscalectl config check reads it again" },
	{ .word = "users",
	    .what = "the users and groups that our programs run as are there",
	    .look = doctor_users,
	    .mend = "systemd-sysusers enscale.conf" },
	{ .word = "files",
	    .what = "who needs a file that enscale.conf names can read it",
	    .look = doctor_files,
	    .mend = "enscalectl config check names them all",
	    .needs = { "configuration", "users" } },
	{ .word = "folders",
	    .what = "our folders have their owners and modes",
	    .look = doctor_folders,
	    .mend = "systemd-tmpfiles --create enscale.conf",
	    .needs = { "users" } },
	{ .word = "disk",
	    .what = "there is room for state, records and audit log",
	    .look = doctor_disk,
	    .mend = "make room there: df -h, df -i" },
	{ .word = "clock",
	    .what = "what was published is not from the future",
	    .look = doctor_clock,
	    .mend = "timedatectl set-ntp true" },
	{ .word = "units",
	    .what = "our units are enabled for the next boot",
	    .look = doctor_units,
	    .mend =
	        "systemctl enable enscale.target enscale-sync enscale-guard "
	        "enscale-sshd" },
	{ .word = "nsswitch",
	    .what = "passwd and group of nsswitch.conf ask our service",
	    .look = doctor_services,
	    .mend = ENS_LIBEXEC_DIR "/enscale-nsswitch add" },
	{ .word = "nscd",
	    .what = "no nscd caches users",
	    .look = doctor_nscd,
	    .mend =
	        "set enable-cache passwd no in /etc/nscd.conf and start nscd anew, "
	        "or do without it" },
	{ .word = "map",
	    .what = "everybody can read the account map",
	    .look = doctor_map,
	    .mend = "systemctl restart enscale-sync makes it" },
	{ .word = "uid-range",
	    .what = "nobody else uses the uids of accounts",
	    .look = doctor_uid_range,
	    .mend =
	        "give the others another range, or the accounts: uid_base of "
	        "enscale.conf",
	    .needs = { "map" } },
	{ .word = "local-users",
	    .what = "no local user has the name or uid of an account",
	    .look = doctor_local_users,
	    .mend = "give them another name or uid: usermod -l, usermod -u",
	    .needs = { "map" } },
	{ .word = "local-groups",
	    .what = "no account is in a local group",
	    .look = doctor_local_groups,
	    .mend = "take the account out of it: gpasswd -d",
	    .needs = { "map" } },
	{ .word = "names",
	    .what = "login names are our accounts, for sshd too",
	    .look = doctor_name_service,
	    .mend = "look at passwd and group in /etc/nsswitch.conf",
	    .needs = { "nsswitch", "map", "local-users" } },
	{ .word = "sync",
	    .what = "enscale-sync runs, in step with the directory",
	    .look = doctor_sync,
	    .mend =
	        "systemctl restart enscale-sync; journalctl -u enscale-sync says "
	        "why it ended",
	    .not_in_status = true },
	{ .word = "view",
	    .what = "sshd's helper and the guard can read the view",
	    .look = doctor_view,
	    .mend = "systemd-tmpfiles --create enscale.conf puts modes right, "
	            "systemctl restart enscale-sync the rest",
	    .needs = { "users" } },
	{ .word = "records",
	    .what = "all that is published agrees with itself",
	    .look = doctor_records,
	    .mend = "enscalectl view verify says what to do",
	    .needs = { "map", "view" },
	    .not_in_status = true },
	{ .word = "shell",
	    .what = "an account can run the login shell",
	    .look = doctor_shell,
	    .mend = "install enscale-shell again" },
	{ .word = "nologin",
	    .what = "the host is not closed to everybody",
	    .look = doctor_nologin,
	    .mend = "remove the file to open the gateway" },
	{ .word = "pam",
	    .what = "PAM has our service, as shipped, and our module",
	    .look = doctor_pam,
	    .mend = "install what is missing, from " ENS_DATA_DIR
	            "/gateway/enscale-sshd.pam" },
	{ .word = "sshd-config",
	    .what = "sshd takes the gateway's sshd_config",
	    .look = doctor_sshd_config,
	    .mend = "mend that line of sshd_config(5)" },
	{ .word = "start",
	    .what = "enscale-sshd-start refuses nothing",
	    .look = doctor_sshd_start,
	    .mend = "mend it: enscale-sshd does not start like this",
	    .needs = { "pam", "sshd-config", "users" } },
	{ .word = "sshd",
	    .what = "sshd listens on its ports",
	    .look = doctor_sshd,
	    .mend =
	        "systemctl start enscale-sshd; journalctl -u enscale-sshd says why "
	        "it ended",
	    .needs = { "sshd-config" } },
	{ .word = "lastlog",
	    .what = "our sshd writes no lastlog",
	    .look = doctor_lastlog,
	    .mend =
	        "systemctl restart enscale-sshd, whose unit has BindPaths= for it",
	    .needs = { "sshd-config", "sshd" } },
	{ .word = "limits",
	    .what = "files and memory are enough for many at once",
	    .look = doctor_limits,
	    .mend =
	        "systemctl restart the unit, with LimitNOFILE=65536 as shipped",
	    .needs = { "sshd-config" } },
	{ .word = "helper",
	    .what = "the helper that finds keys runs, as its user",
	    .look = doctor_helper,
	    .mend = "install enscale-keys again; its folders have to be root's",
	    .needs = { "sshd-config", "users", "view" } },
	{ .word = "guard",
	    .what = "everybody reaches the guard, and it answers",
	    .look = doctor_guard,
	    .mend =
	        "systemctl restart enscale-guard.socket enscale-guard; journalctl "
	        "-u enscale-guard says why it ended",
	    .not_in_status = true },
	{ .word = "ca-key",
	    .what = "the guard's signer can read the CA's key",
	    .look = doctor_ca_key,
	    .mend =
	        "chown root:enscale-ca and chmod 0440 it; its folders have to be "
	        "root's",
	    .needs = { "users" } },
	{ .word = "host-keys",
	    .what = "sshd has the host keys that users are told of",
	    .look = doctor_host_keys,
	    .mend =
	        "enscalectl setup makes those that are missing; ssh-keygen -y -f "
	        "KEY >KEY.pub",
	    .needs = { "sshd-config" } },
};

#define CHECKS (sizeof(checks) / sizeof(checks[0]))

static const char *const words[] = {
	[DOCTOR_OK] = "ok",
	[DOCTOR_WARNING] = "warning",
	[DOCTOR_FAILURE] = "failure",
	[DOCTOR_SKIPPED] = "skipped",
};

struct outcome {
	enum doctor_state state;
	char finding[DOCTOR_FINDING_MAX];
	char mend[DOCTOR_FINDING_MAX]; /* "": none needed */
};

/* All rows; a report is large, and there is one. */
struct report {
	struct outcome outcomes[CHECKS];
	unsigned count[DOCTOR_SKIPPED + 1];
};

/* ---- for the looks ------------------------------------------------------ */

static void
put_text(char ret_text[DOCTOR_FINDING_MAX], const char *format, va_list args)
{
	char text[DOCTOR_FINDING_MAX];

	vsnprintf(text, sizeof(text), format, args);
	text_printable(text, ret_text, DOCTOR_FINDING_MAX);
}

#define DEFINE_FINDER(name, state)                                             \
	enum doctor_state name(struct doctor *doctor, const char *format, ...) \
	{                                                                      \
		va_list args;                                                  \
                                                                               \
		va_start(args, format);                                        \
		put_text(doctor->finding, format, args);                       \
		va_end(args);                                                  \
		return state;                                                  \
	}

DEFINE_FINDER(doctor_fail, DOCTOR_FAILURE)
DEFINE_FINDER(doctor_warn, DOCTOR_WARNING)
DEFINE_FINDER(doctor_note, DOCTOR_OK)

void
doctor_mend(struct doctor *doctor, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	put_text(doctor->mend, format, args);
	va_end(args);
}

struct look {
	const struct doctor *doctor;
	enum doctor_state (*look)(struct doctor *doctor);
};

static void
look_in_child(const void *arg, void *answer)
{
	const struct look *look = arg;
	struct doctor doctor = *look->doctor;
	struct outcome *outcome = answer;

	outcome->state = look->look(&doctor);
	memcpy(outcome->finding, doctor.finding, sizeof(doctor.finding));
	memcpy(outcome->mend, doctor.mend, sizeof(doctor.mend));
}

enum doctor_state
doctor_look_as(struct doctor *doctor, const struct as_user *user,
    enum doctor_state (*look)(struct doctor *))
{
	const struct look question = { doctor, look };
	struct outcome outcome = { .state = DOCTOR_FAILURE };
	int r = as_user_ask(user, DOCTOR_SECONDS, look_in_child, &question,
	    &outcome, sizeof(outcome));

	if (r != 0)
		return doctor_fail(doctor, "looking as uid %u: %s", user->uid,
		    error_text(r));
	memcpy(doctor->finding, outcome.finding, sizeof(outcome.finding));
	memcpy(doctor->mend, outcome.mend, sizeof(outcome.mend));
	return outcome.state;
}

/* ---- looking ------------------------------------------------------------ */

/* What it needs and has not: the word of a row before it, or NULL. */
static const char *
missing(const struct report *report, const struct check *check)
{
	enum doctor_state state;
	size_t i, k;

	for (k = 0; k < NEEDS_MAX && check->needs[k] != NULL; k++)
		for (i = 0; &checks[i] != check; i++) {
			state = report->outcomes[i].state;
			if (strcmp(checks[i].word, check->needs[k]) == 0 &&
			    (state == DOCTOR_FAILURE ||
			        state == DOCTOR_SKIPPED))
				return check->needs[k];
		}
	return NULL;
}

static void
look_at(const struct check *check, struct doctor *doctor,
    const struct report *report, struct outcome *ret_outcome)
{
	const char *needed = missing(report, check);

	doctor->finding[0] = '\0';
	doctor->mend[0] = '\0';
	if (needed != NULL) {
		ret_outcome->state = DOCTOR_SKIPPED;
		snprintf(ret_outcome->finding, sizeof(ret_outcome->finding),
		    "not looked at: first mend %s", needed);
		return;
	}
	ret_outcome->state = check->look(doctor);
	memcpy(ret_outcome->finding, doctor->finding, sizeof(doctor->finding));
	if (ret_outcome->state != DOCTOR_OK)
		snprintf(ret_outcome->mend, sizeof(ret_outcome->mend), "%s",
		    doctor->mend[0] != '\0' ? doctor->mend : check->mend);
}

static struct report *
examine(struct doctor *doctor, bool in_status)
{
	static struct report report;
	size_t i;

	for (i = 0; i < CHECKS; i++) {
		if (in_status && checks[i].not_in_status)
			continue;
		look_at(&checks[i], doctor, &report, &report.outcomes[i]);
		report.count[report.outcomes[i].state]++;
	}
	return &report;
}

/* "2 failures: nsswitch, view", or nothing. */
static void
print_words(const struct report *report, enum doctor_state state,
    const char *before)
{
	unsigned left = report->count[state];
	size_t i;

	if (left == 0)
		return;
	printf("%s%u %s%s: ", before, left, words[state], left > 1 ? "s" : "");
	for (i = 0; i < CHECKS; i++)
		if (report->outcomes[i].state == state)
			printf("%s%s", checks[i].word, --left > 0 ? ", " : "");
}

static enum doctor_state
worst(const struct report *report)
{
	if (report->count[DOCTOR_FAILURE] > 0)
		return DOCTOR_FAILURE;
	return report->count[DOCTOR_WARNING] > 0 ? DOCTOR_WARNING : DOCTOR_OK;
}

static void
print_summary(const struct report *report)
{
	print_words(report, DOCTOR_FAILURE, "");
	print_words(report, DOCTOR_WARNING,
	    report->count[DOCTOR_FAILURE] > 0 ? "; " : "");
}

/* ---- the verb ----------------------------------------------------------- */

/* The first line is what monitoring shows. */
static void
print_report(const struct report *report)
{
	const struct outcome *outcome;
	size_t i;

	if (worst(report) == DOCTOR_OK)
		printf("all is well: %zu looks", CHECKS);
	else
		print_summary(report);
	putchar('\n');
	for (i = 0; i < CHECKS; i++) {
		outcome = &report->outcomes[i];
		printf("%-8s %-13s %s\n", words[outcome->state], checks[i].word,
		    outcome->finding[0] != '\0' ? outcome->finding
		                                : checks[i].what);
		if (outcome->mend[0] != '\0')
			printf("%-22s %s\n", "", outcome->mend);
	}
}

static int
print_json(const struct report *report)
{
	json_t *lines = json_array();
	const struct outcome *outcome;
	size_t i;
	int r;

	for (i = 0; i < CHECKS; i++) {
		outcome = &report->outcomes[i];
		json_array_append_new(lines,
		    json_pack("{s:s, s:s, s:s, s:s, s:s}", "check",
		        checks[i].word, "state", words[outcome->state],
		        "wanted", checks[i].what, "finding", outcome->finding,
		        "mend", outcome->mend));
	}
	r = json_dumpf(lines, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
	putchar('\n');
	r = r == 0 && json_array_size(lines) == CHECKS ? EXIT_YES
	                                               : EXIT_UNKNOWN;
	json_decref(lines);
	return r;
}

/* It is run because something is wrong: that may be the configuration. */
static struct doctor
make_doctor(struct context *context, char error[CONFIG_ERROR_MAX])
{
	struct doctor doctor = { .context = context };

	if (config_load(context->config_path, &context->config, error) != 0) {
		config_init(&context->config);
		doctor.config_error = error;
	}
	return doctor;
}

int
doctor_run(const struct context *context, int argc, char **argv)
{
	static struct context own; /* a configuration is large */
	char error[CONFIG_ERROR_MAX];
	const struct report *report;
	struct doctor doctor;
	bool json = argc == 1 && strcmp(argv[0], "--json") == 0;

	if (argc != 0 && !json)
		return complain_usage("doctor");
	if (geteuid() != 0) {
		complain("only root can look at what logins need");
		return EXIT_UNKNOWN;
	}
	own.config_path = context->config_path;
	doctor = make_doctor(&own, error);
	report = examine(&doctor, false);
	if (!json)
		print_report(report);
	else if (print_json(report) != EXIT_YES)
		return EXIT_UNKNOWN;
	return (int)worst(report);
}

/* ---- in status ---------------------------------------------------------- */

int
doctor_show_in_status(const struct context *context)
{
	struct doctor doctor = { .context = context };
	const struct report *report;

	printf("%-12s", "logins");
	if (geteuid() != 0) {
		puts("only root can look at what they need");
		return EXIT_CANNOT_TELL;
	}
	report = examine(&doctor, true);
	if (worst(report) == DOCTOR_OK) {
		puts("nothing prevents them");
		return EXIT_YES;
	}
	print_summary(report);
	puts("; see enscalectl doctor");
	return worst(report) == DOCTOR_FAILURE ? EXIT_NO : EXIT_YES;
}
