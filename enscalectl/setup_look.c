/*
 * enscalectl setup, trying the directory: it is opened as enscale-sync opens
 * it, in a separate process with its user, so that what works here works there.
 * It does not judge entries: enscale-sync does.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "enscalectl/as_user.h"
#include "enscalectl/directory_look.h"
#include "enscalectl/setup.h"
#include "ldap/ldap_ldif.h"
#include "ldap/ldap_opening.h"

#define FILE_URI     "file://"
#define FILTER_MAX   (SCHEMA_NAME_MAX + 32)
#define MILLISECONDS 1000

__attribute__((format(printf, 3, 4))) static void
fail(struct setup_look *look, const char *hint, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(look->reason, sizeof(look->reason), format, args);
	va_end(args);
	snprintf(look->hint, sizeof(look->hint), "%s", hint);
	look->error = ENS_E_LDAP;
}

/* ---- a server ----------------------------------------------------------- */

/* Is there a node that the gateway may read? */
static bool
has_nodes(LDAP *ld, const struct config *config)
{
	int scope = config->scope == CONFIG_SCOPE_ONE ? LDAP_SCOPE_ONELEVEL
	                                              : LDAP_SCOPE_SUBTREE;
	char filter[FILTER_MAX];
	LDAPMessage *found = NULL;
	int count;

	(void)snprintf(filter, sizeof(filter), "(objectClass=%s)",
	    config->schema.names[SCHEMA_NODE]);
	(void)directory_look_search(ld, config->base, scope, filter, 1, config,
	    NULL, &found);
	count = found != NULL ? ldap_count_entries(ld, found) : 0;
	(void)ldap_msgfree(found);
	return count > 0;
}

static bool
look_at_base(LDAP *ld, const struct config *config, struct setup_look *look)
{
	char contexts[LDAP_REASON_MAX], hint[LDAP_REASON_MAX];
	int r = directory_look_base(ld, config);

	if (r == LDAP_SUCCESS)
		return true;
	directory_look_contexts(ld, config, contexts, sizeof(contexts));
	(void)snprintf(hint, sizeof(hint),
	    contexts[0] != '\0'
	        ? "the server has %s: is --base right, and may the gateway "
	          "read it?"
	        : "is --base right, and may the gateway read it?%s",
	    contexts);
	fail(look, hint, "base \"%s\": %s", config->base,
	    r == LDAP_NO_SUCH_OBJECT ? "there is no such entry"
	                             : ldap_err2string(r));
	return false;
}

static bool
look_at_server(const struct config *config, const char *uri,
    struct setup_look *look)
{
	const struct ldap_connection_options options = {
		.bind_dn = config->bind_dn,
		.password_file = config->password_file,
		.start_tls = config->start_tls,
		.tls_ca = config->tls_ca,
		.timeout = config->timeout,
		.schema = &config->schema,
	};
	struct ldap_opening *opening;
	struct ldap_opened opened;
	char reason[LDAP_REASON_MAX] = "";
	struct pollfd ready = { .events = POLLIN };
	bool good;
	int r;

	r = ldap_opening_start(&options, uri, config->base, &opening);
	if (r != 0) {
		fail(look, "try again", "%s: %s", uri, error_text(r));
		return false;
	}
	/* Each of its steps has a limit, and the last one ends it. */
	ready.fd = ldap_opening_fd(opening);
	while (poll(&ready, 1, -1) < 0 && errno == EINTR)
		;
	r = ldap_opening_finish(opening, &opened, reason);
	if (r != 0) {
		fail(look, directory_look_hint(reason), "%s: %s", uri,
		    reason[0] != '\0' ? reason : error_text(r));
		return false;
	}
	good = look_at_base(opened.ld, config, look);
	if (good) {
		look->can_sync = opened.can_sync &&
		    directory_look_sync(opened.ld, config, config->base, NULL);
		look->has_nodes = has_nodes(opened.ld, config);
		look->error = 0;
	}
	ldap_connection_close(opened.ld);
	return good;
}

