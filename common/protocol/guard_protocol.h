/*
 * What the shell and the guard say to each other over guard.sock.
 *
 * A stream socket. The shell writes one JSON object a line (at most
 * GUARD_REQUEST_MAX bytes with its line end), the guard answers each with
 * one JSON object a line. Who asks is known from the socket: the uid by
 * SO_PEERCRED, the session by walking from the peer's process up to a
 * registered sshd monitor. Nothing that the shell says about itself counts, so
 * no request names an account.
 *
 * {"op":"hello"}
 *	-> {"ok":true,"session":"abcdefghij234567","account":25880,
 *	    "node":0,"name":"Full Name","support":"...",
 *	    "announcement":"...","notice":"...","host":"ssh.enscale.com",
 *	    "port":3022,
 *	    "key":"SHA256:...","address":"198.18.0.10",
 *	    "native":false,"last_login":1763840000,"last_address":"198.18.0.10",
 *	    "as_of":1763850000,"menu_idle":3600,"hop_idle":0}
 *	last_login: when and from where the account last logged in before this
 *	session; 0 and "" where that is not known. announcement is of the
 *	configuration, notice what operators announced last; "": none.
 *	menu_idle, hop_idle: seconds after which the shell ends a menu, or a hop
 *	at a terminal, where nothing happens; 0: never.
 * {"op":"list"}
 *	-> {"ok":true,"environments":[{"name":"cool-waterfall-59",
 *	    "state":"running","role":"owner","owner":25880,
 *	    "verdict":"allowed","sentence":"...",
 *	    "nodes":[{"node":124718,"port":22,"service":"apache","address":"198.19.0.18",
 *	    "user":"apache","state":"running"}, ...],
 *	    "node_count":2}, ...],"last_node":124718,"notice":"..."}
 *	Every environment that the account has any role in. "verdict" is the one
 *	for entering a running node of it; "sentence" is there when that is not
 *	"allowed". Nodes of an environment with the verdict "access-limited" are
 *	counted, not listed. last_node: the node that was last entered from the
 *	menu, on this gateway; 0: none.
 *	A long list comes in pages of about GUARD_PAGE_SIZE bytes. A page that
 *	is not the last one says "more":"...", and {"op":"list","after":"..."}
 *	with that text, and the other fields again, asks for the next; an
 *	environment whose nodes are on several pages is on each of them. Every
 *	page is judged again.
 *	With "host_keys":true each node has "known_hosts", as below, if it has
 *	any.
 * {"op":"hop","node":124718,"forward_agent":false,"terminal":true,
 *  "command":"ls","subsystem":"sftp"}
 *	Declares a hop of the asking process: from now on, for HOP_SECONDS,
 *	an ssh that is this process' child may ask the agent for a certificate
 *	for this node. A session that was opened for one node can only hop
 *	there. A new declaration replaces the previous one. The last three may
 *	be left out: they are for the audit log.
 *	-> {"ok":true,"node":124718,"address":"198.19.0.18","port":22,
 *	    "user":"apache","alias":"node124718",
 *	    "known_hosts":"node124718 ssh-ed25519 AAAA...\n...",
 *	    "connect_timeout":10,"agent_socket":"/run/enscale/guard/agent.sock"}
 *	The connection stays open while the hop runs; its end tells the guard
 *	that the hop is over.
 * {"op":"hop-done","denied":false,"failed":"unreachable",
 *  "why":"it refuses connections","exit":0}
 *	The ssh has ended; the declaration is gone. "denied" may be left out:
 *	true: the node refused the login, which is logged and audited if the
 *	guard knows of a certificate for which the node asked for no signature.
 *	So may the others, for the audit log: "failed" and "why" say what ssh
 *	said of a hop that failed, "exit" how the command of one ended that did
 *	not.
 *	-> {"ok":true,"signed":true}: whether the agent gave this hop its
 *	signature. When it refused for a reason of policy, "signed" is false
 *	and "code", "verdict" and "sentence" are there as in a refusal.
 *
 * {"op":"settings"}
 *	-> {"ok":true,"host":"ssh.enscale.com","port":3022,"account":25880,
 *	    "host_keys":[{"type":"ED25519","bits":256,"sha256":"SHA256:...",
 *	    "md5":"MD5:..."}, ...]}
 * {"op":"sessions"}
 *	-> {"ok":true,"sessions":[{"session":"abcdefghij234567",
 *	    "opened":1763850000,"address":"198.18.0.10","node":0,
 *	    "inside":[124718]}, ...]}
 *	The account's open sessions on this gateway; inside: the nodes that are
 *	entered right now.
 *
 * {"op":"log","environment":"cool-waterfall-59"}
 *	"environment" may be left out. Who entered the account's own
 *	environments through this gateway, the oldest first:
 *	-> {"ok":true,"visits":[{"time":1763850000,"account":21296,
 *	    "environment":"cool-waterfall-59","node":124718,
 *	    "address":"198.18.0.10","command":"ls","terminal":false,
 *	    "seconds":7,"exit":0}, ...]}
 *	"command" is its first VISIT_COMMAND_MAX bytes; "subsystem" in its place
 *	where it was one; neither: the node's shell. Without "seconds" its end was not seen; "inside" is there then,
 *	and says whether it still runs.
 * {"op":"cert"}
 *	A certificate for the session's own key (ed25519) and the node of its
 *	login name, if the configuration has native = yes.
 *	-> {"ok":true,"certificate":"ssh-ed25519-cert-v01@openssh.com AAAA...",
 *	    "principal":"node124718","lifetime":180}
 *	A refusal's verdict may then also be "native-off", "no-node",
 *	"key-type" or "no-certificate".
 *
 * {"op":"keys"}
 *	-> {"ok":true,"manage":true,"keys":[{"title":"Enscale Demo Key",
 *	    "type":"ED25519","bits":256,"added":1763850000,"expires":0,
 *	    "from":"","sha256":"SHA256:...","md5":"MD5:..."}, ...]}
 *	The account's keys. added 0: unknown; expires 0: never; manage: may they
 *	be changed here at all? In pages, like "list".
 * {"op":"key-add","title":"My laptop","key":"ssh-ed25519 AAAA..."}
 * {"op":"key-delete","fingerprint":"SHA256:..."}
 *	enscale-keyd makes the change in the directory; the answer comes when
 *	that is done, at most KEY_CHANGE_SECONDS later, and nothing else may be
 *	asked on that connection meanwhile. Only for sessions without a node
 *	whose own key has neither from= nor an expiry. Deleting the session's
 *	own key ends the session, perhaps before the answer.
 *	-> {"ok":true,"fingerprint":"SHA256:..."}
 *	A refusal's verdict may then also be "key-limited", "bad-fingerprint"
 *	or a word of keyd_result_text(), as "keys-off" (manage = no).
 *
 * Lines of the guard's own accord, at any time, with the same fields as a
 * refusal: {"event":"end","code":120,"verdict":"...","sentence":"..."} tells
 * the shell that the session ends: it says the sentence, ends the hop and
 * itself. {"event":"end-hop",...} ends the hop alone; a menu goes on. The
 * guard signals the hop's ssh by itself at once, the shell a moment later.
 *
 * {"event":"announce","text":"..."} is for menus that are open: what operators
 * announce, or "" when they take it back.
 *
 * A connection that the guard closes (it was restarted) ends nothing: a
 * running hop goes on, and the shell reconnects for its next request.
 *
 * A refusal: {"ok":false,"code":120,"verdict":"node-unknown",
 * "sentence":"...","session":"..."}; that of a hello has "support", too.
 * code is the exit code for a direct session: GUARD_EXIT_*. verdict is a word
 * of policy's, or "other-node", "hop-limit", "no-host-key", "own-address",
 * "no-session", "unrecorded" (sshd let the peer in without asking pam_enscale),
 * "too-many-requests", "too-long" (an answer that does not fit into
 * GUARD_REPLY_MAX), "bad-request". An unknown op, bad JSON or an over-long line
 * gets code 122 and the connection is closed.
 */
#ifndef ENSCALE_COMMON_PROTOCOL_GUARD_PROTOCOL_H
#define ENSCALE_COMMON_PROTOCOL_GUARD_PROTOCOL_H

#define GUARD_EXIT_REFUSED     120 /* policy says no */
#define GUARD_EXIT_UNREACHABLE 121 /* the node cannot be reached */
#define GUARD_EXIT_FAULT       122 /* the gateway itself has a fault */
#define GUARD_EXIT_USAGE       123 /* wrong usage */

#endif
