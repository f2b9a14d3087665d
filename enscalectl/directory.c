/* The administrator's connection. See directory.h. It refuses to take a
 * password from a command line, and to send one where others can read it. */
#include <config.h>

#include "enscalectl/directory.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/errors.h"
#include "enscalectl/directory_private.h"
#include "enscalectl/terminal.h"
#include "enscalectl/verb.h"

#define FILE_SCHEME "file:"

/* ---- where -------------------------------------------------------------- */

bool
directory_is_file(const struct config *config)
{
	return strncmp(config->uri, FILE_SCHEME, strlen(FILE_SCHEME)) == 0;
}

/* What libldap says when nobody has told it anything. */
static bool
is_built_in(const char *uris)
{
	return strcmp(uris, "ldap://localhost") == 0 ||
	    strcmp(uris, "ldap://localhost/") == 0 ||
	    strcmp(uris, "ldap://localhost:389/") == 0;
}

/* libldap says "ldapi:///??base" where "ldapi:///" was written. */
static void
cut_searches(char *uris)
{
	char *to = uris;

	for (const char *at = uris; *at != '\0';) {
		if (*at == '?')
			at += strcspn(at, " ");
		else
			*to++ = *at++;
	}
	*to = '\0';
}

/* LDAPURI, or URI of ldap.conf(5); NULL: neither. The caller frees it with
 * ldap_memfree(). */
static char *
personal_uris(void)
{
	char *uris = NULL;

	if (ldap_get_option(NULL, LDAP_OPT_URI, &uris) != LDAP_SUCCESS ||
	    uris == NULL)
		return NULL;
	cut_searches(uris);
	if (uris[0] != '\0' && !is_built_in(uris))
		return uris;
	ldap_memfree(uris);
	return NULL;
}

/* ---- who ---------------------------------------------------------------- */

static int
ask_password(const char *bind_dn, char ret_password[LDAP_PASSWORD_MAX])
{
	char question[ENTRY_DN_MAX];
	int r;

	snprintf(question, sizeof(question), "Password of %s: ", bind_dn);
	r = terminal_ask_secret(question, ret_password, LDAP_PASSWORD_MAX);
	if (r == 0 && ret_password[0] != '\0')
		return EXIT_YES;
	explicit_bzero(ret_password, LDAP_PASSWORD_MAX);
	if (r == -ENXIO) {
		complain("there is no terminal to ask for the password of "
		         "\"%s\": --password-file says where it is",
		    bind_dn);
		return EXIT_USAGE;
	}
	complain("no password was given");
	return EXIT_NO;
}

static int
read_password(const char *path, char ret_password[LDAP_PASSWORD_MAX])
{
	int r = ldap_password_read(path, ret_password);

	if (r == 0)
		return EXIT_YES;
	complain("--password-file \"%s\": %s", path,
	    r == ENS_E_CONFIG
	        ? "has to be a regular file of yours with mode 0600 or 0400 "
	          "and the password in it"
	        : error_text(r));
	return EXIT_USAGE;
}

/* Fills in who it is; the password is the caller's to wipe. */
static int
find_identity(const struct directory_identity *identity,
    struct ldap_connection_options *options,
    char ret_password[LDAP_PASSWORD_MAX])
{
	const char *dn = identity->bind_dn;
	int code = EXIT_YES;

	if (dn == NULL || dn[0] == '\0')
		dn = getenv("LDAPBINDDN");
	options->bind_dn = dn != NULL ? dn : "";
	if (identity->password_file != NULL &&
	    identity->password_file[0] != '\0')
		code = read_password(identity->password_file, ret_password);
	else if (options->bind_dn[0] != '\0')
		code = ask_password(options->bind_dn, ret_password);
	else
		return EXIT_YES;
	if (code == EXIT_YES)
		options->password = ret_password;
	return code;
}

/* ---- the connection ----------------------------------------------------- */

static int
connect_first(struct directory *directory, const char *uris,
    const struct ldap_connection_options *options)
{
	char *reason = directory->reason;
	int r = ENS_E_NOTFOUND;

	for (uint32_t i = 0; ldap_connection_uri(uris, i, directory->uri) == 0;
	     i++) {
		r = ldap_connection_open(options, directory->uri,
		    &directory->ld, reason);
		if (r == 0)
			return EXIT_YES;
		if (!directory->quiet)
			complain("%s: %s", directory->uri,
			    reason[0] != '\0' ? reason : error_text(r));
	}
	if (directory->quiet)
		return EXIT_NO;
	if (r == ENS_E_NOTFOUND)
		complain("there is no URI in \"%s\"", uris);
	complain("--uri, --bind-dn and --password-file say where, and as whom; "
	         "on the directory's own host root may need only "
	         "--uri ldapi:///");
	return EXIT_NO;
}

static int
connect_to(struct directory *directory,
    const struct directory_identity *identity)
{
	const struct config *config = directory->config;
	bool given = identity->uri != NULL && identity->uri[0] != '\0';
	char *theirs = given ? NULL : personal_uris();
	bool ours = !given && theirs == NULL;
	struct ldap_connection_options options = {
		.password_file = "",
		.personal = true,
		/* What is ours is as enscale.conf says; of others' servers we
		 * know no more than that a password is no stranger's. */
		.start_tls = ours ? config->start_tls : true,
		.tls_ca = theirs == NULL ? config->tls_ca : "",
		.timeout = config->timeout,
	};
	char password[LDAP_PASSWORD_MAX];
	int code;

	if (ours && directory_is_file(config)) {
		complain("the directory is \"%s\", a file, which is yours to "
		         "write; --uri names another directory",
		    config->uri);
		return EXIT_NO;
	}
	code = find_identity(identity, &options, password);
	if (code == EXIT_YES)
		code = connect_first(directory,
		    given                ? identity->uri
		        : theirs != NULL ? theirs
		                         : config->uri,
		    &options);
	explicit_bzero(password, sizeof(password));
	ldap_memfree(theirs);
	return code;
}

