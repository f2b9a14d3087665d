/*
 * The guard's state: one struct, one thread, one event loop. Ownership is
 * documented here; units take the guard and touch only their own part.
 */
#ifndef ENSCALE_GUARD_GUARD_H
#define ENSCALE_GUARD_GUARD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <jansson.h>
#include <systemd/sd-event.h>

#include "common/config/config.h"
#include "common/policy/policy.h"
#include "common/view/view.h"
#include "enscale_guard/admission.h"
#include "enscale_guard/audit.h"
#include "enscale_guard/hop.h"
#include "enscale_guard/last_use.h"
#include "enscale_guard/listener.h"
#include "enscale_guard/notices.h"
#include "enscale_guard/peer.h"
#include "enscale_guard/session_table.h"
#include "enscale_guard/signer_maker.h"
#include "enscale_guard/stream.h"
#include "enscale_guard/turns.h"
#include "enscale_guard/visits.h"

struct agent_peer;
struct earlier_hops;
struct ending;
struct key_change;
struct left_overs;
struct operator_client;

/* A connection to guard.sock (guard_socket.c). */
struct shell {
	struct guard *guard;
	struct client *client;
	struct stream *stream;
	struct stream_handler handler;
	struct peer peer;
	struct session_entry *entry; /* NULL: none, or it is over */
	bool unrecorded;             /* has none, although sshd let it in */
	struct hop hop;
	struct key_change *change; /* whose outcome it waits for, or NULL */
	uint32_t heard;            /* notices.c: the last that it was told */
	LIST_ENTRY(shell) all, of_session;
};

struct guard {
	const char *config_file;
	struct config config;
	char view_dir[CONFIG_PATH_MAX];
	char sessions_dir[CONFIG_PATH_MAX];
	char guard_socket[CONFIG_PATH_MAX];
	char agent_socket[CONFIG_PATH_MAX];
	char operator_socket[CONFIG_PATH_MAX];
	char audit_socket[CONFIG_PATH_MAX];
	char notify_socket[CONFIG_PATH_MAX];
	char keyd_socket[CONFIG_PATH_MAX];
	char hops_dir[CONFIG_PATH_MAX];
	char last_dir[CONFIG_PATH_MAX];
	char metrics_file[CONFIG_PATH_MAX];
	char visits_dir[CONFIG_PATH_MAX];

	sd_event *event;
	struct turns *turns;
	struct signer_maker *maker;
	struct signer *signer;
	sd_event_source *signer_watch;
	struct audit *audit;
	sd_event_source *audit_reports; /* audit_socket.c */
	bool is_begun;                  /* what appears from now on is new */
	struct last_use *last_use;      /* NULL: cannot be kept */
	struct visits *visits;          /* likewise */
	sd_event_source *visits_timer;  /* main.c */
	json_t *host_keys;              /* info.c */
	gid_t operator_group;           /* operator.h */
	struct admission admission, operator_admission;
	struct notices notices;
	struct session_table *sessions;
	int hops_fd; /* live_hop.c */
	struct earlier_hops *earlier_hops;

	/* published.c */
	struct view *view; /* NULL: cannot tell, because of view_error */
	int view_error;
	sd_event_source *notify, *poll;

	/* judge.c */
	sd_event_source *judge, *expiry;
	int64_t next_expiry; /* seconds since the epoch; 0: none */

	/* metrics.c */
	sd_event_source *metrics_timer;
	bool metrics_failed;

	struct left_overs *left_overs;
	struct listener *guard_listener, *agent_listener, *operator_listener;
	LIST_HEAD(, shell) shells;
	LIST_HEAD(, agent_peer) agents;
	LIST_HEAD(, operator_client) operators;
	LIST_HEAD(, ending) endings;
	LIST_HEAD(, key_change) key_changes;
};

#endif
