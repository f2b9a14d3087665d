/*
 * What enscalectl and the guard say to each other over operator.sock: for root
 * and the members of the group OPERATOR_GROUP, as the kernel knows them
 * (SO_PEERCRED, SO_PEERGROUPS). Whoever else connects is hung up on.
 *
 * A stream socket, one JSON object a line each way, as on guard.sock
 * (guard_protocol.h). Every request is audited with who asked.
 *
 * {"op":"sessions","account":25880,"node":124718}
 *	Both may be left out: all sessions. A node's sessions are those that
 *	were opened for it, and those that are inside.
 *	-> {"ok":true,"sessions":[{"session":"abcdefghij234567",
 *	    "account":25880,"node":0,"from":"198.18.0.10","since":1763850000,
 *	    "idle":12,"key":"laptop","state":"inside","inside":[124718]}, ...],
 *	    "more":true}
 *	node 0: the menu. idle: seconds since anything was typed or shown at its
 *	terminal; null: it has none. key: the title of the key that opened it.
 *	state: "menu", "inside", "ending", or "open" (for a node, not inside:
 *	a tunnel, say). more: {"op":"sessions","more":true} gets the next page.
 * {"op":"kill","session":"abcdefghij234567","text":"..."}
 *	Or "account", "node" or "environment" instead of "session". Of a node
 *	or an environment the hops end, and the sessions that were opened for
 *	it; menus stay. text, which their users are told, may be left out.
 *	-> {"ok":true,"sessions":2,"hops":1,"more":false}, or the verdict
 *	"no-session"
 *	more: there may be others, and the same request with "more":true ends
 *	them; it may find none.
 *	Of some it may not be known whether they are meant, or there is no
 *	memory to end them; what could be ended is, and failed is how many
 *	sessions may go on:
 *	-> {"ok":true,"verdict":"incomplete","sessions":2,"hops":1,
 *	    "more":false,"failed":1}
 * {"op":"announce","text":"..."} and {"op":"announce-clear"}
 *	-> {"ok":true}
 * {"op":"drain","text":"..."} and {"op":"undrain"}
 *	From the answer on no new login gets in, or they do again. text may be
 *	left out.
 *	-> {"ok":true,"sessions":17}: how many go on
 *
 * A refusal: {"ok":false,"verdict":"bad-text","sentence":"..."}. verdict is
 * "bad-request", "bad-text" (not printable, or longer than NOTICE_TEXT_MAX),
 * "no-session", "cannot-tell", "not-kept" (the disk; nothing has changed), or
 * "not-durable" (it holds, until a power failure perhaps).
 */
#ifndef ENSCALE_COMMON_PROTOCOL_OPERATOR_PROTOCOL_H
#define ENSCALE_COMMON_PROTOCOL_OPERATOR_PROTOCOL_H

#define OPERATOR_GROUP "enscale-admin"

#endif