/* The first one of the list that is well; of none, what the first one said. */
static void
look_at_servers(const struct config *config, struct setup_look *look)
{
	struct setup_look first = { .error = ENS_E_LDAP };
	char uri[LDAP_URI_MAX];
	uint32_t i;

	for (i = 0; ldap_connection_uri(config->uri, i, uri) == 0; i++) {
		if (look_at_server(config, uri, look))
			return;
		if (i == 0)
			first = *look;
	}
	*look = first;
}

/* ---- a file ------------------------------------------------------------- */

static bool
is_of_class(const struct ldap_ldif_entry *entry, const char *name)
{
	const struct entry_attribute *attribute;
	uint32_t i, k;

	for (i = 0; i < entry->attribute_count; i++) {
		attribute = &entry->attributes[i];
		if (strcasecmp(attribute->name.bv_val, "objectClass") != 0)
			continue;
		for (k = 0; k < attribute->value_count; k++)
			if (strcasecmp(attribute->values[k].bv_val, name) == 0)
				return true;
	}
	return false;
}

static int
read_entries(struct ldap_ldif *ldif, const struct config *config,
    struct setup_look *look, char reason[LDAP_LDIF_REASON_MAX])
{
	const char *name = config->schema.names[SCHEMA_NODE];
	struct ldap_ldif_entry entry;
	int r;

	while ((r = ldap_ldif_next(ldif, &entry, reason)) == 0)
		look->has_nodes |= is_of_class(&entry, name);
	return r == ENS_E_NOTFOUND ? 0 : r;
}

static void
look_at_file(const struct config *config, struct setup_look *look)
{
	const char *path = config->uri + strlen(FILE_URI);
	char reason[LDAP_LDIF_REASON_MAX] = "";
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct ldap_ldif *ldif;
	int r;

	look->can_sync = true;
	if (fd < 0) {
		fail(look,
		    errno == EACCES
		        ? "user enscale-sync must be able to read it: chgrp "
		          "enscale and chmod 640, and see to its folders"
		        : "create it, with entries as README shows",
		    "%s: %s", path, error_text(-errno));
		return;
	}
	r = ldap_ldif_open(fd, &ldif);
	if (r == 0) {
		r = read_entries(ldif, config, look, reason);
		ldap_ldif_close(ldif);
	}
	if (r != 0)
		fail(look, "fix it: a file is read whole or not at all",
		    "%s: %s", path, reason[0] != '\0' ? reason : error_text(r));
}

/* ---- as another user ---------------------------------------------------- */

static void
look_from_here(const void *arg, void *answer)
{
	const struct config *config = arg;

	if (strncmp(config->uri, FILE_URI, strlen(FILE_URI)) == 0)
		look_at_file(config, answer);
	else
		look_at_servers(config, answer);
}

/* Each step of it has a limit of its own. */
static int
look_in_child(const struct config *config, struct setup_look *ret_look)
{
	const struct passwd *reader = setup_reader();
	struct as_user user;
	int r;

	if (reader == NULL)
		return as_user_ask(NULL, 0, look_from_here, config, ret_look,
		    sizeof(*ret_look));
	user = (struct as_user){ reader->pw_name, reader->pw_uid,
		reader->pw_gid };
	r = as_user_ask(&user, 0, look_from_here, config, ret_look,
	    sizeof(*ret_look));
	if (r == -EPERM)
		fail(ret_look, "run this as root", "cannot become %s: %s",
		    user.name, error_text(r));
	/* Who read what the directory sends is not believed too much. */
	ret_look->reason[sizeof(ret_look->reason) - 1] = '\0';
	ret_look->hint[sizeof(ret_look->hint) - 1] = '\0';
	return r == -EPERM ? 0 : r;
}

int
setup_look(struct setup *setup)
{
	struct setup_look *look = &setup->look;
	int r;

	*look = (struct setup_look){ .error = 0 };
	printf("Looking at %s ...\n", setup->config.uri);
	fflush(stdout);
	r = look_in_child(&setup->config, look);
	if (r != 0) {
		complain("cannot look at %s: %s", setup->config.uri,
		    error_text(r));
		return EXIT_CANNOT_TELL;
	}
	if (look->error == 0)
		return EXIT_YES;
	complain("%s", look->reason);
	complain("%s", look->hint);
	return EXIT_NO;
}
