/*
 * The other ends of bench_sync: a client that receives what the follower
 * receives and throws it away, and one that changes an account and waits
 * until a reader of the view sees it.
 *
 *	bench_sync_client receive URI BASE FILTER
 *	bench_sync_client visible URI BASE VIEW FIRST-ACCOUNT CHANGES
 *
 * Prints one JSON object. SASL EXTERNAL, so the URI is one of ldapi.
 */
#include <config.h>

#include <inttypes.h>
#include <ldap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "common/names/login_name.h"
#include "common/view/view.h"

#define POLL_NANOSECONDS 50000
#define CHANGES_MAX      100000
#define SEEN_SECONDS     60

static double
now(void)
{
	struct timespec time;

	(void)clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void
check(int r, const char *what)
{
	if (r == LDAP_SUCCESS)
		return;
	(void)fprintf(stderr, "bench_sync_client: %s: %s\n", what,
	    ldap_err2string(r));
	exit(1);
}

static LDAP *
connect_to(const char *uri)
{
	const int version = LDAP_VERSION3;
	char empty[] = ""; /* sent, unlike none */
	struct berval none = { 0, empty };
	LDAP *ld;

	check(ldap_initialize(&ld, uri), uri);
	(void)ldap_set_option(ld, LDAP_OPT_PROTOCOL_VERSION, &version);
	check(ldap_sasl_bind_s(ld, NULL, "EXTERNAL", &none, NULL, NULL, NULL),
	    "bind");
	return ld;
}

/* ---- receive ----------------------------------------------------------- */

static uint64_t entries;

static int
drop_entry(ldap_sync_t *sync, LDAPMessage *message, struct berval *uuid,
    ldap_sync_refresh_t phase)
{
	(void)sync;
	(void)message;
	(void)uuid;
	(void)phase;
	entries++;
	return LDAP_SUCCESS;
}

static int
receive(char **argv)
{
	ldap_sync_t *sync = ldap_sync_initialize(NULL);
	struct rusage usage;
	double began;

	if (sync == NULL)
		return 1;
	sync->ls_ld = connect_to(argv[0]);
	sync->ls_base = argv[1];
	sync->ls_filter = argv[2];
	sync->ls_scope = LDAP_SCOPE_SUBTREE;
	sync->ls_timeout = -1;
	sync->ls_search_entry = drop_entry;
	began = now();
	check(ldap_sync_init(sync, LDAP_SYNC_REFRESH_ONLY), "refresh");
	(void)getrusage(RUSAGE_SELF, &usage);
	printf("{\"entries\": %" PRIu64 ", \"seconds\": %.3f, "
	       "\"cpu\": %.3f}\n",
	    entries, now() - began,
	    (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
	        (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) /
	            1e6);
	return 0;
}

/* ---- visible ----------------------------------------------------------- */

static void
set_name(LDAP *ld, const char *base, uint32_t account, const char *name)
{
	char dn[256], text[64];
	char *values[] = { text, NULL };
	char type[] = "cn";
	LDAPMod mod = { .mod_op = LDAP_MOD_REPLACE, .mod_type = type };
	LDAPMod *mods[] = { &mod, NULL };

	mod.mod_vals.modv_strvals = values;
	(void)snprintf(text, sizeof(text), "%s", name);
	(void)snprintf(dn, sizeof(dn),
	    "enscaleAccountId=%" PRIu32 ",ou=accounts,%s", account, base);
	check(ldap_modify_ext_s(ld, dn, mods, NULL, NULL), dn);
}

/* As a reader does: opens the view anew when its manifest is another. */
static bool
sees(const char *dir, struct view **view, uint32_t account, const char *name)
{
	struct account_record record;

	if (*view == NULL || !view_is_current(*view)) {
		view_close(*view);
		*view = NULL;
		if (view_open(dir, view) != 0)
			return false;
	}
	return view_find_account(*view, account, &record) == 0 &&
	    strcmp(record.name, name) == 0;
}

static int
compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int
visible(char **argv)
{
	const struct timespec pause = { .tv_nsec = POLL_NANOSECONDS };
	static double took[CHANGES_MAX];
	LDAP *ld = connect_to(argv[0]);
	struct view *view = NULL;
	uint32_t first, count;

	if (parse_u32(argv[3], ACCOUNT_ID_MAX, &first) != 0 ||
	    parse_u32(argv[4], CHANGES_MAX, &count) != 0 || count == 0)
		return 2;
	for (uint32_t i = 0; i < count; i++) {
		char name[64];
		double began;

		(void)snprintf(name, sizeof(name), "Change %" PRIu32 " %.6f", i,
		    now());
		set_name(ld, argv[1], first + i, name);
		began = now();
		while (!sees(argv[2], &view, first + i, name)) {
			if (now() > began + SEEN_SECONDS) {
				(void)fprintf(stderr,
				    "change %" PRIu32 " is not seen\n", i);
				return 1;
			}
			(void)nanosleep(&pause, NULL);
		}
		took[i] = now() - began;
	}
	view_close(view);
	(void)ldap_unbind_ext_s(ld, NULL, NULL);
	qsort(took, count, sizeof(took[0]), compare);
	printf("{\"median\": %.6f, \"p99\": %.6f, \"max\": %.6f}\n",
	    took[count / 2], took[count * 99 / 100], took[count - 1]);
	return 0;
}

int
main(int argc, char **argv)
{
	if (argc == 5 && strcmp(argv[1], "receive") == 0)
		return receive(argv + 2);
	if (argc == 7 && strcmp(argv[1], "visible") == 0)
		return visible(argv + 2);
	(void)fprintf(stderr,
	    "usage: bench_sync_client receive URI BASE FILTER\n"
	    "       bench_sync_client visible URI BASE VIEW ACCOUNT CHANGES\n");
	return 2;
}
