/* Opening a connection without waiting for it. See ldap_opening.h. */
#include <config.h>

#include "ldap/ldap_opening.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "ldap/ldap_backlog.h"
#include "ldap/ldap_naming.h"
#include "ldap/ldap_values.h"

struct ldap_opening {
	bool done, abandoned; /* under the lock */
	int event_fd;
	struct ldap_connection_options options; /* of what is below */
	struct schema schema;
	/* Owned. */
	char *bind_dn, *password_file, *tls_ca, *backlog_dir, *uri, *base;
	int error;
	char reason[LDAP_REASON_MAX];
	struct ldap_opened opened;
};

/* Whichever comes second frees: the thread with its result, or a caller that no
 * longer wants it. Held for a few instructions. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned int threads; /* under the lock */

static void
free_opening(struct ldap_opening *opening)
{
	if (opening->opened.ld != NULL)
		ldap_connection_close(opening->opened.ld);
	if (opening->event_fd >= 0)
		close(opening->event_fd);
	free(opening->bind_dn);
	free(opening->password_file);
	free(opening->tls_ca);
	free(opening->backlog_dir);
	free(opening->uri);
	free(opening->base);
	free(opening);
}

/* ---- in the thread ----------------------------------------------------- */

static int
look_around(struct ldap_opening *opening)
{
	char context[] = "contextCSN", controls[] = "supportedControl";
	struct ldap_opened *opened = &opening->opened;
	struct berval **values;
	int r = ldap_values_read(opened->ld, opening->base, context,
	    opening->options.timeout, &values);

	for (int i = 0; values != NULL && values[i] != NULL; i++)
		(void)csn_set_add(&opened->context, values[i]->bv_val,
		    values[i]->bv_len);
	ldap_value_free_len(values);
	if (r == LDAP_SUCCESS)
		r = ldap_values_read(opened->ld, "", controls,
		    opening->options.timeout, &values);
	else
		values = NULL;
	opened->can_sync = values == NULL;
	for (int i = 0; values != NULL && values[i] != NULL; i++)
		opened->can_sync |= strcmp(values[i]->bv_val,
		                        LDAP_CONTROL_SYNC) == 0;
	ldap_value_free_len(values);
	if (r == LDAP_SUCCESS)
		return ldap_naming_check(opened->ld, opening->base,
		    &opening->schema, opening->options.timeout,
		    opening->reason);
	ldap_connection_reason(opened->ld, r, "base", opening->reason);
	return ENS_E_LDAP;
}

static void *
open_it(void *arg)
{
	struct ldap_opening *opening = arg;
	const uint64_t one = 1;

	opening->error = ldap_connection_open(&opening->options, opening->uri,
	    &opening->opened.ld, opening->reason);
	if (opening->error == 0)
		opening->error = look_around(opening);
	if (opening->error == 0 && opening->backlog_dir != NULL)
		opening->error = ldap_backlog_add(opening->opened.ld,
		    opening->backlog_dir);
	(void)pthread_mutex_lock(&lock);
	threads--;
	if (opening->abandoned) {
		free_opening(opening);
	} else {
		opening->done = true;
		(void)!write(opening->event_fd, &one, sizeof(one));
	}
	(void)pthread_mutex_unlock(&lock);
	return NULL;
}

/* ---- outside ----------------------------------------------------------- */

static int
copy_options(struct ldap_opening *opening,
    const struct ldap_connection_options *options, const char *uri,
    const char *base)
{
	opening->options = *options;
	schema_init(&opening->schema);
	if (options->schema != NULL)
		opening->schema = *options->schema;
	opening->options.schema = &opening->schema;
	opening->options.bind_dn = opening->bind_dn = strdup(options->bind_dn);
	opening->options.password_file = opening->password_file = strdup(
	    options->password_file);
	opening->options.tls_ca = opening->tls_ca = strdup(options->tls_ca);
	if (options->backlog_dir != NULL)
		opening->options.backlog_dir = opening->backlog_dir = strdup(
		    options->backlog_dir);
	opening->uri = strdup(uri);
	opening->base = strdup(base);
	return opening->bind_dn == NULL || opening->password_file == NULL ||
	        opening->tls_ca == NULL || opening->uri == NULL ||
	        opening->base == NULL ||
	        (options->backlog_dir != NULL && opening->backlog_dir == NULL)
	    ? -ENOMEM
	    : 0;
}

static int
start_thread(struct ldap_opening *opening)
{
	pthread_t thread;
	int r;

	(void)pthread_mutex_lock(&lock);
	r = pthread_create(&thread, NULL, open_it, opening);
	if (r == 0) {
		threads++;
		(void)pthread_detach(thread);
	}
	(void)pthread_mutex_unlock(&lock);
	return -r;
}

int
ldap_opening_start(const struct ldap_connection_options *options,
    const char *uri, const char *base, struct ldap_opening **ret_opening)
{
	struct ldap_opening *opening = calloc(1, sizeof(*opening));
	int r;

	if (opening == NULL)
		return -ENOMEM;
	/* Before there is a second thread: it sets variables. */
	ldap_connection_prepare();
	opening->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r = opening->event_fd < 0 ? -errno
	                          : copy_options(opening, options, uri, base);
	if (r == 0)
		r = start_thread(opening);
	if (r != 0) {
		free_opening(opening);
		return r;
	}
	*ret_opening = opening;
	return 0;
}

int
ldap_opening_fd(const struct ldap_opening *opening)
{
	return opening->event_fd;
}

int
ldap_opening_finish(struct ldap_opening *opening,
    struct ldap_opened *ret_opened, char ret_reason[LDAP_REASON_MAX])
{
	int r;

	/* The descriptor was readable, so the thread is over, but for the
	 * last word: its lock. */
	(void)pthread_mutex_lock(&lock);
	r = opening->error;
	(void)pthread_mutex_unlock(&lock);
	memcpy(ret_reason, opening->reason, LDAP_REASON_MAX);
	if (r == 0) {
		*ret_opened = opening->opened;
		opening->opened.ld = NULL;
	}
	free_opening(opening);
	return r;
}

void
ldap_opening_abandon(struct ldap_opening *opening)
{
	bool done;

	if (opening == NULL)
		return;
	(void)pthread_mutex_lock(&lock);
	done = opening->done;
	opening->abandoned = true;
	(void)pthread_mutex_unlock(&lock);
	if (done)
		free_opening(opening);
}

bool
ldap_opening_is_any_left(void)
{
	bool any;

	(void)pthread_mutex_lock(&lock);
	any = threads > 0;
	(void)pthread_mutex_unlock(&lock);
	return any;
}