static int
make(const struct config *config, const char *what,
    struct directory **ret_directory)
{
	struct directory *directory = calloc(1, sizeof(*directory));

	if (directory == NULL ||
	    entry_parser_new(&config->schema, &directory->parser) != 0) {
		complain("%s", error_text(-ENOMEM));
		free(directory);
		return EXIT_CANNOT_TELL;
	}
	directory->config = config;
	directory->what = what;
	/* A server that goes away is for us to name; output.c ends a program
	 * that nobody reads. */
	(void)signal(SIGPIPE, SIG_IGN);
	*ret_directory = directory;
	return EXIT_YES;
}

int
directory_open(const struct config *config,
    const struct directory_identity *identity, const char *what,
    struct directory **ret_directory)
{
	struct directory *directory;
	int code = make(config, what, &directory);

	if (code != EXIT_YES)
		return code;
	code = connect_to(directory, identity);
	if (code != EXIT_YES)
		directory_close(directory);
	else
		*ret_directory = directory;
	return code;
}

int
directory_try(const struct config *config,
    const struct directory_identity *identity, const char *what,
    struct directory **ret_directory, char ret_reason[LDAP_REASON_MAX])
{
	struct directory *directory;
	int code = make(config, what, &directory);

	if (code != EXIT_YES)
		return code;
	directory->quiet = true;
	code = connect_to(directory, identity);
	memcpy(ret_reason, directory->reason, LDAP_REASON_MAX);
	if (code != EXIT_YES)
		directory_close(directory);
	else
		*ret_directory = directory;
	return code;
}

void
directory_close(struct directory *directory)
{
	if (directory == NULL)
		return;
	if (directory->ld != NULL)
		ldap_connection_close(directory->ld);
	entry_parser_free(directory->parser);
	free(directory->who);
	free(directory);
}

void
cleanup_directory(struct directory **directory)
{
	directory_close(*directory);
}

const struct config *
directory_config(const struct directory *directory)
{
	return directory->config;
}

LDAP *
directory_connection(const struct directory *directory)
{
	return directory->ld;
}

/* ---- what it says ------------------------------------------------------- */

/* Where it sends us: the first of them, which is the caller's to free. */
static char *
referral(LDAP *ld)
{
	char **urls = NULL, *first = NULL;

	if (ldap_get_option(ld, LDAP_OPT_REFERRAL_URLS, &urls) ==
	        LDAP_SUCCESS &&
	    urls != NULL && urls[0] != NULL)
		first = strdup(urls[0]);
	ldap_memvfree((void **)urls);
	return first;
}

static void
say_referred(struct directory *directory, const char *dn)
{
	char *url = referral(directory->ld);

	if (url != NULL)
		complain("\"%s\": %s does not have it, or takes no changes of "
		         "it, and names %s: give that one as --uri",
		    dn, directory->uri, url);
	else
		complain("\"%s\": %s takes no changes: give the server that "
		         "does as --uri",
		    dn, directory->uri);
	free(url);
}

bool
directory_is_lost(int result)
{
	return result == LDAP_SERVER_DOWN || result == LDAP_TIMEOUT ||
	    result == LDAP_CONNECT_ERROR || result == LDAP_UNAVAILABLE ||
	    result == LDAP_DECODING_ERROR;
}

int
directory_fail(struct directory *directory, int result, const char *dn,
    bool writing)
{
	char reason[LDAP_REASON_MAX];

	ldap_connection_reason(directory->ld, result, directory->what, reason);
	switch (result) {
	case LDAP_NO_SUCH_OBJECT:
		complain("%s has no entry \"%s\", or does not show it to you%s",
		    directory->uri, dn,
		    strcmp(dn, directory->config->base) == 0
		        ? ": base in enscale.conf says where all of it is"
		        : "");
		return EXIT_NO;
	case LDAP_REFERRAL:
		say_referred(directory, dn);
		return EXIT_NO;
	case LDAP_INSUFFICIENT_ACCESS:
		complain("\"%s\": %s", dn, reason);
		complain("name somebody who may do this with --bind-dn and "
		         "--password-file");
		return EXIT_NO;
	case LDAP_SIZELIMIT_EXCEEDED:
		complain("%s returns no more entries to you, because of its "
		         "limits (olcLimits): ask for fewer with FIELD=VALUE",
		    directory->uri);
		return EXIT_CANNOT_TELL;
	case LDAP_ALREADY_EXISTS:
		complain("\"%s\" exists already", dn);
		return EXIT_NO;
	default:
		break;
	}
	complain("\"%s\": %s", dn, reason);
	if (!directory_is_lost(result))
		return writing ? EXIT_NO : EXIT_CANNOT_TELL;
	complain(writing ? "%s has gone away or does not answer, so it is not "
	                   "known whether the change was made: \"show\" tells"
	                 : "%s has gone away or does not answer: nothing was "
	                   "changed",
	    directory->uri);
	return EXIT_CANNOT_TELL;
}
