/* See authority.h. It refuses to go on without a signer. */
#include <config.h>

#include "enscale_guard/authority.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/changeable.h"
#include "common/base/errors.h"
#include "common/keys/fingerprint.h"
#include "enscale_guard/audit.h"
#include "enscale_guard/log.h"

static int
addresses_of(const struct guard *guard, char buf[CERT_ADDRESSES_MAX + 1])
{
	int r = 0;

	snprintf(buf, CERT_ADDRESSES_MAX + 1, "%s",
	    guard->config.source_addresses);
	if (buf[0] == '\0')
		r = signer_host_addresses(buf, CERT_ADDRESSES_MAX + 1);
	if (r < 0)
		log_error("cannot find out this host's addresses; set "
		          "source_addresses in [hop]: %s",
		    error_text(r));
	return r;
}

/* What to do about a key that cannot be loaded. Nodes trust one key: a new one
 * is for a gateway that has no nodes yet. */
static const char *
advice(int error)
{
	switch (error) {
	case -ENOENT:
		return "; restore it from a backup or from another gateway; "
		       "only on a new one, make it: enscalectl ca init";
	case -EPERM:
	case -EACCES:
		return "; it must belong to root and the group enscale-ca, "
		       "mode 0440, and this user must have been in that group "
		       "when the guard started";
	case -ELOOP:
	case ENS_E_KEY_FORMAT:
	case ENS_E_KEY_TYPE:
		return "; it must be a file, not a link, with an ed25519 key "
		       "in PEM, not encrypted";
	case -EPIPE:
		return ": the lines above say why";
	default:
		return "";
	}
}

static void
log_no_signer(const struct guard *guard, const char *what, int error)
{
	log_error("%s: CA key \"%s\": %s%s", what, guard->config.ca_key,
	    error_text(error), advice(error));
}

/* A key as it used to be made: the guard may not read it (Landlock), but
 * nothing keeps its owner from giving it another mode. */
static void
warn_of_own_key(const struct guard *guard)
{
	if (changeable_by(guard->config.ca_key, geteuid()))
		log_warning("this user can change CA key \"%s\": chown "
		            "root:enscale-ca and chmod 0440 it; its folders "
		            "must belong to root",
		    guard->config.ca_key);
}

static void
fingerprint_of(const struct signer *signer,
    char text[FINGERPRINT_SHA256_TEXT_LEN + 1])
{
	uint8_t digest[SHA256_LEN];

	text[0] = '\0';
	if (fingerprint_sha256(signer_authority(signer), digest) == 0)
		fingerprint_format_sha256(digest, text);
}

int
authority_start(struct guard *guard)
{
	const struct signer_maker_files files = {
		.ca_key = guard->config.ca_key,
		.config = guard->config_file,
	};
	char addresses[CERT_ADDRESSES_MAX + 1];
	char text[FINGERPRINT_SHA256_TEXT_LEN + 1];
	int r;

	r = addresses_of(guard, addresses);
	if (r < 0)
		return r;
	r = signer_maker_start(&files, addresses, &guard->maker);
	if (r < 0) {
		log_error("no signer: %s", error_text(r));
		return r;
	}
	r = signer_maker_ask(guard->maker, &guard->signer);
	if (r < 0) {
		log_no_signer(guard, "no signer", r);
		return r;
	}
	warn_of_own_key(guard);
	fingerprint_of(guard->signer, text);
	log_info("signing as CA %s; certificates are valid from %s", text,
	    addresses);
	return 0;
}

static int
on_signer_lost(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
	struct guard *guard = arg;

	(void)source, (void)fd, (void)revents;
	log_error("the signer has ended, so the guard ends too");
	sd_event_exit(guard->event, EXIT_FAILURE);
	return 0;
}

/* It gets its name when it is finished: enscalectl waits for its content. */
static void
publish(const struct guard *guard)
{
	char path[CONFIG_PATH_MAX], temporary[CONFIG_PATH_MAX];
	char text[FINGERPRINT_SHA256_TEXT_LEN + 1];
	FILE *file;

	if (config_path(guard->config.run_dir, CONFIG_CA_FILE, path) < 0 ||
	    config_path(guard->config.run_dir, CONFIG_CA_FILE ".new",
	        temporary) < 0)
		return;
	fingerprint_of(guard->signer, text);
	file = fopen(temporary, "we");
	if (file == NULL) {
		log_warning("cannot write \"%s\": %s", temporary,
		    error_text(-errno));
		return;
	}
	fprintf(file, "%s\n", text);
	if (fclose(file) != 0 || rename(temporary, path) != 0)
		log_warning("cannot write \"%s\": %s", path,
		    error_text(-errno));
}

int
authority_watch(struct guard *guard)
{
	publish(guard);
	return sd_event_add_io(guard->event, &guard->signer_watch,
	    signer_fd(guard->signer), EPOLLHUP, on_signer_lost, guard);
}

static void
adopt(struct guard *guard, struct signer *signer)
{
	struct signer *before = guard->signer;
	char text[FINGERPRINT_SHA256_TEXT_LEN + 1];

	guard->signer_watch = sd_event_source_unref(guard->signer_watch);
	guard->signer = signer;
	signer_stop(before);
	if (authority_watch(guard) < 0)
		log_warning("cannot watch the signer");
	fingerprint_of(signer, text);
	log_info("signing as CA %s from now on", text);
	audit_event(guard->audit, AUDIT_EVENT_CA_CHANGED, NULL,
	    &(struct audit_fields){ .ca = text });
}

void
authority_renew(struct guard *guard)
{
	struct signer *signer;
	int r = signer_maker_ask(guard->maker, &signer);

	if (r < 0) {
		log_no_signer(guard, "keeping the previous CA key", r);
		return;
	}
	warn_of_own_key(guard);
	if (bytes_equal(signer_authority(signer),
	        signer_authority(guard->signer)))
		signer_stop(signer);
	else
		adopt(guard, signer);
}

void
authority_stop(struct guard *guard)
{
	sd_event_source_unref(guard->signer_watch);
	signer_stop(guard->signer);
	signer_maker_stop(guard->maker);
}
