/* Choosing the source that the configuration names. See source.h. */
#include <config.h>

#include "enscale_sync/source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "enscale_sync/source_type.h"

struct source {
	const struct source_type *type;
	void *self; /* owned */
};

/* The hour of the night, local time, in which all is compared. */
#define NIGHT_HOUR 3

static const struct source_type *
type_of(const struct config *config)
{
	if (strncmp(config->uri, "file://", strlen("file://")) == 0)
		return &source_file;
	return config->method == CONFIG_METHOD_POLL ? &source_poll
	                                            : &source_ldap;
}

void
source_configure(const struct config *config, bool polled,
    struct ldap_search *ret_search, struct ldap_connection_options *ret_options)
{
	ldap_search_init(ret_search, config->base,
	    config->scope == CONFIG_SCOPE_ONE ? LDAP_SCOPE_ONELEVEL
	                                      : LDAP_SCOPE_SUBTREE,
	    config->filter, &config->schema, polled);
	*ret_options = (struct ldap_connection_options){
		.bind_dn = config->bind_dn,
		.password_file = config->password_file,
		.start_tls = config->start_tls,
		.tls_ca = config->tls_ca,
		.timeout = config->timeout,
		.schema = &config->schema,
	};
}

uint32_t
source_random(void)
{
	uint32_t random;

	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) !=
	    (ssize_t)sizeof(random))
		random = 0;
	return random;
}

time_t
source_next_night(void)
{
	time_t now = time(NULL), night;
	struct tm tm;

	if (localtime_r(&now, &tm) == NULL)
		return now + 24 * 60 * 60;
	tm.tm_hour = NIGHT_HOUR;
	tm.tm_min = (int)(source_random() % 60);
	tm.tm_isdst = -1;
	night = mktime(&tm);
	return night > now ? night : night + 24 * 60 * 60;
}

int
source_start(sd_event *event, const struct config *config,
    struct follow *follow, struct status *status, struct source **ret_source)
{
	const struct source_type *type = type_of(config);
	struct source *source;
	int r;

	source = calloc(1, sizeof(*source));
	if (source == NULL)
		return -ENOMEM;
	source->type = type;
	status->method = type->method;
	r = type->start(event, config, follow, status, &source->self);
	if (r != 0) {
		free(source);
		return r;
	}
	*ret_source = source;
	return 0;
}

int
source_poke(struct source *source)
{
	return source->type->poke == NULL ? 0
	                                  : source->type->poke(source->self);
}

void
source_stop(struct source *source)
{
	if (source == NULL)
		return;
	source->type->stop(source->self);
	free(source);
}
