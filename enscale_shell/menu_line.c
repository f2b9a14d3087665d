/* See menu_line.h. Refuses to cut: a line over the limit is rejected. */
#include <config.h>

#include "enscale_shell/menu_line.h"

#define DELETE    '\177'
#define BACKSPACE '\b'

static bool
is_control(char byte)
{
	return (unsigned char)byte < ' ' || byte == DELETE;
}

/* Of a character of several bytes, one behind the first. */
static bool
is_continuation(char byte)
{
	return ((unsigned char)byte & 0xc0U) == 0x80;
}

static bool
is_key(unsigned char key, unsigned char byte)
{
	return key != 0 && key == byte;
}

void
menu_line_clear(struct menu_line *line)
{
	line->len = 0;
	line->is_too_long = false;
}

static void
erase_character(struct menu_line *line, FILE *out)
{
	if (line->len == 0)
		return;
	do
		line->len--;
	while (line->len > 0 && is_continuation(line->text[line->len]));
	/* ^X takes two columns. */
	fputs(is_control(line->text[line->len]) && line->text[line->len] != '\t'
	        ? "\b\b  \b\b"
	        : "\b \b",
	    out);
}

static void
erase_word(struct menu_line *line, FILE *out)
{
	while (line->len > 0 && line->text[line->len - 1] == ' ')
		erase_character(line, out);
	while (line->len > 0 && line->text[line->len - 1] != ' ')
		erase_character(line, out);
}

static void
erase_all(struct menu_line *line, FILE *out)
{
	while (line->len > 0)
		erase_character(line, out);
}

static void
show(char byte, FILE *out)
{
	if (byte == '\t')
		fputc(' ', out);
	else if (is_control(byte))
		fprintf(out, "^%c", byte ^ '@');
	else
		fputc(byte, out);
}

static void
append(struct menu_line *line, char byte, FILE *out)
{
	if (line->len == MENU_LINE_MAX) {
		line->is_too_long = true;
		return;
	}
	line->text[line->len++] = byte;
	show(byte, out);
}

void
menu_line_show(const struct menu_line *line, FILE *out)
{
	for (size_t i = 0; i < line->len; i++)
		show(line->text[i], out);
}

static enum menu_line_state
finish(struct menu_line *line)
{
	size_t i;

	line->text[line->len] = '\0';
	for (i = 0; i < line->len; i++)
		if (is_control(line->text[i]) && line->text[i] != '\t')
			return MENU_LINE_RUBBISH;
	return line->is_too_long ? MENU_LINE_RUBBISH : MENU_LINE_WHOLE;
}

enum menu_line_state
menu_line_take(struct menu_line *line, const struct menu_line_keys *keys,
    unsigned char byte, FILE *out)
{
	if (is_key(keys->interrupt, byte) || is_key(keys->quit, byte))
		return MENU_LINE_BACK;
	if (is_key(keys->end, byte) && line->len == 0)
		return MENU_LINE_LEAVE;
	if (byte == '\n' || byte == '\r' || is_key(keys->end, byte)) {
		fputc('\n', out);
		return finish(line);
	}
	if (is_key(keys->erase, byte) || byte == DELETE || byte == BACKSPACE)
		erase_character(line, out);
	else if (is_key(keys->word_erase, byte))
		erase_word(line, out);
	else if (is_key(keys->kill, byte))
		erase_all(line, out);
	else
		append(line, (char)byte, out);
	return MENU_LINE_OPEN;
}
