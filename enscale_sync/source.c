/* Which source it is that the configuration names. See source.h. */
#include <config.h>

#include "enscale_sync/source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "enscale_sync/source_type.h"

struct source {
	const struct source_type *type;
	void *self; /* owned */
};

static const struct source_type *
type_of(const struct config *config)
{
	if (strncmp(config->uri, "file://", strlen("file://")) == 0)
		return &source_file;
	return config->method == CONFIG_METHOD_POLL ? &source_poll
	                                            : &source_ldap;
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
