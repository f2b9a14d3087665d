/* See admin_act.h. */
#include <config.h>

#include "common/protocol/admin_act.h"

#include "common/base/errors.h"
#include "common/base/text.h"

void
admin_act_encode(struct wire_writer *writer, const struct admin_act *act)
{
	wire_write_u8(writer, ADMIN_ACT_KIND);
	wire_write_text(writer, act->by);
	wire_write_text(writer, act->op);
	wire_write_text(writer, act->what);
	wire_write_text(writer, act->result);
}

int
admin_act_decode(struct bytes datagram, struct admin_act *ret_act)
{
	struct wire_reader reader;
	struct admin_act act;

	wire_read_init(&reader, datagram.data, datagram.len);
	if (wire_read_u8(&reader) != ADMIN_ACT_KIND)
		return ENS_E_CORRUPT;
	act.by = wire_read_text(&reader, ADMIN_TEXT_MAX);
	act.op = wire_read_text(&reader, ADMIN_TEXT_MAX);
	act.what = wire_read_text(&reader, ADMIN_TEXT_MAX);
	act.result = wire_read_text(&reader, ADMIN_TEXT_MAX);
	if (wire_read_end(&reader) < 0 || !text_is_printable(act.by) ||
	    !text_is_printable(act.op) || !text_is_printable(act.what) ||
	    !text_is_printable(act.result))
		return ENS_E_CORRUPT;
	*ret_act = act;
	return 0;
}
